#include "batch/study_file.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "base/files.hpp"
#include "base/text.hpp"
#include "config/tree.hpp"

namespace moesim {

namespace {

// Keys whose value may name a file.
constexpr std::string_view kMayBeFiles[] = {"workload", "platform", "platform.device",
                                            "plan",     "routing",  "routing.recorded_file",
                                            "batch",    "base",     "plan.framework"};

bool may_be_file(std::string_view key) {
  return std::find(std::begin(kMayBeFiles), std::end(kMayBeFiles), key) != std::end(kMayBeFiles);
}

bool looks_like_file(const std::string& text) {
  const std::string extension = std::filesystem::path(text).extension().string();
  return text.find('/') != std::string::npos || extension == ".yaml" || extension == ".yml" ||
         extension == ".json" || extension == ".csv";
}

// Values as `--set` takes them, flow YAML; a file that lies beside the study is named as seen from
// the working directory.
class FlowText {
 public:
  FlowText(std::filesystem::path folder, const Files& files)
      : folder_(std::move(folder)), files_(files) {}

  std::string of(const YamlNode& node, const std::string& key) const {
    switch (node.kind) {
      case YamlNode::Kind::null:
        return "null";
      case YamlNode::Kind::scalar:
        return scalar(node, key);
      case YamlNode::Kind::sequence: {
        std::string text;
        for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + of(item, "");
        return "[" + text + "]";
      }
      case YamlNode::Kind::map: {
        std::string text;
        for (const auto& entry : node.entries)
          text += (text.empty() ? "" : ", ") + entry.key + ": " +
                  of(entry.value, entry.key == "base" ? "base" : join_path(key, entry.key));
        return "{" + text + "}";
      }
    }
    return "";
  }

 private:
  std::string scalar(const YamlNode& node, const std::string& key) const {
    const std::string beside = (folder_ / node.text).lexically_normal().string();
    if (may_be_file(key) && looks_like_file(node.text) && !folder_.empty() && files_.exists(beside))
      return quoted_yaml(beside);
    return node.quoted ? quoted_yaml(node.text) : node.text;
  }

  std::filesystem::path folder_;
  const Files& files_;
};

class StudyReader {
 public:
  StudyReader(const std::string& path, const Files& files, Problems& problems)
      : path_(path), problems_(problems), flow_(std::filesystem::path(path).parent_path(), files) {}

  Study read(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::map) {
      if (!root.incomplete)
        problems_.add(root.place, "", "expected a map with base, grid, list, title");
      return study_;
    }
    if (const std::string other = what_else(root); !other.empty()) {
      problems_.add(root.place, "", other);
      return study_;
    }
    for (const auto& entry : root.entries) {
      if (entry.key == "base")
        read_base(entry.value);
      else if (entry.key == "title" || entry.key == "notes" || entry.key == "source")
        study_.title = entry.key == "title" ? entry.value.text : study_.title;
      else if (entry.key == "grid")
        read_grid(entry.value);
      else if (entry.key == "list")
        read_list(entry.value);
      else if (entry.key == "where")
        read_where(entry.value);
      else
        problems_.add(entry.key_place, entry.key,
                      "is not a key of a study" + hint(entry.key, {"base", "title", "grid", "list",
                                                                   "where", "notes", "source"}));
    }
    if (study_.base.empty() && root.find("base") == nullptr && !root.incomplete)
      problems_.add(root.place, "base", "missing: the scenario that the study varies");
    return study_;
  }

 private:
  // Says in one sentence what a file without a grid and a list is; "" where it may be a study.
  std::string what_else(const YamlNode& root) const {
    if (root.find("grid") || root.find("list")) return "";
    if (root.find("machines")) return "is a capacity file, not a study: moesim capacity " + path_;
    if (root.find("hidden_size") || root.find("model_type"))
      return "is a HuggingFace config, not a study: write a scenario with the key workload: " +
             path_;
    for (const char* key : {"workload", "platform", "plan", "routing", "batch", "faults"})
      if (root.find(key)) return "is a scenario, not a study: moesim run " + path_;
    return "";
  }

  void read_where(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar)
      return problems_.add(node.place, "where", "expected a condition, got " + describe(node));
    study_.where = node.text;
  }

  void read_base(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar)
      return problems_.add(node.place, "base", "expected a path, got " + describe(node));
    const std::filesystem::path base(node.text);
    study_.base = base.is_absolute() ? base.string()
                                     : (std::filesystem::path(path_).parent_path() / base).string();
  }

  void read_grid(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::map)
      return problems_.add(node.place, "grid",
                           "expected a map from keys to lists of values, got " + describe(node));
    for (const auto& entry : node.entries) {
      if (entry.value.kind != YamlNode::Kind::sequence) {
        problems_.add(entry.value.place, "grid." + entry.key,
                      "expected a list of values, got " + describe(entry.value));
        continue;
      }
      std::vector<std::string> values;
      for (const YamlNode& item : entry.value.items) values.push_back(flow_.of(item, entry.key));
      study_.grid.emplace_back(entry.key, std::move(values));
    }
  }

  void read_list(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::sequence)
      return problems_.add(node.place, "list", "expected a list of maps, got " + describe(node));
    for (const YamlNode& item : node.items) {
      if (item.kind != YamlNode::Kind::map) {
        problems_.add(item.place, "list",
                      "expected a map from keys to values, got " + describe(item));
        continue;
      }
      std::vector<Setting> settings;
      for (const auto& entry : item.entries)
        settings.emplace_back(entry.key, flow_.of(entry.value, entry.key));
      study_.list.push_back(std::move(settings));
      const YamlNode* name = item.find("name");
      study_.list_names.push_back(name && name->kind == YamlNode::Kind::scalar ? name->text : "");
    }
  }

  std::string path_;
  Problems& problems_;
  FlowText flow_;
  Study study_;
};

}  // namespace

Study load_study(const std::string& path, const Files& files) {
  Problems problems;
  const FileText file = files.read(path);
  if (!file.error.empty()) {
    problems.add({path}, "", file.error);
    throw InputError(problems);
  }
  const YamlNode root = parse_yaml(file.text, {path, "", "", true}, problems);
  Study study = StudyReader(path, files, problems).read(root);
  if (!problems.empty()) throw InputError(problems);
  return study;
}

bool is_study(const std::string& path) {
  Problems ignored;
  const FileText file = disk_files().read(path);
  if (!file.error.empty()) return false;
  const YamlNode root = parse_yaml(file.text, {path, "", "", true}, ignored);
  return root.find("grid") != nullptr || root.find("list") != nullptr;
}

}  // namespace moesim
