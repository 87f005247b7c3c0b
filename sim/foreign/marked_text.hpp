// Text in which every character knows the place in the file it was written at, through variables
// and expansions. A place that something unknown left empty (a variable that nobody set, the output
// of a command) is marked, so that whoever needs a value there can say what is missing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct MarkedText {
  std::string text;
  std::vector<int> places;  // of each character: kColumns x line + column, 0 where none is known

  static constexpr int kColumns = 4096;  // characters further right than that are shown at its end

  MarkedText() = default;
  MarkedText(std::string_view all, int place) : text(all), places(all.size(), place) {}

  size_t size() const { return text.size(); }
  bool empty() const { return text.empty(); }
  // Behind the last character the place is that of the last.
  int place(size_t at) const;
  int line(size_t at) const { return place(at) / kColumns; }
  int column(size_t at) const { return place(at) % kColumns; }
  void add(char c, int place);
  void add(const MarkedText& more);
  MarkedText part(size_t begin, size_t end) const;
};

// Returns the text of a file with its places; "\r" before a line's end is left out.
MarkedText numbered(std::string_view text);

// Returns what stands for the value of something unknown.
MarkedText unknown_value(std::string_view name, int place);
// Returns the place behind the mark that begins at `at`; `at` where none does.
size_t behind_mark(std::string_view text, size_t at);
bool is_unknown(std::string_view text);            // holds such a mark
std::string without_marks(std::string_view text);  // as the shell would see it: nothing there
std::vector<std::string> unknowns(std::string_view text);  // their names
// "64" or "${NNODES}/ckpt": each mark as the name it stands for.
std::string with_names(std::string_view text);

}  // namespace moesim
