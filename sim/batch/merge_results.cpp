#include "batch/merge_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "base/diagnostics.hpp"
#include "base/files.hpp"
#include "batch/result_row.hpp"
#include "batch/result_store.hpp"
#include "batch/results_query.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> order_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::ifstream file(folder / kOrderFile);
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) names.push_back(line);
  return names;
}

struct Found {
  fs::path folder;
  StoredRun stored;
};

class Merging {
 public:
  void add(const fs::path& folder) {
    for (StoredRun& stored : runs_in(folder)) {
      const std::string name = stored.run.name;
      const auto known = runs_.find(name);
      if (known == runs_.end()) {
        found_.push_back(name);
        runs_.emplace(name, Found{folder, std::move(stored)});
        continue;
      }
      StoredRun& other = known->second.stored;
      if (other.run.fingerprint != stored.run.fingerprint)
        throw InputError(fmt::format("{} of {} and of {} differ in what they simulate", name,
                                     known->second.folder.string(), folder.string()));
      if (!other.is_done() && stored.is_done()) known->second = {folder, std::move(stored)};
    }
    for (std::string& name : order_of(folder))
      if (ordered_.insert(name).second) order_.push_back(std::move(name));
  }

  MergeCounts write(const fs::path& out) {
    MergeCounts counts;
    for (const std::string& name : order_)
      if (!runs_.count(name)) counts.missing.push_back(name);
    for (const std::string& name : found_)
      if (ordered_.insert(name).second) order_.push_back(name);
    const FolderLock lock(out);
    std::vector<StudyRun> all;
    for (const std::string& name : order_)
      if (const auto run = runs_.find(name); run != runs_.end()) all.push_back(run_of(run->second));
    const std::vector<std::string> keys = keys_set(all);
    std::string table = result_header(keys) + "\n";
    for (const StudyRun& run : all) {
      const Found& found = runs_.at(run.name);
      copy(found.folder, out, run.name);
      table += result_row(keys, run, found.stored) + "\n";
    }
    replace_file((out / "results.csv").string(), table);
    write_order(out, order_);
    counts.runs = all.size();
    return counts;
  }

 private:
  static StudyRun run_of(const Found& found) {
    return {found.stored.run.name, found.stored.run.scenario, found.stored.run.set};
  }

  static void copy(const fs::path& from, const fs::path& to, const std::string& name) {
    const fs::path file = from / (name + ".json");
    if (fs::exists(to / (name + ".json")) && fs::equivalent(from, to)) return;
    const FileText text = disk_files().read(file.string(), kMostBytes);
    if (!text.error.empty()) throw RunError(fmt::format("{}: {}", file.string(), text.error));
    replace_file((to / (name + ".json")).string(), text.text);
  }

  static constexpr size_t kMostBytes = size_t{1} << 30;

  std::map<std::string, Found> runs_;
  std::vector<std::string> found_;  // in the order in which they were
  std::vector<std::string> order_;
  std::set<std::string> ordered_;
};

}  // namespace

void write_order(const fs::path& folder, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  replace_file((folder / kOrderFile).string(), text);
}

MergeCounts merge_results(const std::vector<fs::path>& folders, const fs::path& out) {
  Merging merging;
  for (const fs::path& folder : folders) merging.add(folder);
  return merging.write(out);
}

}  // namespace moesim
