#include "report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "base/diagnostics.hpp"
#include "report/flat.hpp"
#include "report/format.hpp"
#include "report/json.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

constexpr size_t kSettingsShown = 30;
constexpr size_t kReportsInBlock = 3;

// One figure or setting in all reports; nothing where a report lacks it.
struct Row {
  FlatFigure figure;
  std::vector<std::optional<FlatFigure>> values;

  // Whether a report has another value than the first.
  bool differs_in(size_t report) const {
    const auto &first = values[0], &other = values[report];
    return first.has_value() != other.has_value() || (first && first->cell != other->cell);
  }
  bool is_nonzero() const {
    return std::any_of(values.begin(), values.end(),
                       [](const auto& value) { return value && value->number.value_or(0) != 0; });
  }
};

// Whether the figure stands for one value of a tree of settings, such as "plan.ep".
bool is_leaf(const FlatFigure& figure) {
  return figure.path != figure.figure.key && figure.path != figure.group + "." + figure.figure.key;
}

bool is_given(const FlatFigure& figure, const ReadReport& read) {
  if (figure.summary) return figure.number.value_or(0) != 0;
  if (!figure.number) return !figure.cell.empty();
  return std::isfinite(*figure.number) && (is_leaf(figure) || read.given.count(figure.path) > 0);
}

std::vector<Row> rows_of(const std::vector<ReadReport>& reports, unsigned trait) {
  std::vector<Row> rows;
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < reports.size(); ++i)
    for (FlatFigure& figure : flat_figures_of(reports[i].report, trait)) {
      const auto [found, added] = index.try_emplace(figure.path, rows.size());
      if (added) rows.push_back({figure, std::vector<std::optional<FlatFigure>>(reports.size())});
      if (is_given(figure, reports[i])) rows[found->second].values[i] = std::move(figure);
    }
  return rows;
}

double relative_change(double before, double after) {
  if (before == after) return 0;
  if (before == 0) return std::numeric_limits<double>::infinity();
  return after / before - 1;
}

std::string change_text(const std::optional<FlatFigure>& before,
                        const std::optional<FlatFigure>& after) {
  if (!before || !after || !before->number || !after->number) return "";
  const double change = relative_change(*before->number, *after->number);
  if (change == 0) return "=";
  if (!std::isfinite(change)) return "new";
  return std::fabs(change) < 100 ? fmt::format("{:+.2f} %", 100 * change)
                                 : fmt::format("{:+.2e} %", 100 * change);
}

// A setting with the unit that its key names.
std::string setting_text(const FlatFigure& setting) {
  const std::string& key = setting.path;
  if (!setting.number || setting.figure.shown != Shown::plain)
    return setting.number ? shown_text(setting.figure.shown, *setting.number) : setting.cell;
  if (key.ends_with("_bytes_per_s")) return bytes_text(*setting.number) + "/s";
  if (key.ends_with("_bytes") && *setting.number >= 1000) return bytes_text(*setting.number);
  if (key.ends_with("_s") && *setting.number != 0) return seconds_text(*setting.number);
  if (key.ends_with("_flops")) return count_text(*setting.number);
  return setting.cell;
}

// Texts of a setting in all reports; in full where rounding would make two different ones alike.
std::vector<std::string> setting_texts(const Row& row) {
  std::vector<std::string> texts;
  std::map<std::string, std::string> cells;
  bool exact = false;
  for (const auto& value : row.values) {
    texts.push_back(value ? setting_text(*value) : "-");
    if (value && cells.try_emplace(texts.back(), value->cell).first->second != value->cell)
      exact = true;
  }
  for (size_t i = 0; i < texts.size() && exact; ++i)
    if (row.values[i]) texts[i] = row.values[i]->cell;
  return texts;
}

class SideBySide {
 public:
  SideBySide(std::vector<std::string> names, std::vector<ReadReport> reports)
      : names_(std::move(names)), reports_(std::move(reports)) {
    two_ = names_.size() == 2;
    label_ = two_ ? 22 : 20;
    first_ = two_ ? 18 : 12;
    change_ = two_ ? 16 : 11;
    value_ = two_ ? 18 : 12;
    shorten_names();
  }

  std::string text() {
    const std::vector<Row> settings = known_settings();
    const std::vector<Row> figures = rows_of(reports_, kCompare);
    for (size_t begin = 1; begin < names_.size(); begin += kReportsInBlock - 1) {
      const size_t end = std::min(names_.size(), begin + kReportsInBlock - 1);
      block_.assign(1, 0);
      for (size_t i = begin; i < end; ++i) block_.push_back(i);
      if (begin > 1) table_.line("");
      heading();
      show_settings(settings);
      show_figures(figures);
    }
    return table_.text();
  }

