#include "plan/uneven_layout.hpp"

#include <algorithm>

namespace moesim {

std::string uneven_layout(const ModelShape& shape, int chunks) {
  if (chunks < 1 || shape.layers % chunks == 0) return "";
  const bool counted = (shape.layers + 2) % chunks == 0;
  const int each = counted ? (shape.layers + 2) / chunks : (shape.layers + chunks - 1) / chunks;
  std::string text;
  int left = shape.layers;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const bool last = chunk == chunks - 1;
    if (chunk == 0) text += 'E';
    const int layers = last ? left : std::min(left, counted && chunk == 0 ? each - 1 : each);
    text.append(static_cast<size_t>(layers), 't');
    left -= layers;
    if (!last) text += '|';
  }
  text.append(static_cast<size_t>(shape.mtp_layers), 'm');
  return text + 'L';
}

}  // namespace moesim
