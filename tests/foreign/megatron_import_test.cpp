#include "import_fixture.hpp"

using namespace moesim;

TEST_CASE("each argument is of one kind, and the file says which") {
  const ImportedScenario s = imported(
      kModel + "--lr 1e-4 --tp-comm-overlap --no-such-thing 3 --rampup-batch-size 32 32 1000");
  CHECK(s.no_effect == std::vector<std::string>{"--lr"});
  CHECK(s.unknown == std::vector<std::string>{"--no-such-thing 3, line 2"});
  REQUIRE(s.not_modelled.size() == 2);
  CHECK(s.not_modelled[0].find("--rampup-batch-size 32 32 1000, line 2: the batch grows") == 0);
  CHECK(s.mapped == s.shaping - 2);
  const std::string file = scenario_file(s);
  for (const char* text : {"title: \"run.sh, by moesim import megatron\"\n",
                           "  layers: 8                         # --num-layers 8, line 2\n",
                           "# Shapes the time of a step and is NOT MODELLED:\n",
                           "# Not known here, and left out:\n#   - --no-such-thing 3, line 2\n",
                           "# Without effect on the time of a step:\n#   --lr\n"})
    CHECK(file.find(text) != std::string::npos);
  CHECK(import_report(s).find("NOT MODELLED:\n  - --rampup-batch-size") != std::string::npos);
}

TEST_CASE("devices are the launch's, or the fewest that hold its mapping") {
  const auto gpus = [](const std::string& launcher, const std::string& more, int stated = 0) {
    MegatronImport input;
    input.launch.path = "run.sh";
    input.platform = "h100-sxm";
    input.gpus = stated;
    const MemoryFiles files({{"run.sh", launcher + " " + kModel + more}}, &disk_files());
    return import_megatron(input, source_tree(), files);
  };
  const ImportedScenario said = gpus("torchrun --nproc_per_node 8 --nnodes=4", "");
  CHECK(value(said, "platform.gpus") == "32");
  CHECK(said.assumed.empty());
  const ImportedScenario open = gpus("python", "--pipeline-model-parallel-size 4");
  CHECK(value(open, "platform.gpus") == "4");
  REQUIRE(open.assumed.size() == 1);
  CHECK(open.assumed[0].find("4 devices, the fewest that hold its mapping") == 0);
  const ImportedScenario small =
      gpus("torchrun --nproc_per_node 8 --nnodes 1", "--pipeline-model-parallel-size 16");
  CHECK(value(small, "platform.gpus") == "16");
  CHECK(small.assumed[0].find("the launch itself says 8") != std::string::npos);
  CHECK(value(gpus("torchrun --nproc_per_node $N --nnodes 2", ""), "platform.gpus") == "16");
  CHECK(value(gpus("torchrun --nproc_per_node 8", "", 64), "platform.gpus") == "64");
  CHECK(value(gpus("torchrun --nproc_per_node 4 --nnodes 4", ""), "platform.gpus_per_node") == "4");
}

TEST_CASE("a platform that nobody names is assumed aloud, and racks are cut in equal parts") {
  const ImportedScenario s = imported(kModel, "", "");
  CHECK(s.find("platform.base")->from == "ASSUMED; --platform says another");
  REQUIRE(s.assumed.size() == 1);
  CHECK(s.assumed[0].find("the platform h100-sxm") == 0);
  CHECK(value(imported(kModel + "--num-gpus 1", "", "gb200-nvl72"), "platform.gpus_per_node") ==
        "");
  MegatronImport input;
  input.launch.path = "run.sh";
  input.platform = "gb200-nvl72";
  input.gpus = 256;
  const MemoryFiles files({{"run.sh", kModel}}, &disk_files());
  CHECK(value(import_megatron(input, source_tree(), files), "platform.gpus_per_node") == "64");
}

namespace {

ImportedScenario of_file(const std::string& name,
                         std::map<std::string, std::string> variables = {}) {
  MegatronImport input;
  input.launch.path = MOESIM_SOURCE_DIR "/tests/foreign/launches/" + name;
  input.launch.variables = std::move(variables);
  return import_megatron(input, source_tree());
}

}  // namespace

TEST_CASE("a script of 92 arguments: each is of a known kind, and the scenario runs") {
  const ImportedScenario s = of_file("pretrain_92_arguments.sh");
  CHECK(s.mapped == s.shaping);
  CHECK(s.shaping + s.no_effect.size() == 92);
  CHECK(s.unknown.empty());
  CHECK(value(s, "plan.layout") == "Et*2|(t*3|)*30t*2L");
  const Scenario scenario = loaded(s);
  CHECK(scenario.platform.pod().gpus == 512);
  CHECK(scenario.plan.precision == PrecisionRecipe::fp8_block);
  CHECK(scenario.plan.moment_bytes == 2);
  CHECK(scenario.plan.dispatcher == Dispatcher::deepep);
  CHECK(scenario.plan.ep_overlap);
  CHECK(scenario.batch.global_batch == 2048);
}

TEST_CASE("a script whose arguments choose the model") {
  const Scenario small = loaded(of_file("options_by_size.sh"));
  CHECK(small.workload.layers == 8);
  CHECK(small.workload.experts == 16);
  CHECK(small.plan.ep == 8);
  CHECK(small.plan.dispatcher == Dispatcher::allgather);
  CHECK(small.platform.pod().gpus == 16);
  CHECK(small.batch.global_batch == 64);
  CHECK(small.routing.kind == RoutingKind::dirichlet);
  const ImportedScenario dense =
      of_file("options_by_size.sh", {{"1", "dense-7b"}, {"NNODES", "4"}});
  CHECK(value(dense, "platform.gpus") == "32");
  CHECK(loaded(dense).workload.experts == 0);
}

TEST_CASE("a job for a queue") {
  const ImportedScenario s = of_file("batch_job.sh");
  CHECK(value(s, "platform.gpus") == "32");
  CHECK(loaded(s).plan.tp == 2);
  CHECK(s.not_modelled.empty());
  const ImportedScenario off = of_file("batch_job.sh", {{"OFFLOAD", "1"}});
  REQUIRE(off.not_modelled.size() == 1);
  CHECK(off.not_modelled[0].find("--optimizer-cpu-offload") == 0);
}
