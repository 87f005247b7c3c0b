#include "batch/study_file.hpp"

#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "config/tree.hpp"

namespace moesim {

namespace {

// A value as `--set` takes it: flow YAML.
std::string flow_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "null";
    case YamlNode::Kind::scalar:
      return node.quoted ? quoted_yaml(node.text) : node.text;
    case YamlNode::Kind::sequence: {
      std::string text;
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + flow_text(item);
      return "[" + text + "]";
    }
    case YamlNode::Kind::map: {
      std::string text;
      for (const auto& entry : node.entries)
        text += (text.empty() ? "" : ", ") + entry.key + ": " + flow_text(entry.value);
      return "{" + text + "}";
    }
  }
  return "";
}

class StudyReader {
 public:
  StudyReader(const std::string& path, Problems& problems) : path_(path), problems_(problems) {}

  Study read(const YamlNode& root) {
    if (root.kind != YamlNode::Kind::map) {
      if (!root.incomplete)
        problems_.add(root.place, "", "expected a map with base, grid, list, title");
      return study_;
    }
    if (root.find("workload") && !root.find("grid") && !root.find("list")) {
      problems_.add(root.place, "", "is a scenario, not a study: moesim run " + path_);
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
      else
        problems_.add(entry.key_place, entry.key,
                      "is not a key of a study" +
                          hint(entry.key, {"base", "title", "grid", "list", "notes", "source"}));
    }
    if (study_.base.empty() && root.find("base") == nullptr && !root.incomplete)
      problems_.add(root.place, "base", "missing: the scenario that the study varies");
    return study_;
  }

 private:
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
      for (const YamlNode& item : entry.value.items) values.push_back(flow_text(item));
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
        settings.emplace_back(entry.key, flow_text(entry.value));
      study_.list.push_back(std::move(settings));
    }
  }

  std::string path_;
  Problems& problems_;
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
  Study study = StudyReader(path, problems).read(root);
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
