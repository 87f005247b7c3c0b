// Lines of a terminal table; none comes out wider than the terminal, whatever is put in.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

class TableCanvas {
 public:
  static constexpr int kWidth = 80;

  const std::string& text() const { return text_; }

  void line(std::string_view content);
  // A blank line, then the name at the left and the remark at the right.
  void heading(std::string_view name, std::string_view remark);
  // Broken between words; what follows the first line is indented as far as `lead` is wide.
  void wrapped(std::string_view lead, std::string_view content);

 private:
  std::string text_;
};

}  // namespace moesim
