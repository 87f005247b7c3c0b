#include "measured/measured_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/csv.hpp"
#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "measured/vocabulary.hpp"

namespace moesim {
namespace {

using IntegerMember = int MeasuredRow::*;
using NumberMember = double MeasuredRow::*;

const std::map<std::string, NumberMember> kNumbers{
    {"tokens_per_s_per_gpu", &MeasuredRow::tokens_per_s_per_gpu},
    {"tflops_per_gpu", &MeasuredRow::tflops_per_gpu},
    {"mfu", &MeasuredRow::mfu},
    {"step_time_s", &MeasuredRow::step_time_s},
    {"capacity_factor", &MeasuredRow::capacity_factor},
};
struct Count {
  IntegerMember member;
  int most;
};
const std::map<std::string, Count> kCounts{
    {"mtp", {&MeasuredRow::mtp, 1000}},
    {"zero", {&MeasuredRow::zero, 3}},
};
constexpr const char* kRequired[] = {"model", "gpu", "num_gpus", "seq_len", "gbs"};
constexpr const char* kMeasured[] = {"tokens_per_s_per_gpu", "step_time_s", "tflops_per_gpu"};

bool is_known(const std::string& column);
std::vector<std::string> known_columns();

void read_graph_cell(const CsvCell& cell, MeasuredRow& row, Problems& problems) {
  if (read_graph(cell.text))
    row.cuda_graph = cell.text;
  else
    problems.add(cell.place, "cuda_graph",
                 "expected none, layers, router or step, got " + quote(cell.text));
}

void read_set(const CsvCell& cell, MeasuredRow& row, Problems& problems) {
  row.set = split(cell.text, ";");
  row.set_place = cell.place;
  for (const std::string& set : row.set)
    if (set.find('=') == std::string::npos || set.front() == '=')
      problems.add(cell.place, "set",
                   "expected KEY.PATH=VALUE, more of them behind \";\", got " + quote(set));
}

void read_inferred(const CsvCell& cell, MeasuredRow& row, Problems& problems) {
  row.inferred = split(cell.text, " ,;");
  for (const std::string& column : row.inferred)
    if (!is_known(column))
      problems.add(
          cell.place, "inferred",
          "expected names of columns, got " + quote(column) + hint(column, known_columns()));
}

void read_fitted(const CsvCell& cell, MeasuredRow& row, Problems& problems) {
  if (cell.text != "yes" && cell.text != "no")
    problems.add(cell.place, "fitted", "expected yes or no, got " + quote(cell.text));
  row.fitted = cell.text == "yes";
}

// Columns that are more than a text or a number.
using ReadCell = void (*)(const CsvCell& cell, MeasuredRow& row, Problems& problems);
const std::map<std::string, ReadCell> kSpecial{
    {"cuda_graph", read_graph_cell},
    {"set", read_set},
    {"inferred", read_inferred},
    {"fitted", read_fitted},
};

bool is_known(const std::string& column) {
  return text_columns().count(column) || size_columns().count(column) || kNumbers.count(column) ||
         kCounts.count(column) || kSpecial.count(column);
}

std::vector<std::string> known_columns() {
  std::vector<std::string> names;
  for (const auto& [name, count] : kCounts) names.push_back(name);
  for (const auto& [name, read] : kSpecial) names.push_back(name);
  for (const auto& [name, member] : text_columns()) names.push_back(name);
  for (const auto& [name, member] : size_columns()) names.push_back(name);
  for (const auto& [name, member] : kNumbers) names.push_back(name);
  return names;
}

void read_header(const CsvRecord& header, MeasuredTable& table, Problems& problems) {
  for (const CsvCell& cell : header) {
    if (cell.text.empty()) problems.add(cell.place, "", "this column has no name");
    if (std::count(table.columns.begin(), table.columns.end(), cell.text))
      problems.add(cell.place, cell.text, "is there twice");
    if (!cell.text.empty() && !is_known(cell.text)) table.unknown_columns.push_back(cell.text);
    table.columns.push_back(cell.text);
  }
  const auto has = [&](const char* name) {
    return std::find(table.columns.begin(), table.columns.end(), name) != table.columns.end();
  };
  for (const char* name : kRequired)
    if (!has(name))
      problems.add(header[0].place, name,
                   "this column is missing" + hint(name, table.unknown_columns));
  if (std::none_of(std::begin(kMeasured), std::end(kMeasured), has))
    problems.add(
        header[0].place, "",
        "no column holds a measurement: tokens_per_s_per_gpu, step_time_s or tflops_per_gpu");
}

template <class Number>
bool parse_whole(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

void read_cell(const std::string& column, const CsvCell& cell, MeasuredRow& row,
               Problems& problems) {
  if (cell.text.empty()) return;
  if (const auto text = text_columns().find(column); text != text_columns().end()) {
    row.*text->second = cell.text;
  } else if (const auto integer = size_columns().find(column); integer != size_columns().end()) {
    int value = 0;
    if (!parse_whole(cell.text, value) || value < 1)
      problems.add(cell.place, column,
                   "expected a whole number of at least 1, got " + quote(cell.text));
    else
      row.*integer->second = value;
  } else if (const auto number = kNumbers.find(column); number != kNumbers.end()) {
    double value = 0;
    if (!parse_whole(cell.text, value) || !std::isfinite(value) || value <= 0)
      problems.add(cell.place, column, "expected a number above 0, got " + quote(cell.text));
    else
      row.*number->second = value;
  } else if (const auto count = kCounts.find(column); count != kCounts.end()) {
    int value = 0;
    if (!parse_whole(cell.text, value) || value < 0 || value > count->second.most)
      problems.add(cell.place, column,
                   fmt::format("expected a whole number from 0 to {}, got {}", count->second.most,
                               quote(cell.text)));
    else
      row.*count->second.member = value;
  } else if (const auto special = kSpecial.find(column); special != kSpecial.end()) {
    special->second(cell, row, problems);
  }
}

}  // namespace

const std::map<std::string, std::string MeasuredRow::*>& text_columns() {
  using Row = MeasuredRow;
  static const std::map<std::string, std::string Row::*> columns{
      {"source", &Row::source},
      {"model", &Row::model},
      {"gpu", &Row::gpu},
      {"precision", &Row::precision},
      {"recompute", &Row::recompute},
      {"overlap", &Row::overlap},
      {"dispatcher", &Row::dispatcher},
      {"framework", &Row::framework},
      {"layout", &Row::layout},
      {"routing", &Row::routing},
      {"note", &Row::note},
      {"verified", &Row::verified},
  };
  return columns;
}

const std::map<std::string, int MeasuredRow::*>& size_columns() {
  using Row = MeasuredRow;
  static const std::map<std::string, int Row::*> columns{
      {"num_gpus", &Row::num_gpus}, {"seq_len", &Row::seq_len}, {"gbs", &Row::gbs},
      {"mbs", &Row::mbs},           {"tp", &Row::tp},           {"pp", &Row::pp},
      {"vpp", &Row::vpp},           {"cp", &Row::cp},           {"ep", &Row::ep},
      {"etp", &Row::etp},           {"dp", &Row::dp},
  };
  return columns;
}

MeasuredTable read_measured_table(const std::string& path, const Files& files) {
  Problems problems;
  const FileText file = files.read(path);
  if (!file.error.empty()) throw InputError(path + ": " + file.error);
  const std::vector<CsvRecord> records = parse_csv(file.text, path, problems);
  if (!problems.empty()) throw InputError(problems);
  if (records.empty()) throw InputError(path + ": is empty: expected a line of column names");

  MeasuredTable table;
  table.file = path;
  read_header(records[0], table, problems);
  if (!problems.empty()) throw InputError(problems);
  for (size_t i = 1; i < records.size(); ++i) {
    const CsvRecord& record = records[i];
    if (record.size() != table.columns.size()) {
      problems.add(record[0].place, "",
                   fmt::format("{} cells where the first line names {} columns", record.size(),
                               table.columns.size()));
      continue;
    }
    MeasuredRow& row = table.rows.emplace_back();
    row.table = path;
    row.line = record[0].place.line;
    for (size_t c = 0; c < record.size(); ++c) {
      read_cell(table.columns[c], record[c], row, problems);
      row.cells.push_back(record[c].text);
    }
  }
  if (!problems.empty()) throw InputError(problems);
  return table;
}

RowFilter parse_row_filter(const std::string& text) {
  RowFilter filter;
  size_t begin = 0;
  while (begin <= text.size() && !text.empty()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError("--where: expected COLUMN=VALUE, got " + quote(part));
    std::vector<std::string> values;
    for (size_t at = equals + 1; at <= part.size();) {
      const size_t stop = std::min(part.find('|', at), part.size());
      values.push_back(part.substr(at, stop - at));
      at = stop + 1;
    }
    filter.wanted.emplace_back(part.substr(0, equals), values);
    begin = end + 1;
  }
  return filter;
}

void keep_rows(MeasuredTable& table, const RowFilter& filter) {
  for (const auto& [column, values] : filter.wanted) {
    const auto found = std::find(table.columns.begin(), table.columns.end(), column);
    if (found == table.columns.end())
      throw InputError(fmt::format("--where: {} has no column {}{}", table.file, column,
                                   hint(column, known_columns())));
    const auto index = static_cast<size_t>(found - table.columns.begin());
    std::erase_if(table.rows, [&, &wanted = values](const MeasuredRow& row) {
      return std::find(wanted.begin(), wanted.end(), row.cells[index]) == wanted.end();
    });
  }
}

}  // namespace moesim
