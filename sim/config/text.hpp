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

// " (did you mean "experts"?)", the candidate closest to `name` in edits (insert, delete, replace,
// swap neighbours) when it is close enough to be a slip; else "".
std::string hint(std::string_view name, const std::vector<std::string>& candidates);

// "a, b or c".
std::string join_or(const std::vector<std::string>& names);

// Broken at blanks into lines of at most `width` columns, the first of which begins at column
// `begin` and the others with `indent` blanks; line breaks in `text` stay. A longer word has a line
// of its own. No blank or line break at the end.
inline constexpr size_t kTerminalColumns = 80;
std::string fold(std::string_view text, size_t begin, size_t indent,
                 size_t width = kTerminalColumns);

// At most `columns` (1 or more) long: "…" and the end of a longer text, which tells paths apart.
std::string end_of(std::string_view text, size_t columns);

struct TextFault {
  std::string what;  // empty: text is UTF-8 without control characters
  int line = 0;
  int column = 0;
};
TextFault find_text_fault(std::string_view text);

}  // namespace moesim
