#include "batch/result_row.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/csv.hpp"

namespace moesim {
namespace {

using nlohmann::ordered_json;

// Columns named by the path of the figure in the JSON output of a run.
constexpr const char* figure_paths[] = {
    "step_time_s",
    "tokens_per_s",
    "tokens_per_s_per_device",
    "mfu",
    "tflops_per_device",
    "breakdown_s.compute",
    "breakdown_s.exposed_ep",
    "breakdown_s.exposed_tp",
    "breakdown_s.exposed_cp",
    "breakdown_s.exposed_dp",
    "breakdown_s.exposed_pp",
    "breakdown_s.exposed_stream",
    "breakdown_s.bubble",
    "breakdown_s.optimizer",
    "breakdown_s.other",
    "overload_factor",
    "lower_bound_s",
};

std::string text_of(const ordered_json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The value at a dotted path, or null.
ordered_json at_path(const ordered_json& object, std::string_view path) {
  const size_t dot = std::min(path.find('.'), path.size());
  const auto found =
      object.is_object() ? object.find(std::string(path.substr(0, dot))) : object.end();
  if (!object.is_object() || found == object.end()) return nullptr;
  return dot == path.size() ? *found : at_path(*found, path.substr(dot + 1));
}

// Whether every pipeline stage fits, and the fullest of them; null without a memory report.
std::pair<ordered_json, ordered_json> memory_of(const ordered_json& result) {
  const ordered_json stages = at_path(result, "memory");
  if (!stages.is_array() || stages.empty()) return {nullptr, nullptr};
  bool fits = true;
  double most_bytes = 0, most_share = 0;
  for (const ordered_json& stage : stages) {
    const ordered_json total = at_path(stage, "total_bytes");
    fits = fits && at_path(stage, "fits") != false;
    if (!total.is_number()) continue;
    // By share: the stores of a wafer system are of different sizes.
    const ordered_json capacity = at_path(stage, "capacity_bytes");
    const double bytes = total.get<double>();
    const double share = bytes / (capacity.is_number() ? std::max(1.0, capacity.get<double>()) : 1);
    if (share <= most_share) continue;
    most_share = share;
    most_bytes = bytes;
  }
  return {fits, most_bytes};
}

}  // namespace

std::string result_header(const std::vector<std::string>& keys) {
  std::string line = "name";
  for (const std::string& key : keys) line += "," + csv_field(key);
  line += ",status,wall_s";
  for (const char* path : figure_paths) line += std::string(",") + path;
  return line + ",memory_fits,memory_most_bytes,message";
}

std::string result_row(const std::vector<std::string>& keys, const StudyRun& run,
                       const ordered_json& result) {
  std::string line = csv_field(run.name);
  const auto add = [&](const ordered_json& value) { line += "," + csv_field(text_of(value)); };
  for (const std::string& key : keys) add(value_set(run, key));
  add(at_path(result, "run.status"));
  add(at_path(result, "run.wall_s"));
  for (const char* path : figure_paths) add(at_path(result, path));
  const auto [fits, most_bytes] = memory_of(result);
  add(fits);
  add(most_bytes);
  add(at_path(result, "run.message"));
  return line;
}

}  // namespace moesim
