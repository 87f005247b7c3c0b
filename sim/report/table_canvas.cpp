#include "report/table_canvas.hpp"

#include <algorithm>

#include "report/format.hpp"

namespace moesim {

void TableCanvas::line(std::string_view content) {
  std::string out = columns_of(content) > kWidth ? fit(content, kWidth) : std::string(content);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  while (!out.empty() && out.back() == ' ') out.pop_back();
  text_ += out + "\n";
}

void TableCanvas::heading(std::string_view name, std::string_view remark) {
  const int room = kWidth - columns_of(name);
  line("");
  line(std::string(name) + " " + fit(remark, std::max(0, room - 1), Align::right));
}

void TableCanvas::wrapped(std::string_view lead, std::string_view content) {
  const std::string indent(static_cast<size_t>(columns_of(lead)), ' ');
  std::string current(lead);
  bool empty = true;
  while (!content.empty()) {
    const size_t end = std::min(content.find(' '), content.size());
    const std::string_view word = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    if (word.empty()) continue;
    if (!empty && columns_of(current) + 1 + columns_of(word) > kWidth) {
      line(current);
      current = indent;
      empty = true;
    }
    if (!empty) current += ' ';
    current += word;
    empty = false;
  }
  line(current);
}

}  // namespace moesim
