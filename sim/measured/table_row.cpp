#include "measured/table_row.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace moesim {

namespace {

const CsvCell* cell_of(const TableRow& row, const std::string& column) {
  const auto found = row.columns.find(column);
  if (found == row.columns.end() || found->second >= row.cells.size()) return nullptr;
  return &row.cells[found->second];
}

}  // namespace

std::string TableRow::at(const std::string& column) const {
  const CsvCell* cell = cell_of(*this, column);
  return cell ? cell->text : "";
}

double TableRow::number(const std::string& column) const {
  const std::string text = at(column);
  if (text.empty()) return 0;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end == 0 && value >= 0 && value < 1e18) return value;
  problem(column, fmt::format("expected a number of at least 0, got \"{}\"", text));
  return 0;
}

int TableRow::integer(const std::string& column, int most) const {
  const double value = number(column);
  if (value <= most) return static_cast<int>(value);
  problem(column, fmt::format("must be at most {}, got {:g}", most, value));
  return 0;
}

void TableRow::problem(const std::string& column, std::string message) const {
  const CsvCell* cell = cell_of(*this, column);
  problems.add((cell ? *cell : cells.front()).place, column, std::move(message));
}

void read_table(const std::string& path, const Files& files, const std::string& required,
                const std::function<void(const TableRow&)>& row) {
  const FileText file = files.read(path);
  if (!file.error.empty()) throw InputError(fmt::format("{}: {}", path, file.error));
  Problems problems;
  const std::vector<CsvRecord> records = parse_csv(file.text, path, problems);
  std::map<std::string, size_t> columns;
  if (!records.empty())
    for (size_t i = 0; i < records[0].size(); ++i) columns[records[0][i].text] = i;
  if (!columns.count(required))
    problems.add({path, 1, 1}, "", fmt::format("the header has no column \"{}\"", required));
  for (size_t i = 1; i < records.size() && columns.count(required); ++i) {
    if (records[i].size() == records[0].size())
      row({columns, records[i], problems});
    else
      problems.add(records[i][0].place, "",
                   fmt::format("{} cells under {} columns", records[i].size(), records[0].size()));
  }
  if (!problems.empty()) throw InputError(problems);
}

std::vector<std::string> table_columns(const std::string& path, const Files& files) {
  const FileText file = files.read(path);
  Problems problems;
  const std::vector<CsvRecord> records =
      parse_csv(file.text.substr(0, file.text.find('\n')), path, problems);
  std::vector<std::string> columns;
  if (!records.empty())
    for (const CsvCell& cell : records[0]) columns.push_back(cell.text);
  return columns;
}

}  // namespace moesim
