#include "config/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <utility>

#include "base/text.hpp"
#include "config/huggingface.hpp"
#include "config/json_tree.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxChain = 16;  // bases of bases; nobody follows more

struct Child {
  const char* key;
  SectionKind kind;
};

std::span<const Child> children(SectionKind kind) {
  static constexpr std::array<Child, 5> kScenario = {{{"workload", SectionKind::workload},
                                                      {"platform", SectionKind::platform},
                                                      {"plan", SectionKind::plan},
                                                      {"routing", SectionKind::routing},
                                                      {"batch", SectionKind::batch}}};
  static constexpr std::array<Child, 1> kPlatform = {{{"device", SectionKind::device}}};
  if (kind == SectionKind::scenario) return kScenario;
  if (kind == SectionKind::platform) return kPlatform;
  return {};
}

bool has_name(SectionKind kind) {
  return kind == SectionKind::scenario || kind == SectionKind::workload ||
         kind == SectionKind::platform || kind == SectionKind::device;
}

// These kinds describe a machine or a model; the others say what the user wants of them.
bool describes(SectionKind kind) {
  return kind == SectionKind::workload || kind == SectionKind::platform ||
         kind == SectionKind::device;
}

void mark_preset(YamlNode& node) {
  node.preset = true;
  for (YamlNode& item : node.items) mark_preset(item);
  for (YamlNode::Entry& entry : node.entries) mark_preset(entry.value);
}

// workloads/qwen3.yaml -> qwen3; Qwen3-30B-A3B/config.json -> Qwen3-30B-A3B.
std::string name_of_file(const std::string& path) {
  const fs::path file(path);
  std::string folder = file.parent_path().filename().string();
  if (file.filename() == "config.json" && !folder.empty() && folder != "." && folder != "..")
    return folder;
  return file.stem().string();
}

class Resolver {
 public:
  explicit Resolver(const ResolveContext& context) : context_(context) {}

  // Where the text that is being resolved stands.
  struct Here {
    SectionKind kind;
    std::string path;       // key path
    std::string directory;  // that file names are relative to
  };

  YamlNode resolve(YamlNode node, const Here& here) {
    if (node.kind == YamlNode::Kind::scalar) return named(node, here);
    if (node.kind != YamlNode::Kind::map) return node;
    const std::string outer_like = like_;
    if (here.kind == SectionKind::workload) take_like(node, here);
    if (here.kind == SectionKind::workload && is_huggingface(node))
      node = from_huggingface(node, here.path, like_, context_.problems);
    for (const Child& child : children(here.kind))
      if (YamlNode* below = node.find(child.key))
        *below = resolve(std::move(*below),
                         {child.kind, join_path(here.path, child.key), here.directory});
    const auto is_base = [](const YamlNode::Entry& entry) { return entry.key == "base"; };
    const auto base = std::find_if(node.entries.begin(), node.entries.end(), is_base);
    if (base == node.entries.end()) {
      like_ = outer_like;
      return node;
    }
    const YamlNode name = std::move(base->value);
    node.entries.erase(base);
    YamlNode below =
        named(name, {here.kind, join_path(here.path, "base"), here.directory}, here.path);
    like_ = outer_like;
    // Not `whole` while merging: it is the base that this map was written to change.
    YamlNode merged = merge(std::move(below), std::move(node));
    merged.whole = true;
    return merged;
  }

  YamlNode file(const PresetFile& file, SectionKind kind, const std::string& path,
                const Place& place, const std::string& named_at) {
    const bool json = fs::path(file.path).extension() == ".json";
    const FileText read = context_.files.read(file.path, json ? kMaxJsonBytes : kMaxConfigBytes);
    if (!read.error.empty()) {
      const bool itself = place.file.empty();
      context_.problems.add(
          itself ? Place{file.path, 0, 0} : place, itself ? "" : named_at,
          itself ? read.error : fmt::format("{} {}", quote(file.path), read.error));
      return make_incomplete_map(place);
    }
    const YamlSource source{file.path, file.label, path, true};
    YamlNode root = json ? parse_json(read.text, source, context_.problems)
                         : parse_yaml(read.text, source, context_.problems);
    if (root.kind != YamlNode::Kind::map) {
      context_.problems.add(root.place, path,
                            fmt::format("expected a map of keys, got {}", describe(root)));
      return make_incomplete_map(root.place);
    }
    if (kind == SectionKind::scenario && is_huggingface(root)) {
      context_.problems.add(root.place, path,
                            fmt::format("is a HuggingFace config, not a scenario: write a scenario "
                                        "with the keys workload: {}, platform, plan and batch",
                                        file.path));
      return make_incomplete_map(root.place);
    }
    if (has_name(kind) && !root.incomplete && !root.find("name")) {
      YamlNode name = make_scalar(name_of_file(file.path), root);
      name.origin = file.label + " (its file name)";
      root.entries.push_back({"name", root.place, std::move(name)});
    }
    chain_.push_back(fs::path(file.path).lexically_normal().string());
    YamlNode resolved =
        resolve(std::move(root), {kind, path, fs::path(file.path).parent_path().string()});
    chain_.pop_back();
    resolved.whole = true;
    if (describes(kind)) mark_preset(resolved);
    return resolved;
  }

