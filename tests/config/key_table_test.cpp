#include "config/key_table.hpp"

#include "catch.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

using namespace moesim;

namespace {

YamlNode node(const std::string& text) {
  Problems problems;
  YamlNode parsed = parse_yaml(text, {"t", "", "", true}, problems);
  REQUIRE(problems.empty());
  return parsed;
}

}  // namespace

TEST_CASE("the table holds every key with its type and value") {
  Scenario scenario;
  scenario.plan.recompute_modules = {RecomputeModule::moe};
  scenario.platform.pod().device.launch_s = 2e-6;
  KeyTable table;
  table.collect(scenario);
  using Values = std::vector<KeyScalar>;
  CHECK(table.find("plan.tp")->values == Values{1.0});
  CHECK(table.find("plan.tp")->type == KeyEntry::Type::integer);
  CHECK(table.find("platform.device.launch_s")->values == Values{2e-6});
  CHECK(table.find("plan.sequence_parallel")->values == Values{true});
  CHECK(table.find("plan.precision")->values == Values{std::string("bf16")});
  CHECK(table.find("plan.layout")->values == Values{std::string()});
  CHECK(table.find("plan.recompute_modules")->values == Values{std::string("moe")});
  CHECK(table.find("plan.recompute_modules")->is_list);
  CHECK(table.find("plan.software.permutation_factor")->values == Values{1.0});
  CHECK(table.find("plan") == nullptr);
  CHECK(table.find("plan.ttp") == nullptr);
  CHECK(table.entries().size() > 100);
}

TEST_CASE("texts become values of a key's type, or say why not") {
  KeyTable table;
  table.collect(Scenario{});
  std::string error;
  const auto scalar = [&](const char* key, const char* text) {
    return to_key_scalar(node(text), *table.find(key), error);
  };
  CHECK(scalar("batch.global_batch", "auto") == KeyScalar(0.0));
  CHECK(scalar("plan.dp_bucket_bytes", "2 MB") == KeyScalar(2e6));
  CHECK(scalar("plan.ep_overlap", "true") == KeyScalar(true));
  CHECK(scalar("plan.layout", "Et*8L") == KeyScalar(std::string("Et*8L")));
  CHECK(scalar("plan.recompute_modules", "moe") == KeyScalar(std::string("moe")));
  CHECK_FALSE(scalar("plan.tp", "0"));
  CHECK(error == "must be from 1 to 1000000, got 0");
  const KeyEntry& modules = *table.find("plan.recompute_modules");
  const auto all = to_key_values(node("[moe, mlp]"), modules, error);
  REQUIRE(all);
  CHECK(all->size() == 2);
  CHECK_FALSE(to_key_values(node("moe"), modules, error));
  CHECK(error == "expected a list, got \"moe\"");
}
