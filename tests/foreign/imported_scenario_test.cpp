#include "foreign/imported_scenario.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("keys stand in their sections with what gave them, deeper ones below") {
  ImportedScenario s;
  s.name = "a";
  s.title = "x: y";
  s.state("plan.software.rope_factor", "5", "--no-rope-fusion, line 3");
  s.state("plan.tp", "2", "--tp 2, line 1");
  s.state("workload.layers", "4", "");
  s.state("plan.tp", "4", "--tp 4, line 2");
  s.state("batch.micro_batch", "1", "");
  s.drop("batch.micro_batch");
  s.assumed = {"the platform"};
  s.no_effect = {"--lr", "--seed"};
  CHECK(scenario_file(s) ==
        "title: \"x: y\"\n"
        "name: a\n"
        "workload:\n"
        "  layers: 4\n"
        "plan:\n"
        "  tp: 4                             # --tp 4, line 2\n"
        "  software:\n"
        "    rope_factor: 5                  # --no-rope-fusion, line 3\n"
        "\n# Assumed:\n#   - the platform\n"
        "\n# Without effect on the time of a step:\n#   --lr, --seed\n");
  CHECK(import_report(s) == "Assumed:\n  - the platform\n");
  CHECK(s.integer("plan.tp", 1) == 4);
  CHECK(s.integer("plan.pp", 7) == 7);
}

TEST_CASE("texts are quoted where YAML needs it, and are no numbers") {
  ImportedScenario s;
  s.state_text("plan.layout", "E: t", "");
  CHECK(s.find("plan.layout")->value == "\"E: t\"");
  CHECK(s.integer("plan.layout", 3) == 3);
}
