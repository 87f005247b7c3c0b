#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "batch/results_query.hpp"
#include "commands.hpp"
#include "outputs.hpp"
#include "page/pack.hpp"
#include "page/page.hpp"
#include "report/line_plot.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr size_t kMostResultBytes = size_t{256} << 20;

struct Options {
  std::string folder, x = "devices", y = "tokens_per_s", by, out, title;
};

// A run as its figures and settings that are no lists, by dotted path; what it set, as it was set.
using Facts = std::map<std::string, std::string>;

void add_facts(const ordered_json& value, const std::string& path, Facts& facts) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) add_facts(inner, join_path(path, key), facts);
  } else if (value.is_string()) {
    facts[path] = value.get<std::string>();
  } else if (!value.is_array() && !value.is_null()) {
    facts[path] = value.dump();
  }
}

Facts facts_of(const ordered_json& report) {
  Facts facts;
  add_facts(report, "", facts);
  if (report.contains("memory") && report["memory"].is_array()) {
    bool fit = true;
    for (const auto& stage : report["memory"]) fit = fit && stage.value("fits", true);
    facts["fits"] = fit ? "true" : "false";
  }
  if (!report.contains("run") || !report["run"].contains("set")) return facts;
  for (const auto& set : report["run"]["set"]) {
    const std::string text = set.get<std::string>();
    facts.try_emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
  }
  return facts;
}

// The path that a user means by "plan.ep", "ep" or "num_gpus": as it is, or as the end of one path.
// Throws InputError for none and for several.
std::string path_of(const std::string& name, const std::string& option,
                    const std::vector<Facts>& runs) {
  const std::string wanted = name == "num_gpus" || name == "gpus" ? "devices" : name;
  std::vector<std::string> all, ends;
  for (const Facts& facts : runs)
    for (const auto& [path, value] : facts) all.push_back(path);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (std::binary_search(all.begin(), all.end(), wanted)) return wanted;
  for (const std::string& path : all)
    if (path.ends_with("." + wanted)) ends.push_back(path);
  if (ends.size() == 1) return ends[0];
  if (ends.size() > 1)
    throw InputError(fmt::format("{} {}: is {}: say which", option, name, join_or(ends)));
  throw InputError(fmt::format("{} {}: no run has it{}", option, name, hint(name, all)));
}

std::optional<double> number_in(const std::string& text) {
  const auto value = ordered_json::parse(text, nullptr, false);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::optional<double> number_of(const Facts& facts, const std::string& path) {
  const auto found = facts.find(path);
  return found == facts.end() ? std::nullopt : number_in(found->second);
}

// Numbers by value before names.
struct InOrder {
  bool operator()(const std::string& a, const std::string& b) const {
    const auto first = number_in(a), second = number_in(b);
    if (first && second && *first != *second) return *first < *second;
    if (first.has_value() != second.has_value()) return first.has_value();
    return a < b;
  }
};

std::vector<Facts> runs_in(const std::string& folder) {
  if (!fs::is_directory(folder)) throw InputError(folder + ": is no folder of results");
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".json")
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  std::vector<Facts> runs;
  for (const std::string& file : files) {
    const auto report =
        ordered_json::parse(read_packed_file(file, kMostResultBytes), nullptr, false);
    if (!report.is_object() || !report.contains("step_time_s")) continue;
    try {
      runs.push_back(facts_of(report));
    } catch (const ordered_json::exception& error) {
      throw InputError(fmt::format("{}: is no result: {}", file, error.what()));
    }
  }
  if (runs.empty()) throw InputError(folder + ": no run in it is done (*.json of run or sweep)");
  return runs;
}

bool fits(const Facts& facts) {
  const auto verdict = facts.find("fits");
  return verdict == facts.end() || verdict->second == "true";
}

// One line per value of `by`, with the best run at each x; what does not fit in memory is not
// drawn.
LinePlot plot_of(const std::vector<Facts>& runs, const Options& options) {
  const std::string x = path_of(options.x, "--x", runs), y = path_of(options.y, "--y", runs);
  const std::string by = options.by.empty() ? "" : path_of(options.by, "--by", runs);
  std::map<std::string, std::map<std::string, LinePoint, InOrder>, InOrder> lines;
  for (const Facts& facts : runs) {
    const auto height = number_of(facts, y);
    if (!height || !fits(facts) || !facts.count(x) || (!by.empty() && !facts.count(by))) continue;
    const auto name = facts.find("run.name");
    const LinePoint point{facts.at(x), *height, name == facts.end() ? "" : name->second};
    auto& line = lines[by.empty() ? "" : facts.at(by)];
    const auto [at, fresh] = line.try_emplace(point.x, point);
    if (!fresh && (less_is_better(y) ? point.y < at->second.y : point.y > at->second.y))
      at->second = point;
  }
  LinePlot plot;
  plot.title = options.title;
  plot.x_label = x;
  plot.y_label = y;
  plot.ideal =
      x == "devices" && (y == "tokens_per_s" || y == "step_time_s" || y.ends_with("device"));
  plot.ideal_power = y == "tokens_per_s" ? 1 : y == "step_time_s" ? -1 : 0;
  for (const auto& [name, points] : lines) {
    PlotLine& line = plot.lines.emplace_back();
    if (!by.empty()) line.name = fmt::format("{} {}", by.substr(by.rfind('.') + 1), name);
    for (const auto& [value, point] : points) line.points.push_back(point);
  }
  return plot;
}

int run(Options options) {
  check_outputs({{Output::Kind::file, "-o", options.out}});
  const std::vector<Facts> runs = runs_in(options.folder);
  fs::path folder = fs::path(options.folder).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (options.title.empty()) options.title = folder.filename().string();
  replace_file(options.out, line_plot_svg(plot_of(runs, options)));
  spdlog::info("{}: of {} runs the best at each point", options.out, runs.size());
  return kDone;
}

}  // namespace

void add_plot_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("plot", "Draws a figure of many runs over a setting, as an SVG picture");
  command->add_option("folder", options->folder, "Folder of results, as sweep leaves it")
      ->required();
  command
      ->add_option("--x", options->x,
                   "Setting or figure across: devices, plan.ep, or the last part of a key")
      ->capture_default_str();
  command->add_option("--y", options->y, "Figure upwards; of several runs at one x the best")
      ->capture_default_str();
  command->add_option("--by", options->by, "A line for each value of this setting");
  command->add_option("--title", options->title, "Above the picture (default: the folder's name)");
  command->add_option("-o,--out", options->out, "Picture to write, such as scaling.svg")
      ->required();
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
