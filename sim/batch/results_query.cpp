#include "batch/results_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/csv.hpp"
#include "base/diagnostics.hpp"
#include "base/expression.hpp"
#include "base/text.hpp"
#include "batch/sweep.hpp"
#include "report/flat.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

struct Cell {
  std::string text;
  std::optional<double> number;
};

// The figures of one run by every name that a query may use.
class Figures {
 public:
  explicit Figures(const StoredRun& run) {
    add("name", {run.run.name, {}});
    for (const FlatFigure& figure : flat_figures_of(run.run, ~0u)) take(figure);
    add("message", {run.run.message, {}});
    add("fingerprint", {run.run.fingerprint, {}});
    if (run.is_done()) {
      for (const FlatFigure& figure : flat_figures_of(run.report, ~0u)) take(figure);
      for (const auto& [key, cell] : plain_figures(run.report)) add(key, cell);
      add("fits", {run.report.fits() ? "true" : "false", {}});
    }
    for (const std::string& set : run.run.set) {
      const size_t equals = std::min(set.find('='), set.size());
      const std::string key = set.substr(0, equals);
      if (!cells_.count(key)) add(key, {set.substr(std::min(equals + 1, set.size())), {}});
      add(key.substr(key.rfind('.') + 1), cells_.at(key));
    }
  }

  const Cell* find(const std::string& name) const {
    const auto found = cells_.find(name);
    return found == cells_.end() ? nullptr : &found->second;
  }
  const std::map<std::string, Cell>& all() const { return cells_; }

 private:
  void add(const std::string& name, Cell cell) { cells_.emplace(name, std::move(cell)); }
  void take(const FlatFigure& figure) {
    add(figure.path, {figure.cell, figure.number});
    if (column_of(figure) != figure.path) add(column_of(figure), {figure.cell, figure.number});
  }
  // Figures of the report without a trait, which no flat list has.
  static std::map<std::string, Cell> plain_figures(const StepReport& r) {
    const auto number = [](double value) { return Cell{fmt::format("{}", value), value}; };
    return {{"lower_bound_s", number(r.lower_bound_s)},
            {"overload_factor", number(r.overload_factor)}};
  }

  std::map<std::string, Cell> cells_;
};

std::optional<ExpressionValue> value_of(const Cell& cell) {
  if (cell.number) return ExpressionValue(*cell.number);
  if (cell.text == "true" || cell.text == "false") return ExpressionValue(cell.text == "true");
  // A setting is text that may be a number.
  char* end = nullptr;
  const double number = std::strtod(cell.text.c_str(), &end);
  if (!cell.text.empty() && *end == '\0' && std::isfinite(number)) return ExpressionValue(number);
  return ExpressionValue(cell.text);
}

class Query {
 public:
  Query(const std::vector<StoredRun>& runs, const ResultsQuery& query) : query_(query) {
    for (const StoredRun& run : runs) {
      figures_.emplace_back(run);
      for (const auto& [name, cell] : figures_.back().all()) known_.insert(name);
      std::vector<StudyRun> one{{run.run.name, run.run.scenario, run.run.set}};
      for (const std::string& key : keys_set(one))
        if (std::find(set_.begin(), set_.end(), key) == set_.end()) set_.push_back(key);
    }
  }

  ResultsTable run() {
    std::vector<const Figures*> chosen = filtered();
    sort(chosen);
    ResultsTable table;
    table.columns = columns();
    for (const Figures* figures : chosen) {
      table.rows.emplace_back();
      table.numbers.emplace_back();
      for (const std::string& column : table.columns) {
        const Cell* cell = figures->find(column);
        table.rows.back().push_back(cell ? cell->text : "");
        table.numbers.back().push_back(cell && cell->number);
      }
    }
    return table;
  }

 private:
  void check(const std::string& option, const std::string& name) const {
    if (known_.count(name)) return;
    throw InputError(fmt::format("{}: {} is no figure of these runs{}", option, quote(name),
                                 hint(name, {known_.begin(), known_.end()})));
  }

  std::vector<const Figures*> filtered() const {
    std::optional<Expression> where;
    if (!query_.where.empty()) {
      where.emplace(query_.where);
      for (const std::string& name : where->names()) check("--where", name);
    }
    std::vector<const Figures*> chosen;
    for (const Figures& figures : figures_) {
      const auto lookup = [&](const std::string& name) -> std::optional<ExpressionValue> {
        const Cell* cell = figures.find(name);
        return cell ? value_of(*cell) : std::nullopt;
      };
      if (!where || where->holds(lookup)) chosen.push_back(&figures);
    }
    return chosen;
  }

