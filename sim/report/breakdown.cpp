#include "report/breakdown.hpp"

#include <algorithm>

namespace moesim {

std::array<BreakdownPart, 10> parts_of(const Breakdown& b) {
  return {{{"compute", "compute", b.compute, false},
           {"exposed_ep", "exposed EP", b.exposed_ep, false},
           {"exposed_tp", "exposed TP", b.exposed_tp, false},
           {"exposed_cp", "exposed CP", b.exposed_cp, false},
           {"exposed_dp", "exposed DP", b.exposed_dp, false},
           {"exposed_pp", "exposed PP", b.exposed_pp, false},
           {"exposed_stream", "exposed stream", b.exposed_stream, true},
           {"bubble", "bubble", b.bubble, false},
           {"optimizer", "optimizer", b.optimizer, false},
           {"other", "other", b.other, false}}};
}

std::string spaced(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

}  // namespace moesim
