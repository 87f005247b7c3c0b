#include "config/known_errors.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "base/csv.hpp"

namespace moesim {

namespace {

constexpr const char* kColumns[] = {"framework", "generation", "rows", "sources", "error_percent"};

template <class Number>
Number number_in(const CsvCell& cell, const char* column, Problems& problems) {
  Number value = 0;
  const char* end = cell.text.data() + cell.text.size();
  const auto [last, error] = std::from_chars(cell.text.data(), end, value);
  if (error != std::errc() || last != end || value < 0)
    problems.add(cell.place, column, "expected a number of at least 0, got \"" + cell.text + "\"");
  return value;
}

}  // namespace

std::vector<KnownErrorRow> parse_known_errors(const std::string& text, const std::string& file,
                                              Problems& problems) {
  std::vector<KnownErrorRow> table;
  std::vector<CsvRecord> records = parse_csv(text, file, problems);
  if (records.empty()) return table;
  size_t at[std::size(kColumns)];
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    const auto found = std::find_if(records[0].begin(), records[0].end(),
                                    [&](const CsvCell& cell) { return cell.text == kColumns[i]; });
    at[i] = static_cast<size_t>(found - records[0].begin());
    if (found == records[0].end())
      problems.add(records[0][0].place, kColumns[i], "is not among the columns");
  }
  if (!problems.empty()) return table;
  for (size_t line = 1; line < records.size(); ++line) {
    const CsvRecord& record = records[line];
    if (record.size() != records[0].size()) {
      problems.add(record[0].place, "", "has another number of cells than the first line");
      continue;
    }
    table.push_back({record[at[0]].text, record[at[1]].text,
                     number_in<int>(record[at[2]], kColumns[2], problems),
                     number_in<int>(record[at[3]], kColumns[3], problems),
                     number_in<double>(record[at[4]], kColumns[4], problems) / 100});
  }
  return table;
}

std::vector<KnownErrorRow> load_known_errors(const SearchPath& search, const Files& files) {
  for (const std::string& directory : search.directories) {
    const std::string path = directory + "/" + kKnownErrorsFile;
    if (!files.exists(path)) continue;
    Problems problems;
    auto table = parse_known_errors(files.read(path).text, path, problems);
    if (!problems.empty()) throw InputError(std::move(problems));
    return table;
  }
  return {};
}

std::string framework_family(const std::string& framework) {
  if (framework.find('/') != std::string::npos || framework.ends_with(".yaml")) return "";
  for (size_t i = 0; i + 1 < framework.size(); ++i) {
    const char next = framework[i + 1];
    const bool release = next == 'v' || (next >= '0' && next <= '9');
    if (framework[i] == '-' && release) return framework.substr(0, i);
  }
  return framework;
}

std::optional<KnownErrorRow> known_error_of(const std::vector<KnownErrorRow>& table,
                                            const std::string& framework,
                                            const std::string& generation) {
  const std::string family = framework_family(framework);
  const std::pair<std::string, std::string> wanted[] = {
      {family, generation}, {family, ""}, {"", generation}, {"", ""}};
  for (const auto& [of, on] : wanted)
    for (const KnownErrorRow& row : table)
      if (row.framework == of && row.generation == on) return row;
  return std::nullopt;
}

std::string described(const KnownErrorRow& row) {
  if (row.framework.empty() && row.generation.empty()) return "of any framework and device";
  if (row.framework.empty()) return "on " + row.generation;
  return row.framework + (row.generation.empty() ? "" : " on " + row.generation);
}

}  // namespace moesim
