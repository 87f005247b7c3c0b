#include "config/recorded_counts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/csv.hpp"
#include "base/text.hpp"

namespace moesim {
namespace {

constexpr std::array<const char*, 4> kColumns = {"layer", "step", "expert", "tokens"};
enum Column { kLayer, kStep, kExpert, kTokens };
// As dumps of serving engines name them.
constexpr std::array<const char*, 4> kAlsoCalled = {"layer_id", "", "expert_id", "count"};

class Reader {
 public:
  Reader(const std::string& file, const std::string& key, const RecordedLimits& limits,
         Problems& problems)
      : file_(file), key_(key), limits_(limits), problems_(problems) {}

  std::vector<RecordedCount> read(std::string_view text) {
    CsvReader reader(text, file_, problems_);
    CsvRecord record;
    if (!reader.next(record)) {
      fail({file_, 1, 1}, "is empty: expected a line of column names layer,step,expert,tokens");
      return {};
    }
    if (!read_header(record)) return {};
    while (reported_ <= kMostRecordedProblems && reader.next(record)) read_row(record);
    if (reported_ == 0 && counts_.empty())
      fail(reader.here(), "has no counts, only a line of column names");
    return std::move(counts_);
  }

 private:
  void fail(const Place& place, const std::string& message) {
    if (++reported_ <= kMostRecordedProblems) return problems_.add(place, key_, message);
    if (reported_ == kMostRecordedProblems + 1)
      problems_.add(place, key_, "more problems from here on are not listed");
  }

  bool read_header(const CsvRecord& cells) {
    position_.fill(-1);
    for (size_t i = 0; i < cells.size(); ++i) {
      const auto named = std::find(kAlsoCalled.begin(), kAlsoCalled.end(), cells[i].text);
      const auto known = named != kAlsoCalled.end() && !cells[i].text.empty()
                             ? kColumns.begin() + (named - kAlsoCalled.begin())
                             : std::find(kColumns.begin(), kColumns.end(), cells[i].text);
      if (known == kColumns.end()) {
        fail(cells[i].place,
             fmt::format("{} is not a column of recorded counts{}", quote(cells[i].text),
                         hint(cells[i].text, {kColumns.begin(), kColumns.end()})));
        continue;
      }
      int& position = position_[static_cast<size_t>(known - kColumns.begin())];
      if (position >= 0) fail(cells[i].place, fmt::format("column {} a second time", *known));
      position = static_cast<int>(i);
    }
    for (size_t i = 0; i < kColumns.size(); ++i)
      if (position_[i] < 0 && i != kStep)
        fail(cells[0].place, fmt::format("column {} is missing", kColumns[i]));
    columns_ = cells.size();
    return reported_ == 0;
  }

  template <class Number>
  bool parse(const CsvCell& cell, Column column, Number most, Number& value) {
    const char* end = cell.text.data() + cell.text.size();
    const auto [rest, error] = std::from_chars(cell.text.data(), end, value);
    if (error != std::errc() || rest != end || cell.text.empty()) {
      const char* kind = std::is_integral_v<Number> ? "an integer" : "a number";
      fail(cell.place,
           fmt::format("{}: expected {}, got {}", kColumns[column], kind, quote(cell.text)));
      return false;
    }
    if (value >= 0 && value <= most) return true;
    fail(cell.place,
         fmt::format("{}: expected {} to {}, got {}", kColumns[column], 0, most, cell.text));
    return false;
  }

  void read_row(const CsvRecord& cells) {
    if (cells.size() != columns_)
      return fail(cells[0].place,
                  fmt::format("expected {} columns, got {}", columns_, cells.size()));
    constexpr int kMost = std::numeric_limits<int>::max();
    RecordedCount count;
    const auto cell = [&](Column column) -> const CsvCell& {
      return cells[static_cast<size_t>(position_[column])];
    };
    bool sound =
        parse(cell(kLayer), kLayer, limits_.layers > 0 ? limits_.layers - 1 : kMost, count.layer);
    if (position_[kStep] >= 0) sound = parse(cell(kStep), kStep, kMost, count.step) && sound;
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
  std::array<int, 4> position_{};  // of each column in the file; -1: not there, all is step 0
  size_t columns_ = 0;
  std::vector<RecordedCount> counts_;
  size_t reported_ = 0;
};

}  // namespace

std::vector<RecordedCount> read_recorded_counts(const std::string& text, const std::string& file,
                                                const std::string& key,
                                                const RecordedLimits& limits, Problems& problems) {
  return Reader(file, key, limits, problems).read(text);
}

}  // namespace moesim