 private:
  YamlNode named(const YamlNode& name, const Here& here) { return named(name, here, here.path); }

  // The preset or file that the scalar `name` names; its keys lie under `path`.
  YamlNode named(const YamlNode& name, const Here& here, const std::string& path) {
    const auto fail = [&](const std::string& message) {
      context_.problems.add(name.place, here.path, message);
      return make_incomplete_map(name.place);
    };
    if (name.kind != YamlNode::Kind::scalar)
      return fail(fmt::format("expected the name of a {} or a file, got {}",
                              section_name(here.kind), describe(name)));
    const PresetFile found =
        find_preset(name.text, here.kind, here.directory, context_.search, context_.files);
    if (!found.error.empty()) return fail(found.error);
    if (std::find(chain_.begin(), chain_.end(), found.path) != chain_.end() ||
        chain_.size() >= kMaxChain) {
      std::string chain;
      for (const std::string& link : chain_) chain += link + " -> ";
      const char* fault =
          chain_.size() >= kMaxChain ? "too long a chain of bases" : "a cycle of bases";
      return fail(fmt::format("{}: {}{}", fault, chain, found.path));
    }
    return file(found, here.kind, path, name.place, here.path);
  }

  // The key `like` of a workload: the model_type that an unknown one is read as.
  void take_like(YamlNode& node, const Here& here) {
    const auto is_like = [](const YamlNode::Entry& entry) { return entry.key == "like"; };
    const auto found = std::find_if(node.entries.begin(), node.entries.end(), is_like);
    if (found == node.entries.end()) return;
    if (found->value.kind == YamlNode::Kind::scalar) {
      like_ = found->value.text;
    } else {
      context_.problems.add(found->value.place, join_path(here.path, "like"),
                            "expected a model_type, got " + describe(found->value));
    }
    node.entries.erase(found);
  }

  const ResolveContext& context_;
  std::string like_ = context_.like;
  std::vector<std::string> chain_;  // files being resolved, outermost first
};

// "plan.ep=16" -> {plan: {ep: 16}}; nothing after reporting what is wrong with it.
YamlNode parse_set(const std::string& set, Problems& problems) {
  const Place place{"--set " + set, 0, 0};
  const size_t equals = set.find('=');
  const std::string path = set.substr(0, equals);
  if (equals == std::string::npos || path.empty() || path.front() == '.' || path.back() == '.' ||
      path.find("..") != std::string::npos ||
      std::count(path.begin(), path.end(), '.') >= kMaxYamlDepth) {
    problems.add(place, "", "expected KEY.PATH=VALUE");
    return {};
  }
  const YamlSource source{place.file, "", path, false};
  const std::string text = set.substr(equals + 1);
  YamlNode node;
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    node = make_scalar("", node);
    node.quoted = true;
  } else {
    const size_t before = problems.items().size();
    node = parse_yaml(text, source, problems);
    if (problems.items().size() > before) return {};
  }
  node.place = place;
  node.origin = place.file;
  for (size_t end = path.size();;) {
    const size_t dot = path.rfind('.', end - 1);
    const size_t begin = dot == std::string::npos ? 0 : dot + 1;
    YamlNode outer;
    outer.kind = YamlNode::Kind::map;
    outer.place = place;
    outer.origin = place.file;
    outer.entries.push_back({path.substr(begin, end - begin), place, std::move(node)});
    node = std::move(outer);
    if (dot == std::string::npos) return node;
    end = dot;
  }
}

}  // namespace

YamlNode resolve_named(const ResolveContext& context, const std::string& name, SectionKind kind,
                       const std::string& directory) {
  const PresetFile found = find_preset(name, kind, directory, context.search, context.files);
  if (found.error.empty()) return Resolver(context).file(found, kind, "", {}, "");
  context.problems.add({}, "", found.error);
  return make_incomplete_map({});
}

YamlNode resolve_file(const ResolveContext& context, const std::string& path, SectionKind kind) {
  return Resolver(context).file({path, path, ""}, kind, "", {}, "");
}

YamlNode apply_sets(const ResolveContext& context, YamlNode root, SectionKind kind,
                    const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    YamlNode over = parse_set(set, context.problems);
    if (over.kind != YamlNode::Kind::map) continue;
    over = Resolver(context).resolve(std::move(over), {kind, "", "."});
    over.whole = false;
    root = merge(std::move(root), std::move(over));
  }
  return root;
}

}  // namespace moesim
