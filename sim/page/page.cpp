#include "page/page.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "page/pack.hpp"
#include "page/template.hpp"

namespace moesim {

namespace {

using nlohmann::ordered_json;

// Sections of settings that runs of a study share.
constexpr const char* kSettings[] = {"plan", "batch", "platform", "routing", "workload"};
// A page of many runs leaves out what is beyond these: the reader opens the run's own file for it.
constexpr size_t kMostRows = 12;           // of the critical path and the resources of a run
constexpr size_t kMostTensors = 3;         // of a stage's largest
constexpr int kDigits = 7;                 // of a number
constexpr size_t kPlainBytes = 1'000'000;  // of data that stands in the page as it is

void round_numbers(ordered_json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == 0 || !std::isfinite(number)) return;
    const double scale =
        std::pow(10, kDigits - 1 - static_cast<int>(std::floor(std::log10(std::abs(number)))));
    if (std::isfinite(scale) && scale > 0) value = std::round(number * scale) / scale;
  }
  if (value.is_structured())
    for (auto& inner : value) round_numbers(inner);
}

void keep_first(ordered_json& report, const char* key, size_t most) {
  if (!report.contains(key) || !report[key].is_array()) return;
  auto& list = report[key];
  if (list.size() > most) list.erase(list.begin() + static_cast<std::ptrdiff_t>(most), list.end());
}

// Settings that are equal in several runs stand once, in `variants`; a run has their number.
void shorten(ordered_json& report, ordered_json& variants) {
  for (const char* section : kSettings) {
    if (!report.contains(section)) continue;
    auto& list = variants[section];
    if (list.is_null()) list = ordered_json::array();
    size_t at = 0;
    while (at < list.size() && list[at] != report[section]) ++at;
    if (at == list.size()) list.push_back(report[section]);
    report[section] = at;
  }
  keep_first(report, "critical_path", kMostRows);
  keep_first(report, "resources", kMostRows);
  if (report.contains("memory") && report["memory"].is_array())
    for (auto& stage : report["memory"])
      if (stage.is_object()) keep_first(stage, "largest", kMostTensors);
  for (auto& [key, value] : report.items())
    if (value.is_structured()) round_numbers(value);
}

// ["plan.ep=16"] as {"plan.ep": "16"}.
ordered_json settings_of(const ordered_json& sets) {
  ordered_json settings = ordered_json::object();
  if (sets.is_object()) return sets;
  if (!sets.is_array()) return settings;
  for (const auto& set : sets) {
    if (!set.is_string()) continue;
    const std::string text = set.get<std::string>();
    const size_t at = text.find('=');
    if (at != std::string::npos) settings[text.substr(0, at)] = text.substr(at + 1);
  }
  return settings;
}

ordered_json run_of(const PageResult& result, ordered_json report) {
  ordered_json run = {{"name", result.name}, {"status", "done"}, {"set", ordered_json::object()}};
  if (report.contains("run") && report["run"].is_object()) {
    const ordered_json header = report["run"];
    report.erase("run");
    for (const char* key : {"name", "status", "message"})
      if (header.contains(key) && header[key].is_string()) run[key] = header[key];
    if (header.contains("set")) run["set"] = settings_of(header["set"]);
  }
  if (report.contains("step_time_s")) run["report"] = std::move(report);
  const auto parsed = [](const std::string& text) {
    return ordered_json::parse(text, nullptr, false);
  };
  if (!result.explanation.empty()) run["explanation"] = parsed(result.explanation);
  if (!result.timeline.empty()) run["timeline"] = parsed(result.timeline);
  if (!result.scenario.empty()) run["scenario"] = result.scenario;
  if (!result.scenario_note.empty()) run["scenario_note"] = result.scenario_note;
  return run;
}

