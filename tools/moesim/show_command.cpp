#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "run_options.hpp"
#include "show_workload.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const KeyScalar& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}

// One value, or the list of them where the profile has a list.
Json json_of(const std::vector<KeyScalar>& values, const std::string& text) {
  if (!text.starts_with('[')) return json_of(values[0]);
  Json list = Json::array();
  for (const KeyScalar& value : values) list.push_back(json_of(value));
  return list;
}

std::string framework_json(const FrameworkProfile& profile) {
  Json rules = Json::array();
  for (const FrameworkRule& rule : profile.rules) {
    Json set = Json::object(), conditions = Json::object();
    for (const FrameworkSetting& setting : rule.settings)
      set[setting.key] = json_of(setting.values, setting.text);
    for (const FrameworkCondition& condition : rule.conditions)
      conditions[condition.key] = condition.test == FrameworkCondition::Test::equal
                                      ? json_of(condition.values, condition.text)
                                      : Json(condition.text);
    rules.push_back({{"set", set},
                     {"if", conditions},
                     {"source", rule.source},
                     {"basis", spelling(rule.basis)},
                     {"place", rule.origin}});
  }
  const Json json = {{"name", profile.name},
                     {"title", profile.title},
                     {"file", profile.file},
                     {"bases", profile.bases},
                     {"rules", rules}};
  return json.dump(2) + "\n";
}

std::string framework_table(const FrameworkProfile& profile) {
  constexpr size_t kIndent = 4;
  std::string text = fmt::format("{}: {}\n", profile.name, profile.title);
  if (!profile.bases.empty())
    text += fmt::format("builds on {}\n", fmt::join(profile.bases, ", then "));
  text += "rules in the order of their application; what a scenario states wins over them:\n";
  const std::string margin(kIndent, ' ');
  for (const FrameworkRule& rule : profile.rules) {
    std::string head, conditions;
    for (const FrameworkSetting& setting : rule.settings)
      head += fmt::format("{}{}: {}", head.empty() ? "" : ", ", setting.key, setting.text);
    for (const FrameworkCondition& condition : rule.conditions)
      conditions +=
          fmt::format("{}{}: {}", conditions.empty() ? "if " : ", ", condition.key, condition.text);
    text += "\n" + fold(head, 0, kIndent) + "\n";
    if (!conditions.empty()) text += margin + fold(conditions, kIndent, kIndent) + "\n";
    const std::string why = fmt::format("{}: {}", spelling(rule.basis), rule.source);
    text += margin + fold(why, kIndent, kIndent) + "\n" + margin + rule.origin + "\n";
  }
  return text;
}

}  // namespace

namespace {

void add_show_workload(CLI::App& show, int& exit_code) {
  struct Options {
    std::string name, format = "table";
    std::vector<std::string> sets;
    int64_t sequence_length = 4096;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      show.add_subcommand("workload", "Parameters and FLOPs of a model, in all and by layer");
  command
      ->add_option("name", options->name,
                   "A preset, a file of a workload, or a HuggingFace config.json")
      ->required();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->add_option("--set", options->sets, "Override a key, as in layers=16; may be repeated")
      ->allow_extra_args(false);
  add_assume_option(*command, options->sets, "");
  command
      ->add_option("--sequence-length", options->sequence_length,
                   "Tokens of a sequence, which attention's FLOPs depend on")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000'000}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    const ModelShape shape = load_workload(options->name, options->sets, default_search_path("."));
    fmt::print("{}", options->format == "json" ? workload_json(shape, options->sequence_length)
                                               : workload_table(shape, options->sequence_length));
    exit_code = kDone;
  });
}

}  // namespace

void add_show_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("show", "Shows what a preset says, with its sources");
  command->require_subcommand(1);
  add_show_workload(*command, exit_code);
  auto* framework = command->add_subcommand("framework", "The rules of a framework's profile");
  auto name = std::make_shared<std::string>();
  auto format = std::make_shared<std::string>("table");
  framework->add_option("name", *name, "As in plan.framework: a name, or a file")->required();
  framework->add_option("--format", *format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  framework->callback([name, format, &exit_code] {
    const SearchPath search = default_search_path(".");
    const FoundFramework found = find_framework(*name, ".", search);
    const FrameworkProfile profile = load_framework(*name, search);
    if (!found.note.empty()) spdlog::info("{}", found.note);
    fmt::print("{}", *format == "json" ? framework_json(profile) : framework_table(profile));
    exit_code = kDone;
  });
}

}  // namespace moesim
