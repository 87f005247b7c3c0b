#include "config/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/text.hpp"
#include "config/consistency.hpp"
#include "config/consistency_rules.hpp"
#include "config/documenter.hpp"
#include "config/recorded_counts.hpp"
#include "config/resolve.hpp"
#include "config/unused.hpp"
#include "config/visit.hpp"
#include "config/writer.hpp"

namespace moesim {
namespace {

// Files in the order they were first mentioned, problems of a file from top to bottom; overrides
// last.
Problems sorted(const Problems& problems) {
  std::vector<std::string> files;
  std::vector<Problem> items = problems.items();
  const auto rank = [&](const Problem& problem) {
    return std::find(files.begin(), files.end(), problem.place.file) - files.begin();
  };
  const auto is_set = [](const Problem& problem) {
    return problem.place.file.starts_with("--set ");
  };
  for (const Problem& problem : items)
    if (rank(problem) == static_cast<std::ptrdiff_t>(files.size()))
      files.push_back(problem.place.file);
  std::stable_sort(items.begin(), items.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(is_set(a), rank(a), a.place.line, a.place.column) <
           std::tuple(is_set(b), rank(b), b.place.line, b.place.column);
  });
  Problems result;
  for (Problem& problem : items)
    result.add(std::move(problem.place), std::move(problem.path), std::move(problem.message));
  return result;
}

// The counts of routing.recorded_file, whose name is relative to the file that it stands in.
void read_recorded_file(ResolvedScenario& resolved, const Files& files, Problems& problems) {
  RoutingSpec& routing = resolved.scenario.routing;
  if (routing.recorded_file.empty()) return;
  const std::string key = "routing.recorded_file";
  ValueSource& source = resolved.sources[key];
  if (!routing.recorded.empty())
    problems.add(source.place, key, "give either recorded or recorded_file");
  const bool in_file = !source.place.file.starts_with("--set ");
  const auto folder =
      in_file ? std::filesystem::path(source.place.file).parent_path() : std::filesystem::path();
  routing.recorded_file = (folder / routing.recorded_file).lexically_normal().string();
  const FileText read = files.read(routing.recorded_file, kMaxRecordedBytes);
  const size_t before = problems.items().size();
  if (!read.error.empty()) {
    problems.add(source.place, key, fmt::format("\"{}\" {}", routing.recorded_file, read.error));
  } else {
    const ModelShape& model = resolved.scenario.workload;
    routing.recorded =
        read_recorded_counts(read.text, routing.recorded_file, key,
                             {model.layers + model.mtp_layers, model.experts}, problems);
  }
  if (problems.items().size() > before) resolved.sources["routing.recorded"].sound = false;
}

// A dispatcher whose costs the platform does not state would win every comparison.
void note_free_dispatcher(ResolvedScenario& resolved) {
  const Scenario& scenario = resolved.scenario;
  const DispatcherTraits& dispatcher = traits(scenario.plan.dispatcher);
  if (scenario.platform.is_wafer_system() || scenario.plan.ep == 1 || !dispatcher.own_costs())
    return;
  const std::string section = fmt::format("platform.{}.", dispatcher.name);
  for (const auto& [key, source] : resolved.sources)
    if (key.starts_with(section) && source.origin != "default") return;
  resolved.notes.push_back(
      fmt::format("platform {} states no costs of {}: it starts in no time and at full port speed",
                  scenario.platform.name(), dispatcher.title));
}

// Overrides of a workload's `like` change how its file is read, before others are laid over it.
std::string take_like(std::vector<std::string>& sets, const std::string& prefix) {
  std::string like;
  std::erase_if(sets, [&](const std::string& set) {
    if (!set.starts_with(prefix + "like=")) return false;
    like = set.substr(prefix.size() + 5);
    return true;
  });
  return like;
}

template <class Struct>
Struct load_section(const std::string& name, SectionKind kind, std::vector<std::string> sets,
                    const SearchPath& search, const Files& files) {
  Problems problems;
  const std::string like = kind == SectionKind::workload ? take_like(sets, "") : "";
  const ResolveContext context{search, files, problems, like};
  const YamlNode root = apply_sets(context, resolve_named(context, name, kind, "."), kind, sets);
  Struct value;
  StructReader(root, "", problems).read(value);
  if (!problems.empty()) throw InputError(sorted(problems));
  return value;
}

// A name without an ending is that of a scenario that comes with the program, where no file is of
// this name.
std::string file_of(const std::string& named, const SearchPath& search, const Files& files) {
  if (named.empty() || named.find('/') != std::string::npos || files.exists(named)) return named;
  for (const char* ending : {".yaml", ".yml", ".json"})
    if (named.ends_with(ending)) return named;
  std::error_code error;
  if (std::filesystem::exists(named, error)) return named;
  const PresetFile preset = find_preset(named, SectionKind::scenario, ".", search, files);
  if (!preset.error.empty())
    throw InputError(fmt::format("{}: no such file, and {}", named, preset.error));
  return preset.path;
}

ResolvedScenario read(const std::string& named, std::vector<std::string> sets,
                      const SearchPath& search, const Files& files, Problems& problems) {
  const std::string path = file_of(named, search, files);
  const std::string like = take_like(sets, "workload.");
  const ResolveContext context{search, files, problems, like};
  YamlNode root = apply_sets(context, resolve_file(context, path, SectionKind::scenario),
                             SectionKind::scenario, sets);
  ResolvedScenario resolved;
  resolved.file = path;
  resolved.framework = apply_framework(context, root);
  StructReader reader(root, "", problems);
  reader.read(resolved.scenario);
  resolved.sources = reader.sources();
  for (const FrameworkValue& value : resolved.framework.values)
    resolved.sources[value.key].reason = fmt::format("{}: {}", spelling(value.basis), value.source);
  read_recorded_file(resolved, files, problems);
  return resolved;
}

}  // namespace