// "plan.tp=2 plan.pp=8" as "tp=2 pp=8".
std::string short_name(const ordered_json& settings) {
  std::string name;
  for (const auto& [key, value] : settings.items()) {
    if (!name.empty()) name += ' ';
    name += fmt::format("{}={}", key.substr(key.rfind('.') + 1),
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return name;
}

// The mappings that a search simulated, as runs, and why others are not among them.
void add_search(const ordered_json& search, ordered_json& data) {
  const bool ranked = search.contains("ranking") && search["ranking"].is_array();
  for (const auto& found : search[ranked ? "ranking" : "best"]) {
    if (!found.is_object()) continue;
    const bool whole = found.contains("report") && found["report"].is_object();
    ordered_json run = run_of({}, whole ? found["report"] : found);
    run["set"] = settings_of(found.value("set", ordered_json()));
    run["name"] = short_name(run["set"]);
    data["runs"].push_back(std::move(run));
  }
  data["rejected"] = search.value("rejected", ordered_json::object());
  for (const char* count : {"mappings", "fitting", "estimated", "simulated", "explored"})
    if (search.contains(count) && search[count].is_number()) data["counts"][count] = search[count];
  data["study"] = true;
}

// The keys that any run sets, in the order of their first use.
ordered_json keys_of(const ordered_json& runs) {
  ordered_json keys = ordered_json::array();
  for (const auto& run : runs)
    for (const auto& [key, value] : run["set"].items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  return keys;
}

// Runs of a batch that did not end are rejections as well: by the first line of why.
void count_failures(ordered_json& data) {
  for (const auto& run : data["runs"]) {
    if (run.contains("report")) continue;
    std::string reason = run.value("message", std::string());
    reason = reason.substr(0, std::min<size_t>(reason.find('\n'), 120));
    reason = reason.empty() ? run.value("status", std::string("failed")) : reason;
    auto& times = data["rejected"][reason];
    times = times.is_null() ? 1 : times.get<int>() + 1;
  }
}

ResultKind kind_of(const ordered_json& json) {
  if (!json.is_object()) return ResultKind::none;
  if (json.contains("rejected") && json.contains("best")) return ResultKind::search;
  if (json.contains("sensitivities") && json.contains("math")) return ResultKind::explanation;
  if (json.contains("rows") && json.contains("pareto")) return ResultKind::capacity;
  const bool stored = json.contains("run") && json["run"].is_object();
  return stored || json.contains("step_time_s") ? ResultKind::run : ResultKind::none;
}

// Returns what stands in the middle of the page; "</script" cannot be in it.
std::string data_element(const std::string& data) {
  constexpr const char* kId = "id=\"moesim-data\"";
  if (data.size() > kPlainBytes)
    return fmt::format("<script {} type=\"application/gzip\">{}</script>", kId,
                       base64(gzipped(data)));
  std::string safe;
  for (const char letter : data) {
    if (letter == '<')
      safe += "\\u003c";
    else
      safe += letter;
  }
  return fmt::format("<script {} type=\"application/json\">{}</script>", kId, safe);
}

}  // namespace

ResultKind kind_of_result(const std::string& json) {
  return kind_of(ordered_json::parse(json, nullptr, false));
}

std::string page_data(const std::vector<PageResult>& results, const PageOptions& options) {
  ordered_json data = {{"title", options.title},
                       {"made_from", options.made_from},
                       {"moesim_version", options.version},
                       {"study", options.study},
                       {"runs", ordered_json::array()}};
  Problems problems;
  for (const PageResult& result : results) {
    ordered_json json = ordered_json::parse(result.json, nullptr, false);
    switch (kind_of(json)) {
      case ResultKind::run:
        data["runs"].push_back(run_of(result, std::move(json)));
        break;
      case ResultKind::search:
        add_search(json, data);
        break;
      case ResultKind::explanation:
        data["runs"].push_back({{"name", result.name}, {"explanation", std::move(json)}});
        break;
      case ResultKind::capacity:
        data["capacity"] = std::move(json);
        break;
      case ResultKind::none:
        problems.add({result.name}, "",
                     "is no result: expected the JSON of run, search, explain or capacity");
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  if (data["runs"].size() != 1) data["study"] = true;
  for (auto& run : data["runs"])
    if (!run.contains("set")) run["set"] = ordered_json::object();
  data["keys"] = keys_of(data["runs"]);
  if (data["study"].get<bool>()) {
    count_failures(data);
    data["variants"] = ordered_json::object();
    for (auto& run : data["runs"])
      if (run.contains("report")) shorten(run["report"], data["variants"]);
  }
  return data.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string page_html(const std::vector<PageResult>& results, const PageOptions& options) {
  constexpr std::string_view kMark = "<!--DATA-->";
  const std::string_view page = page_template();
  const size_t at = page.find(kMark);
  return std::string(page.substr(0, at)) + data_element(page_data(results, options)) +
         std::string(page.substr(at + kMark.size()));
}

}  // namespace moesim
