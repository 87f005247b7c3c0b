#include "config/recorded_counts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "config/text.hpp"

namespace moesim {
namespace {

constexpr std::array<const char*, 4> kColumns = {"layer", "step", "expert", "tokens"};
enum Column { kLayer, kStep, kExpert, kTokens };

struct Cell {
  std::string_view text;
  int column = 1;  // where it begins, from 1
};

std::vector<Cell> split(std::string_view line) {
  std::vector<Cell> cells;
  for (size_t begin = 0;;) {
    const size_t end = std::min(line.find(',', begin), line.size());
    size_t first = begin, last = end;
    while (first < last && (line[first] == ' ' || line[first] == '\t')) ++first;
    while (last > first &&
           (line[last - 1] == ' ' || line[last - 1] == '\t' || line[last - 1] == '\r'))
      --last;
    cells.push_back({line.substr(first, last - first), static_cast<int>(first) + 1});
    if (end == line.size()) return cells;
    begin = end + 1;
  }
}

class Reader {
 public:
  Reader(const std::string& file, const std::string& key, const RecordedLimits& limits,
         Problems& problems)
      : file_(file), key_(key), limits_(limits), problems_(problems) {}

  std::vector<RecordedCount> read(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    bool header = true;
    for (line_ = 1; !text.empty(); ++line_) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const std::vector<Cell> cells = split(line);
      if (cells.size() == 1 && cells[0].text.empty()) continue;
      if (header) {
        header = false;
        if (!read_header(cells)) return {};
      } else {
        read_row(cells);
      }
      if (reported_ > kMostRecordedProblems) break;
    }
    if (header)
      fail({{}, 1}, "is empty: expected a line of column names layer,step,expert,tokens");
    else if (reported_ == 0 && counts_.empty())
      fail({{}, 1}, "has no counts, only a line of column names");
    return std::move(counts_);
  }

 private:
  void fail(const Cell& cell, const std::string& message) {
    if (++reported_ <= kMostRecordedProblems)
      return problems_.add({file_, line_, cell.column}, key_, message);
    if (reported_ == kMostRecordedProblems + 1)
      problems_.add({file_, line_, cell.column}, key_, "more problems from here on are not listed");
  }

  bool read_header(const std::vector<Cell>& cells) {
    position_.fill(-1);
    for (size_t i = 0; i < cells.size(); ++i) {
      const auto known = std::find(kColumns.begin(), kColumns.end(), cells[i].text);
      if (known == kColumns.end()) {
        fail(cells[i], fmt::format("{} is not a column of recorded counts{}", quote(cells[i].text),
                                   hint(cells[i].text, {kColumns.begin(), kColumns.end()})));
        continue;
      }
      int& position = position_[static_cast<size_t>(known - kColumns.begin())];
      if (position >= 0) fail(cells[i], fmt::format("column {} a second time", *known));
      position = static_cast<int>(i);
    }
    for (size_t i = 0; i < kColumns.size(); ++i)
      if (position_[i] < 0) fail(cells[0], fmt::format("column {} is missing", kColumns[i]));
    return reported_ == 0;
  }

  template <class Number>
  bool parse(const Cell& cell, Column column, Number most, Number& value) {
    const char* end = cell.text.data() + cell.text.size();
    const auto [rest, error] = std::from_chars(cell.text.data(), end, value);
    if (error != std::errc() || rest != end || cell.text.empty()) {
      const char* kind = std::is_integral_v<Number> ? "an integer" : "a number";
      fail(cell, fmt::format("{}: expected {}, got {}", kColumns[column], kind, quote(cell.text)));
      return false;
    }
    if (value >= 0 && value <= most) return true;
    fail(cell, fmt::format("{}: expected {} to {}, got {}", kColumns[column], 0, most, cell.text));
    return false;
  }

  void read_row(const std::vector<Cell>& cells) {
    if (cells.size() != kColumns.size())
      return fail(cells[0],
                  fmt::format("expected {} columns, got {}", kColumns.size(), cells.size()));
    constexpr int kMost = std::numeric_limits<int>::max();
    RecordedCount count;
    const auto cell = [&](Column column) -> const Cell& {
      return cells[static_cast<size_t>(position_[column])];
    };
    bool sound =
        parse(cell(kLayer), kLayer, limits_.layers > 0 ? limits_.layers - 1 : kMost, count.layer);
    sound = parse(cell(kStep), kStep, kMost, count.step) && sound;
    sound = parse(cell(kExpert), kExpert, limits_.experts > 0 ? limits_.experts - 1 : kMost,
                  count.expert) &&
            sound;
    sound = parse(cell(kTokens), kTokens, 1e15, count.tokens) && sound;
    if (sound) counts_.push_back(count);
  }

  const std::string& file_;
  const std::string& key_;
  RecordedLimits limits_;
  Problems& problems_;
  std::array<int, 4> position_{};  // of each column in the file
  std::vector<RecordedCount> counts_;
  int line_ = 1;
  size_t reported_ = 0;
};

}  // namespace

std::vector<RecordedCount> read_recorded_counts(const std::string& text, const std::string& file,
                                                const std::string& key,
                                                const RecordedLimits& limits, Problems& problems) {
  return Reader(file, key, limits, problems).read(text);
}

}  // namespace moesim
