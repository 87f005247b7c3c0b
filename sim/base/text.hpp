// Small helpers on UTF-8 text: its width on a terminal, blanks, names in messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// Returns the columns that a terminal shows: code points. Every character that the program prints
// is one column wide.
int columns_of(std::string_view text);

enum class Align { left, right };
// Fills with blanks to `width` columns, or cuts with "…" at the end.
std::string fit(std::string_view text, int width, Align align = Align::left);
// The same, cut at its front: of a long path the end tells files apart.
std::string fit_end(std::string_view text, int width, Align align = Align::left);

// Without blanks and tabs at either end.
std::string_view trim(std::string_view text);

// Returns the parts of the text between any of these separators, trimmed; empty ones are left out.
std::vector<std::string> split(std::string_view text, std::string_view separators);

// ASCII letters alone change.
std::string lowercase(std::string_view text);

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
std::string end_of(std::string_view text, int columns);

struct TextFault {
  std::string what;  // empty: text is UTF-8 without control characters
  int line = 0;
  int column = 0;
};
TextFault find_text_fault(std::string_view text);

}  // namespace moesim
