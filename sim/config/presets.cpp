#include "config/presets.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/text.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

struct KindNames {
  const char* name;
  const char* folder;
};

const KindNames& names(SectionKind kind) {
  static constexpr KindNames kNames[] = {
      {"scenario", "scenarios"}, {"workload", "workloads"},
      {"platform", "platforms"}, {"device", "platforms/devices"},
      {"plan", "plans"},         {"routing", "scenarios/routings"},
      {"batch", "batches"},      {"framework", "scenarios/frameworks"},
  };
  return kNames[static_cast<size_t>(kind)];
}

bool is_file_name(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  return name.find('/') != std::string::npos || extension == ".yaml" || extension == ".yml" ||
         extension == ".json";
}

std::string in_directory(const std::string& directory, const std::string& name) {
  return (fs::path(directory) / name).lexically_normal().string();
}

bool is_data_directory(const fs::path& directory) {
  std::error_code error;
  return fs::is_directory(directory / "platforms", error) &&
         fs::is_directory(directory / "workloads", error);
}

PresetFile find_file(const std::string& name, const std::string& directory,
                     const SearchPath& search, const Files& files) {
  const std::string beside = in_directory(directory, name);
  if (files.exists(beside)) return {beside, beside, ""};
  if (!fs::path(name).is_absolute())
    for (const std::string& data : search.directories)
      if (const std::string path = in_directory(data, name); files.exists(path))
        return {path, name, ""};
  // Something that is there but cannot be opened (a folder, no permission) explains itself when it
  // is read.
  std::error_code error;
  if (fs::exists(beside, error)) return {beside, beside, ""};
  return {"", "", fmt::format("no such file: {}", quote(beside))};
}

}  // namespace

const char* section_name(SectionKind kind) { return names(kind).name; }
const char* preset_folder(SectionKind kind) { return names(kind).folder; }

SearchPath default_search_path(const std::string& scenario_directory) {
  SearchPath search;
  if (const char* data = std::getenv("MOESIM_DATA"); data && *data)
    search.directories.emplace_back(data);
  search.directories.push_back(scenario_directory.empty() ? "." : scenario_directory);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return search;
  const fs::path shared = (program.parent_path() / "../share/moesim").lexically_normal();
  if (is_data_directory(shared)) search.directories.push_back(shared.string());
  for (fs::path parent = program.parent_path(); parent.has_relative_path();
       parent = parent.parent_path()) {
    if (!is_data_directory(parent)) continue;
    search.directories.push_back(parent.string());
    break;
  }
  return search;
}

std::vector<std::string> list_presets(SectionKind kind, const SearchPath& search,
                                      const Files& files) {
  std::set<std::string> found;
  for (const std::string& directory : search.directories)
    for (const std::string& file : files.list(in_directory(directory, preset_folder(kind))))
      if (const fs::path path(file); path.extension() == ".yaml")
        found.insert(path.stem().string());
  return {found.begin(), found.end()};
}

PresetFile find_preset(const std::string& name, SectionKind kind, const std::string& directory,
                       const SearchPath& search, const Files& files) {
  if (name.empty() || name.find('\0') != std::string::npos)
    return {"", "", fmt::format("is not the name of a {}: {}", section_name(kind), quote(name))};
  if (is_file_name(name)) return find_file(name, directory, search, files);
  const std::string file = fmt::format("{}/{}.yaml", preset_folder(kind), name);
  for (const std::string& data : search.directories)
    if (const std::string path = in_directory(data, file); files.exists(path))
      return {path, file, ""};
  std::string error = fmt::format("no {} is named {}", section_name(kind), quote(name));
  const std::vector<std::string> known = list_presets(kind, search, files);
  const std::string near = hint(name, known);
  error +=
      near.empty() && !known.empty() ? fmt::format(" (known: {})", fmt::join(known, ", ")) : near;
  return {"", "", error};
}

}  // namespace moesim
