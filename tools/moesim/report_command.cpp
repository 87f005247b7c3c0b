#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "outputs.hpp"
#include "page/pack.hpp"
#include "page/page.hpp"
#include "page/timeline_file.hpp"
#include "report/json.hpp"
#include "run/describe_run.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMostResultBytes = size_t{256} << 20, kMostTraceBytes = size_t{2} << 30;
constexpr double kLargePage = 10e6;

struct Options {
  std::vector<std::string> results, sets;
  std::string out, trace, explanation, scenario;
};

// "out/run.json" beside "out/run.trace.json.gz"; "" where there is none.
std::string beside(const std::string& result, std::initializer_list<const char*> endings) {
  for (const char* ending : endings) {
    const std::string path = fs::path(result).replace_extension(ending).string();
    if (fs::exists(path)) return path;
  }
  return "";
}

bool belongs_to_another(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".trace.json") || name.ends_with(".explain.json");
}

// The results in a folder, by name; what else is there is left out.
std::vector<std::string> results_in(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".json" &&
        !belongs_to_another(entry.path()))
      found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  std::erase_if(found, [](const std::string& path) {
    return kind_of_result(read_packed_file(path, kMostResultBytes)) == ResultKind::none;
  });
  if (found.empty()) throw InputError(folder + ": no results (*.json of run, sweep or search)");
  return found;
}

PageResult read_result(const std::string& path, const Options& options) {
  PageResult result;
  result.name = fs::path(path).stem().string();
  result.json = read_packed_file(path, kMostResultBytes);
  const std::string trace =
      options.trace.empty() ? beside(path, {".trace.json", ".trace.json.gz"}) : options.trace;
  if (!trace.empty())
    result.timeline = page_timeline(read_packed_file(trace, kMostTraceBytes), trace);
  const std::string explanation =
      options.explanation.empty() ? beside(path, {".explain.json"}) : options.explanation;
  if (explanation.empty()) return result;
  result.explanation = read_packed_file(explanation, kMostResultBytes);
  if (kind_of_result(result.explanation) != ResultKind::explanation)
    throw InputError(explanation + ": is not the JSON of moesim explain");
  return result;
}

// Whether the scenario still resolves to the settings that the result has.
bool same_settings(const Scenario& scenario, const nlohmann::json& result) {
  StepReport report;
  describe_run(report, scenario);
  const auto now = nlohmann::json::parse(json_text(report));
  const auto same = [&](const char* section) {
    return !result.contains(section) || (now.contains(section) && now[section] == result[section]);
  };
  return same("plan") && same("batch") && same("platform") && same("routing") && same("workload");
}

// Adds the scenario with the origin of every value, where its file is known and can be read.
void add_scenario(PageResult& result, const Options& options) {
  const auto json = nlohmann::json::parse(result.json, nullptr, false);
  if (!json.is_object()) return;
  const bool given = !options.scenario.empty();
  std::string path = options.scenario;
  const nlohmann::json header = json.value("run", nlohmann::json::object());
  if (!header.is_object()) throw InputError(result.name + ": is no result: run: is no section");
  try {
    if (!given) path = header.value("scenario", std::string());
    if (path.empty()) return;
    const ResolvedScenario resolved =
        load_scenario(path, given ? options.sets : header.value("set", std::vector<std::string>()));
    result.scenario = check_text(resolved);
    result.scenario_note = same_settings(resolved.scenario, json)
                               ? fmt::format("{}, as this run read it.", path)
                               : fmt::format(
                                     "{} has changed since this run: these are the values "
                                     "that it resolves to now.",
                                     path);
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: is no result: {}", result.name, error.what()));
  } catch (const InputError& error) {
    if (given) throw;
    result.scenario_note = "Where values came from is not known: " + path + " cannot be read now.";
  }
}

std::string title_of(const Options& options, const std::vector<PageResult>& results) {
  fs::path first = fs::path(options.results[0]).lexically_normal();
  if (!first.has_filename()) first = first.parent_path();
  if (results.size() > 1) return first.stem().string();
  const auto json = nlohmann::json::parse(results[0].json, nullptr, false);
  const bool named = json.is_object() && json.contains("scenario") && json["scenario"].is_string();
  return named ? json["scenario"].get<std::string>() : results[0].name;
}

int run(const Options& options) {
  check_outputs({{Output::Kind::file, "-o", options.out}});
  std::vector<std::string> files;
  for (const std::string& argument : options.results) {
    if (!fs::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    const auto found = results_in(argument);
    files.insert(files.end(), found.begin(), found.end());
  }
  const bool one = files.size() == 1;
  if (!one && !(options.trace + options.explanation + options.scenario).empty())
    throw InputError(
        "--trace, --explain and --scenario are for one run: results of a folder find "
        "NAME.trace.json and NAME.explain.json beside them");
  std::vector<PageResult> results;
  for (const std::string& file : files) results.push_back(read_result(file, options));
  if (one) add_scenario(results[0], options);
  PageOptions page;
  page.title = title_of(options, results);
  page.made_from = fmt::format("{}", fmt::join(options.results, ", "));
  page.version = MOESIM_VERSION;
  const std::string html = page_html(results, page);
  replace_file(options.out, html);
  if (static_cast<double>(html.size()) > kLargePage)
    spdlog::warn("{} takes {:.0f} MB; a timeline of fewer ranks makes it smaller", options.out,
                 static_cast<double>(html.size()) / 1e6);
  spdlog::info("{}: {:.1f} MB of {} result{}", options.out, static_cast<double>(html.size()) / 1e6,
               results.size(), results.size() == 1 ? "" : "s");
  return kDone;
}

}  // namespace

void add_report_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("report", "Writes results as one HTML page that opens without a network");
  command
      ->add_option("results", options->results,
                   "JSON of run, search or explain --format json, or folders of results")
      ->required();
  command->add_option("-o,--out", options->out, "The page to write, such as report.html")
      ->required();
  command->add_option("--trace", options->trace,
                      "Timeline of the run, as run --trace writes it (default: NAME.trace.json or "
                      "NAME.trace.json.gz beside NAME.json)");
  command->add_option("--explain", options->explanation,
                      "JSON of moesim explain (default: NAME.explain.json beside NAME.json)");
  command->add_option("--scenario", options->scenario,
                      "Scenario of the run, to show where each value came from (default: the one "
                      "that a stored run names)");
  command->add_option("--set", options->sets, "With it: as the run was given")
      ->allow_extra_args(false);
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