  // Runs without the figure come last.
  void sort(std::vector<const Figures*>& chosen) const {
    const std::string& sort = query_.sort;
    if (sort.empty()) return;
    const bool reversed = sort.front() == '-';
    const std::string name = reversed ? sort.substr(1) : sort;
    check("--sort", name);
    const bool ascending = less_is_better(name) != reversed;
    const auto key = [&](const Figures* figures) -> std::optional<ExpressionValue> {
      const Cell* cell = figures->find(name);
      return cell && !cell->text.empty() ? value_of(*cell) : std::nullopt;
    };
    std::stable_sort(chosen.begin(), chosen.end(), [&](const Figures* a, const Figures* b) {
      const auto of_a = key(a), of_b = key(b);
      if (!of_a || !of_b) return of_a.has_value() && !of_b.has_value();
      const auto* text_a = std::get_if<std::string>(&*of_a);
      const auto* text_b = std::get_if<std::string>(&*of_b);
      if (text_a || text_b)  // texts in the order of letters, behind numbers
        return text_a && text_b ? (reversed ? *text_b < *text_a : *text_a < *text_b) : !text_a;
      return ascending ? *of_a < *of_b : *of_b < *of_a;
    });
  }

  std::vector<std::string> columns() const {
    if (!query_.columns.empty()) {
      for (const std::string& column : query_.columns) check("--columns", column);
      return query_.columns;
    }
    std::vector<std::string> columns{"name"};
    columns.insert(columns.end(), set_.begin(), set_.end());
    for (const char* name : {"status", "step_time_s", "tokens_per_s", "mfu", "memory_verdict"})
      if (known_.count(name)) columns.push_back(name);
    return columns;
  }

  const ResultsQuery& query_;
  std::vector<Figures> figures_;
  std::set<std::string> known_;
  std::vector<std::string> set_;  // keys
};

std::string shortened(const std::string& text, bool number) {
  if (!number) return text;
  const double value = std::stod(text);
  return value == std::floor(value) && std::fabs(value) < 1e6 ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:.4g}", value);
}

// Columns are as wide as they need to be, whatever the terminal; numbers have four digits.
std::string as_table(const ResultsTable& table) {
  const size_t count = table.columns.size();
  std::vector<int> widths;
  for (const std::string& column : table.columns) widths.push_back(columns_of(column));
  for (size_t row = 0; row < table.rows.size(); ++row)
    for (size_t i = 0; i < count; ++i)
      widths[i] =
          std::max(widths[i], columns_of(shortened(table.rows[row][i], table.numbers[row][i])));
  std::string text;
  const auto line = [&](const auto& cell, const auto& number) {
    std::string cells;
    for (size_t i = 0; i < count; ++i)
      cells +=
          (i == 0 ? "" : "  ") + fit(cell(i), widths[i], number(i) ? Align::right : Align::left);
    cells.erase(cells.find_last_not_of(' ') + 1);
    text += cells + "\n";
  };
  line([&](size_t i) { return table.columns[i]; },
       [&](size_t i) { return !table.rows.empty() && table.numbers[0][i]; });
  for (size_t row = 0; row < table.rows.size(); ++row)
    line([&](size_t i) { return shortened(table.rows[row][i], table.numbers[row][i]); },
         [&](size_t i) { return table.numbers[row][i]; });
  return text;
}

std::string as_csv(const ResultsTable& table) {
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) text += (i == 0 ? "" : ",") + csv_field(cells[i]);
    text += "\n";
  };
  line(table.columns);
  for (const auto& row : table.rows) line(row);
  return text;
}

std::string as_json(const ResultsTable& table) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (size_t row = 0; row < table.rows.size(); ++row) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const std::string& text = table.rows[row][i];
      if (table.numbers[row][i])
        object[table.columns[i]] = nlohmann::ordered_json::parse(text, nullptr, false);
      else if (text == "true" || text == "false")
        object[table.columns[i]] = text == "true";
      else
        object[table.columns[i]] = text;
      if (object[table.columns[i]].is_discarded()) object[table.columns[i]] = nullptr;
    }
    rows.push_back(std::move(object));
  }
  return rows.dump(2) + "\n";
}

}  // namespace

bool less_is_better(const std::string& figure) {
  return (figure.ends_with("_s") && !figure.ends_with("per_s")) ||
         figure.starts_with("breakdown_s.") || figure.ends_with("_bytes");
}

std::vector<StoredRun> runs_in(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw InputError(fmt::format("{}: is no folder of results", folder.string()));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<StoredRun> runs;
  for (const fs::path& file : files)
    if (auto run = read_stored_run(file)) runs.push_back(std::move(*run));
  if (runs.empty())
    throw InputError(
        fmt::format("{}: holds no run: expected files that run or sweep left with "
                    "--out",
                    folder.string()));
  return runs;
}

ResultsTable query_results(const std::vector<StoredRun>& runs, const ResultsQuery& query) {
  return Query(runs, query).run();
}

std::string results_text(const ResultsTable& table, ResultsFormat format) {
  switch (format) {
    case ResultsFormat::csv:
      return as_csv(table);
    case ResultsFormat::json:
      return as_json(table);
    case ResultsFormat::table:
      break;
  }
  return as_table(table);
}

}  // namespace moesim
