// The format of profiles: what they hold, their bases, and what is wrong with them.
#include <set>

#include "catch.hpp"
#include "config/framework.hpp"
#include "config/scenario.hpp"

using namespace moesim;

namespace {

const std::string kFolder = "data/scenarios/frameworks/";

FrameworkProfile load(const std::map<std::string, std::string>& texts,
                      const std::string& name = "f") {
  std::map<std::string, std::string> files;
  for (const auto& [profile, text] : texts) files[kFolder + profile + ".yaml"] = text;
  return load_framework(name, {{"data"}}, MemoryFiles(files));
}

std::string errors_of(const std::map<std::string, std::string>& texts) {
  try {
    load(texts);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string errors_of(const std::string& text) { return errors_of({{"f", text}}); }

}  // namespace

TEST_CASE("a profile is a title and rules, each with its source") {
  const FrameworkProfile profile = load({{"f",
                                          "title: A test\n"
                                          "note: by hand\n"
                                          "rules:\n"
                                          "  - set: {plan.dp_bucket_bytes: 1 KiB}\n"
                                          "    if: {plan.tp: \">1\", plan.precision: [bf16]}\n"
                                          "    source: its code\n"
                                          "    basis: inferred\n"}});
  CHECK(profile.name == "f");
  CHECK(profile.title == "A test");
  CHECK(profile.bases.empty());
  CHECK(profile.own_rules == 1);
  REQUIRE(profile.rules.size() == 1);
  const FrameworkRule& rule = profile.rules[0];
  CHECK(rule.source == "its code");
  CHECK(rule.basis == Basis::inferred);
  CHECK(rule.origin == "scenarios/frameworks/f.yaml:4");
  REQUIRE(rule.settings.size() == 1);
  CHECK(rule.settings[0].key == "plan.dp_bucket_bytes");
  CHECK(rule.settings[0].text == "1 KiB");
  CHECK(rule.settings[0].values == std::vector<KeyScalar>{1024.0});
  REQUIRE(rule.conditions.size() == 2);
  CHECK(rule.conditions[0].test == FrameworkCondition::Test::more);
  CHECK(rule.conditions[0].values == std::vector<KeyScalar>{1.0});
  CHECK(rule.conditions[1].text == "[bf16]");
}

TEST_CASE("the rules of bases come first") {
  const auto rule = [](const std::string& set) {
    return "rules: [{set: {" + set + "}, source: s, basis: stated}]\n";
  };
  const FrameworkProfile profile = load({{"f", "title: f\nbase: g\n" + rule("plan.tp: 1")},
                                         {"g", "title: g\nbase: h\n" + rule("plan.tp: 2")},
                                         {"h", "title: h\n" + rule("plan.tp: 3")},
                                         {"default", "title: d\n" + rule("plan.tp: 4")}});
  CHECK(profile.bases == std::vector<std::string>{"g", "h", "default"});
  CHECK(profile.own_rules == 1);
  REQUIRE(profile.rules.size() == 4);
  CHECK(profile.rules[0].settings[0].text == "4");
  CHECK(profile.rules[3].settings[0].text == "1");
  CHECK(load({{"f", "title: f\nbase: g\n"}, {"g", "title: g\n"}}).rules.empty());
}

TEST_CASE("bases must exist and end") {
  CHECK(errors_of({{"f", "title: f\nbase: g\n"}, {"g", "title: g\nbase: f\n"}}) ==
        "data/scenarios/frameworks/g.yaml:2:7: base: a cycle of bases: "
        "data/scenarios/frameworks/f.yaml -> data/scenarios/frameworks/g.yaml -> "
        "data/scenarios/frameworks/f.yaml");
  CHECK(errors_of("title: f\nbase: gg\n") ==
        "data/scenarios/frameworks/f.yaml:2:7: base: no framework is named \"gg\" (known: f)");
  CHECK(errors_of("title: f\nbase: [g]\n") ==
        "data/scenarios/frameworks/f.yaml:2:7: base: expected the name of a framework, got a list");
}

TEST_CASE("everything that is wrong with a profile is told at once, with its place") {
  CHECK(errors_of("titel: f\n"
                  "rules:\n"
                  "  - set: {plan.gradient_byte: 2, workload.layers: 3, plan.tp: two}\n"
                  "    if: {plan.ttp: 1, plan.tp: \">x\", plan.ep_overlap: \">1\"}\n"
                  "    basis: guess\n"
                  "  - set: {plan.framework: g, batch.global_batch: 8}\n"
                  "    if: {plan.tp: [], plan.precision: [bf61]}\n"
                  "    source: s\n"
                  "  - {source: s, basis: stated}\n"
                  "  - nothing\n") ==
        "data/scenarios/frameworks/f.yaml:1:1: titel: is not a known key (did you mean "
        "\"title\"?)\n"
        "data/scenarios/frameworks/f.yaml:1:1: title: is missing: one line for `moesim list "
        "frameworks`\n"
        "data/scenarios/frameworks/f.yaml:3:5: rules[0].source: is missing: where its values were "
        "read\n"
        "data/scenarios/frameworks/f.yaml:5:12: rules[0].basis: expected stated, recipe, inferred "
        "or default, got \"guess\"\n"
        "data/scenarios/frameworks/f.yaml:3:11: rules[0].set.plan.gradient_byte: is not a known "
        "key (did you mean \"plan.gradient_bytes\"?)\n"
        "data/scenarios/frameworks/f.yaml:3:34: rules[0].set.workload.layers: is not for a "
        "framework to set: those are plan.*, platform.*, routing.* and batch.micro_batch\n"
        "data/scenarios/frameworks/f.yaml:3:63: rules[0].set.plan.tp: expected an integer, got "
        "\"two\"\n"
        "data/scenarios/frameworks/f.yaml:4:10: rules[0].if.plan.ttp: is not a known key (did you "
        "mean \"plan.etp\"?)\n"
        "data/scenarios/frameworks/f.yaml:4:32: rules[0].if.plan.tp: expected an integer, got "
        "\"x\"\n"
        "data/scenarios/frameworks/f.yaml:4:55: rules[0].if.plan.ep_overlap: only a number can be "
        "less or more than another, this key is none\n"
        "data/scenarios/frameworks/f.yaml:6:5: rules[1].basis: is missing: stated, recipe, "
        "inferred or default\n"
        "data/scenarios/frameworks/f.yaml:6:11: rules[1].set.plan.framework: is not for a "
        "framework to set: those are plan.*, platform.*, routing.* and batch.micro_batch\n"
        "data/scenarios/frameworks/f.yaml:6:30: rules[1].set.batch.global_batch: is not for a "
        "framework to set: those are plan.*, platform.*, routing.* and batch.micro_batch\n"
        "data/scenarios/frameworks/f.yaml:7:19: rules[1].if.plan.tp: an empty list holds for no "
        "value\n"
        "data/scenarios/frameworks/f.yaml:7:40: rules[1].if.plan.precision: expected bf16, "
        "fp8-delayed, fp8-current, fp8-block, mxfp8 or nvfp4, got \"bf61\" (did you mean "
        "\"bf16\"?)\n"
        "data/scenarios/frameworks/f.yaml:9:5: rules[2].set: expected a map of keys of a scenario "
        "and their values\n"
        "data/scenarios/frameworks/f.yaml:10:5: rules[3]: expected a map of keys, got "
        "\"nothing\"");
  CHECK(errors_of("title: f\nrules: {set: 1}\n") ==
        "data/scenarios/frameworks/f.yaml:2:8: rules: expected a list, got a map");
  CHECK(errors_of("[]") ==
        "data/scenarios/frameworks/f.yaml:1:1: expected a map of keys, got a "
        "list");
}

TEST_CASE("shipped profiles go by generations that shipped devices have") {
  const SearchPath search{{MOESIM_SOURCE_DIR}};
  std::set<std::string> generations;
  for (const std::string& name : list_presets(SectionKind::device, search))
    generations.insert(load_device(name, {}, search).generation);
  CHECK_FALSE(generations.contains(""));
  for (const std::string& name : list_presets(SectionKind::framework, search))
    for (const FrameworkRule& rule : load_framework(name, search).rules)
      for (const FrameworkCondition& condition : rule.conditions)
        if (condition.key == "platform.device.generation")
          for (const KeyScalar& value : condition.values) {
            INFO(rule.origin << " " << std::get<std::string>(value));
            CHECK(generations.contains(std::get<std::string>(value)));
          }
}

TEST_CASE("every profile that moesim ships is sound") {
  const SearchPath search{{MOESIM_SOURCE_DIR}};
  const std::vector<std::string> names = list_presets(SectionKind::framework, search);
  REQUIRE(names.size() >= 2);
  for (const std::string& name : names) {
    INFO(name);
    const FrameworkProfile profile = load_framework(name, search);
    CHECK(profile.rules.size() >= profile.own_rules);
    if (name == kDefaultFramework) continue;
    REQUIRE_FALSE(profile.bases.empty());
    CHECK(profile.bases.back() == kDefaultFramework);
  }
}
