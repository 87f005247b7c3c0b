// A launch that we write is read back to the scenario it was written from.
#include "foreign/megatron_export.hpp"

#include <algorithm>

#include "import_fixture.hpp"

using namespace moesim;

namespace {

ResolvedScenario scenario(const std::string& name, const std::vector<std::string>& sets = {}) {
  return load_scenario(MOESIM_SOURCE_DIR "/scenarios/" + name + ".yaml", sets, source_tree());
}

MegatronExport exported(const ResolvedScenario& resolved) {
  return export_megatron(resolved, source_tree());
}

Scenario read_back(const std::string& script) {
  MegatronImport input;
  input.launch.path = "there.sh";
  const MemoryFiles files({{"there.sh", script}}, &disk_files());
  return loaded(import_megatron(input, source_tree(), files));
}

bool carries(const MegatronExport& made, const std::string& key) {
  return std::any_of(made.carried.begin(), made.carried.end(),
                     [&](const LaunchKey& k) { return k.key == key; });
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("scenarios that come with the program survive the way there and back") {
  for (const char* name : {"qwen3-30b-a3b-h100x16", "mixtral-8x22b-h100x128",
                           "deepseek-v3-h800x2048", "qwen3-235b-a22b-h100x256-32k"}) {
    CAPTURE(name);
    const ResolvedScenario resolved = scenario(name);
    Scenario wanted = resolved.scenario;
    Scenario got = read_back(exported(resolved).script);
    // Faults, goodput and repetitions are no part of a launch.
    got.name = wanted.name;
    got.faults = wanted.faults;
    got.goodput = wanted.goodput;
    got.runs = wanted.runs;
    CHECK(scenario_text(got) == scenario_text(wanted));
  }
}

TEST_CASE("what Megatron-LM has arguments for is said by them") {
  const MegatronExport made = exported(
      scenario("qwen3-30b-a3b-h100x16",
               {"plan.tp=2", "plan.etp=1", "plan.precision=mxfp8", "plan.gradient_bytes=2",
                "plan.moment_bytes=2", "plan.dispatcher=deepep", "plan.communication_sms=24",
                "plan.recompute=selective", "plan.recompute_modules=[moe_act]"}));
  for (const char* argument :
       {"--num-layers 48\n", "--hidden-size 2048\n", "--num-query-groups 4\n",
        "--kv-channels 128\n", "--qk-layernorm\n", "--num-experts 128\n", "--moe-router-topk 8\n",
        "--moe-ffn-hidden-size 768\n", "--tensor-model-parallel-size 2\n",
        "--expert-tensor-parallel-size 1\n", "--fp8-recipe mxfp8\n", "--grad-reduce-in-bf16\n",
        "--exp-avg-dtype bf16\n", "--moe-flex-dispatcher-backend deepep\n",
        "--moe-deepep-num-sms 24\n", "--recompute-modules moe_act\n"}) {
    CAPTURE(argument);
    CHECK(holds(made.script, argument));
  }
  for (const char* key :
       {"workload.layers", "workload.vocab", "workload.experts", "plan.tp", "plan.precision",
        "plan.dispatcher", "plan.communication_sms", "plan.recompute", "batch.global_batch"}) {
    CAPTURE(key);
    CHECK(!carries(made, key));
  }
}

TEST_CASE("what has no argument is carried beside them") {
  const MegatronExport made = exported(scenario("deepseek-v3-h800x2048"));
  CHECK(carries(made, "plan.schedule"));
  CHECK(holds(made.script, "#moesim plan.schedule=dualpipe\n"));
  CHECK(holds(made.script, "#moesim platform.base=h800-sxm\n"));
  CHECK(holds(made.script, "--multi-latent-attention\n"));
  CHECK(holds(made.script, "--moe-layer-freq '([0]*3+[1]*58)'\n"));
  CHECK(holds(made.script, "--pipeline-model-parallel-layout 'Et*4|(t*4|)*14tmL'\n"));
}

TEST_CASE("a wafer system has no launch") {
  CHECK_THROWS_AS(exported(scenario("qwen3-30b-a3b-cs2")), InputError);
}

TEST_CASE("carried keys of no section are an error") {
  MegatronImport input;
  input.launch.path = "run.sh";
  const MemoryFiles files({{"run.sh", "#moesim goodput.x=1\n" + kModel}}, &disk_files());
  CHECK_THROWS_WITH(import_megatron(input, source_tree(), files),
                    "run.sh:1:1: \"goodput.x\" is no key of a section of a scenario");
  const MemoryFiles bare({{"run.sh", "#moesim plan.tp\n" + kModel}}, &disk_files());
  CHECK_THROWS_WITH(import_megatron(input, source_tree(), bare),
                    "run.sh:1: expected #moesim KEY=VALUE");
}
