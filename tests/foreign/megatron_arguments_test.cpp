// Keys as YAML, and as arguments.
#include "foreign/megatron_arguments.hpp"

#include "config/visit.hpp"
#include "import_fixture.hpp"

using namespace moesim;

TEST_CASE("values are written as a scenario has them") {
  Scenario scenario;
  scenario.plan.recompute_modules = {RecomputeModule::moe_act, RecomputeModule::layernorm};
  scenario.plan.dp_bucket_bytes = 1e6;
  KeyTable table;
  table.collect(scenario);
  const ScenarioKeys keys(table);
  CHECK(keys.text("plan.recompute_modules") == "[moe_act, layernorm]");
  CHECK(keys.text("plan.communication_sms") == "auto");
  CHECK(keys.text("plan.sequence_parallel") == "true");
  CHECK(keys.number("plan.dp_bucket_bytes") == 1e6);
  CHECK(keys.words("plan.recompute_modules").size() == 2);
  CHECK(keys.is("plan.precision", "bf16"));
}

TEST_CASE("a model without experts has no arguments of them") {
  KeyTable table;
  table.collect(Scenario{});
  const ScenarioKeys keys(table);
  for (const ArgumentGroup& group : megatron_arguments(keys, keys))
    CHECK(std::string(group.name) != "MOE_ARGS");
}