 private:
  // "before" and "after", or numbers, where the ends of the names do not tell the reports apart.
  void shorten_names() {
    std::vector<std::string> ends;
    for (const std::string& name : names_) ends.push_back(fit_end(name, first_ - 1));
    std::sort(ends.begin(), ends.end());
    if (std::adjacent_find(ends.begin(), ends.end()) == ends.end()) return;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!two_)
        table_.line(fit_end(fmt::format("#{}: {}", i + 1, names_[i]), TableCanvas::kWidth));
      names_[i] = !two_ ? fmt::format("#{}", i + 1) : i == 0 ? "before" : "after";
    }
    if (!two_) table_.line("");
  }

  void heading() {
    std::string line = "  " + fit("", label_);
    for (const size_t i : block_)
      line += " " + fit_end(names_[i], (i == 0 ? first_ : value_) - 1, Align::right) +
              (i == 0 ? "" : fit("change", change_, Align::right));
    table_.line(line);
    table_.line(rule(TableCanvas::kWidth));
  }

  std::vector<Row> known_settings() {
    std::vector<Row> rows = rows_of(reports_, kSetting);
    std::map<std::string, std::vector<size_t>> known;  // values of a section in each report
    for (const Row& row : rows) {
      std::vector<size_t>& counts = known[section_of(row)];
      counts.resize(reports_.size());
      for (size_t i = 0; i < counts.size(); ++i) counts[i] += row.values[i].has_value();
    }
    // Older reports have no settings, or the name of a platform alone: they cannot differ in more.
    const auto unknown = [&](const Row& row) {
      for (size_t i = 0; i < reports_.size(); ++i)
        if (!row.values[i] &&
            (is_leaf(row.figure) ? known[section_of(row)][i] < 2 : row.figure.number.has_value()))
          return true;
      return false;
    };
    std::erase_if(rows, [&](const Row& row) { return unknown(row); });
    return rows;
  }
  static std::string section_of(const Row& row) {
    return row.figure.path.substr(0, row.figure.path.find('.'));
  }

  void show_settings(std::vector<Row> settings) {
    std::erase_if(settings, [&](const Row& row) {
      return std::ranges::all_of(block_, [&](size_t i) { return !row.differs_in(i); });
    });
    if (settings.empty()) return;
    for (size_t i = 0; i < std::min(settings.size(), kSettingsShown); ++i) show(settings[i]);
    if (settings.size() > kSettingsShown)
      table_.line(fmt::format("  and {} more settings that differ, from {} on",
                              settings.size() - kSettingsShown,
                              settings[kSettingsShown].figure.path));
    table_.line("");
  }

  // On one line where the texts have room, else with a line for each report.
  void show(const Row& row) {
    const std::vector<std::string> texts = setting_texts(row);
    const std::string& label = row.figure.path;
    const int rest = label_ + first_ - columns_of(label);
    bool room = columns_of(texts[0]) < rest;
    std::string line = "  " + label + fit(texts[0], std::max(0, rest), Align::right);
    for (const size_t i : block_) {
      if (i == 0) continue;
      room = room && columns_of(texts[i]) < value_;
      line += fit(texts[i], value_, Align::right) + fit("", change_);
    }
    if (room) return table_.line(line);
    table_.line("  " + label);
    for (const size_t i : block_)
      table_.wrapped("    " + fit_end(names_[i], label_ - 3) + " ", texts[i]);
  }

  void show_figures(const std::vector<Row>& figures) {
    double step = 0;
    for (const size_t i : block_) step = std::max(step, reports_[i].report.step_time_s);
    const SecondsColumn parts(step);
    std::string group = "";
    for (const bool sections : {false, true})
      for (const Row& row : figures) {
        const FlatFigure& figure = row.figure;
        if ((figure.group == "") == sections || !row.is_nonzero()) continue;
        if (figure.group != group) table_.line("");
        group = figure.group;
        const bool part = group == "breakdown_s";
        const auto cell = [&](const std::optional<FlatFigure>& value, int width) {
          if (!value) return fit("-", width, Align::right);
          return fit(
              part ? parts.text(*value->number) : shown_text(figure.figure.shown, *value->number),
              width, Align::right);
        };
        std::string line = "  " + fit(figure.figure.label, label_);
        for (const size_t i : block_)
          line +=
              cell(row.values[i], i == 0 ? first_ : value_) +
              (i == 0 ? "" : fit(change_text(row.values[0], row.values[i]), change_, Align::right));
        table_.line(line);
      }
  }

  std::vector<std::string> names_;
  std::vector<ReadReport> reports_;
  TableCanvas table_;
  bool two_ = true;
  int label_, first_, value_, change_;  // widths of columns
  std::vector<size_t> block_;           // reports that stand side by side
};

}  // namespace

Comparison compare_reports(std::span<const NamedReport> reports) {
  Problems problems;
  std::vector<std::string> names;
  std::vector<ReadReport> read;
  for (const NamedReport& report : reports) {
    const auto found = read_report(report.json);
    names.push_back(report.name);
    if (!found)
      problems.add({report.name}, "", "is no JSON object");
    else if (!found->given.count("step_time_s") || !std::isfinite(found->report.step_time_s))
      problems.add({report.name}, "step_time_s",
                   "is missing: not a report of moesim run --format json");
    else
      read.push_back(*found);
  }
  if (reports.size() < 2) problems.add({}, "compare", "needs two reports or more");
  if (!problems.empty()) throw InputError(problems);

  Comparison comparison;
  for (size_t i = 1; i < read.size(); ++i)
    comparison.step_time_changes.push_back(
        relative_change(read[0].report.step_time_s, read[i].report.step_time_s));
  comparison.text = SideBySide(std::move(names), std::move(read)).text();
  return comparison;
}

}  // namespace moesim
