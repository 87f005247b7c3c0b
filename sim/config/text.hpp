// Small helpers on text that readers and writers of configuration share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// "plan" + "tp" -> "plan.tp"; either may be empty.
std::string join_path(std::string_view path, std::string_view key);

// In double quotes for a message, shortened when long.
std::string quote(std::string_view text);

// " (did you mean "experts"?)", the candidate closest to `name` in edits (insert, delete, replace, swap neighbours)
// when it is close enough to be a slip; else "".
std::string hint(std::string_view name, const std::vector<std::string>& candidates);

// "a, b or c".
std::string join_or(const std::vector<std::string>& names);

struct TextFault {
  std::string what;  // empty: text is UTF-8 without control characters
  int line = 0;
  int column = 0;
};
TextFault find_text_fault(std::string_view text);

}  // namespace moesim