ResolvedScenario load_scenario(const std::string& path, const std::vector<std::string>& sets,
                               const SearchPath& search, const Files& files) {
  Problems problems;
  ResolvedScenario resolved = read(path, sets, search, files, problems);
  settle_unused(resolved, problems);
  check_consistency(resolved.scenario, resolved.sources, problems);
  if (!problems.empty()) throw InputError(sorted(problems));
  if (!resolved.framework.note.empty()) resolved.notes.push_back(resolved.framework.note);
  note_free_dispatcher(resolved);
  return resolved;
}

ResolvedScenario load_scenario(const std::string& path, const std::vector<std::string>& sets,
                               const Files& files) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return load_scenario(path, sets, default_search_path(folder), files);
}

ResolvedScenario load_unchecked_scenario(const std::string& path,
                                         const std::vector<std::string>& sets,
                                         const SearchPath& search, const Files& files) {
  Problems problems;
  ResolvedScenario resolved = read(path, sets, search, files, problems);
  Problems ignored;
  settle_unused(resolved, ignored);
  if (!problems.empty()) throw InputError(sorted(problems));
  return resolved;
}

ModelShape load_workload(const std::string& name, const std::vector<std::string>& sets,
                         const SearchPath& search, const Files& files) {
  Scenario alone;
  alone.workload = load_section<ModelShape>(name, SectionKind::workload, sets, search, files);
  Problems problems;
  const ValueSources sources;
  Rules rules(alone, sources, problems);
  check_model(rules);
  if (!problems.empty()) throw InputError(problems);
  return alone.workload;
}

Device load_device(const std::string& name, const std::vector<std::string>& sets,
                   const SearchPath& search, const Files& files) {
  return load_section<Device>(name, SectionKind::device, sets, search, files);
}

Platform load_platform(const std::string& name, const std::vector<std::string>& sets,
                       const SearchPath& search, const Files& files) {
  return load_section<Platform>(name, SectionKind::platform, sets, search, files);
}

Pod load_pod(const std::string& name, const std::vector<std::string>& sets,
             const SearchPath& search, const Files& files) {
  if (!is_wafer_platform(name, search, files))
    return load_platform(name, sets, search, files).pod();
  Problems problems;
  problems.add({}, "platform",
               fmt::format("\"{}\" is a wafer system: this needs a pod of GPUs", name));
  throw InputError(problems);
}

std::string input_text(const Scenario& scenario) {
  std::string text = scenario_text(scenario);
  if (!scenario.routing.recorded_file.empty())
    for (const RecordedCount& c : scenario.routing.recorded)
      text += fmt::format("{},{},{},{}\n", c.layer, c.step, c.expert, c.tokens);
  return text;
}

bool is_wafer_platform(const std::string& name, const SearchPath& search, const Files& files) {
  Problems problems;
  const ResolveContext context{search, files, problems};
  return resolve_named(context, name, SectionKind::platform, ".").find("wafer") != nullptr;
}

std::string scenario_text(const Scenario& scenario) {
  StructWriter writer;
  writer.write(scenario);
  return writer.text();
}

std::string check_text(const ResolvedScenario& resolved) {
  StructWriter writer;
  writer.write(resolved.scenario);
  std::string note;
  if (!resolved.framework.note.empty()) {
    note = "# " + fold(resolved.framework.note, 0, 0, kTerminalColumns - 2) + "\n";
    for (size_t at = 0; (at = note.find('\n', at)) + 1 < note.size();) note.insert(++at, "# ");
  }
  return note + writer.text(&resolved.sources);
}

std::string schema_text_of(const std::string& key) {
  StructDocumenter documenter, wafers("platform");
  documenter.document<Scenario>();
  wafers.document<WaferSystem>();
  std::string text = documenter.text(key);
  if (text.empty()) text = wafers.text(key);
  if (!text.empty()) return text;
  std::vector<std::string> keys = documenter.keys();
  const std::vector<std::string> more = wafers.keys();
  keys.insert(keys.end(), more.begin(), more.end());
  // "ep" is plan.ep.
  for (const std::string& known : keys)
    if (known.ends_with("." + key)) text += fmt::format("{}{}", text.empty() ? "" : ", ", known);
  throw InputError(fmt::format("{} is not a key of a scenario{}", quote(key),
                               text.empty() ? hint(key, keys) : " (did you mean " + text + "?)"));
}

std::string schema_text() {
  StructDocumenter documenter;
  documenter.document<Scenario>();
  StructDocumenter wafers;
  wafers.document<WaferSystem>();
  return documenter.text() + "\nplatform, where it has a wafer, in place of the keys above:\n" +
         wafers.text();
}

}  // namespace moesim
