// How the model is cut and replicated: NVIDIA/Megatron-LM megatron/training/arguments.py, and
// megatron/core/transformer/transformer_block.py for layers of a stage.
#include "import_fixture.hpp"

using namespace moesim;

TEST_CASE("parallel sizes, and experts as parallel as the rest unless said otherwise") {
  const ImportedScenario s =
      imported(kModel + kExperts +
               "--tensor-model-parallel-size 2 --pipeline-model-parallel-size 2 "
               "--context-parallel-size 2 --expert-model-parallel-size 4");
  for (const auto& [key, expected] :
       {std::pair("plan.tp", "2"), std::pair("plan.pp", "2"), std::pair("plan.cp", "2"),
        std::pair("plan.ep", "4"), std::pair("plan.etp", "2"), std::pair("platform.gpus", "32")})
    CHECK(value(s, key) == expected);
  CHECK(s.find("plan.tp")->from == "--tensor-model-parallel-size 2, line 2");
  CHECK(s.find("plan.etp")->from == "without --expert-tensor-parallel-size");
  CHECK(loaded(s).plan.etp == 2);
}

TEST_CASE("model chunks, by layers or by number") {
  const std::string pipeline = kModel + "--pipeline-model-parallel-size 2 ";
  const auto vpp = [&](const std::string& more) { return loaded(imported(pipeline + more)).plan; };
  CHECK(vpp("--num-layers-per-virtual-pipeline-stage 1").vpp == 4);
  CHECK(vpp("--num-virtual-stages-per-pipeline-rank 2").vpp == 2);
  CHECK(vpp("--num-virtual-stages-per-pipeline-rank 2").schedule == ScheduleKind::interleaved);
  CHECK(vpp("--pipeline-model-parallel-layout 'Ett|(tt|)*2ttL'").vpp == 2);
  CHECK(vpp("").schedule == ScheduleKind::one_f_one_b);
  CHECK(fault(pipeline + "--num-layers-per-virtual-pipeline-stage 3") ==
        "run.sh:2: --num-layers-per-virtual-pipeline-stage: 8 layers are not divisible by 2 stages "
        "of 3");
}

TEST_CASE("stages with fewer layers") {
  const auto layout = [](const std::string& more) {
    return value(imported(kModel + "--pipeline-model-parallel-size 4 " + more), "plan.layout");
  };
  CHECK(layout("--num-layers 7 --decoder-first-pipeline-num-layers 1") == "Et|t*2|t*2|t*2L");
  CHECK(layout("--num-layers 7 --decoder-last-pipeline-num-layers 1") == "Et*2|t*2|t*2|tL");
  CHECK(layout("--num-layers 14 --num-virtual-stages-per-pipeline-rank 2 "
               "--account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split") ==
        "Et|(t*2|)*6tL");
  CHECK(layout("--num-layers 14 --num-layers-per-virtual-pipeline-stage 2 "
               "--account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split") ==
        "Et|(t*2|)*6tL");
  const Scenario s = loaded(imported(kModel + "--num-layers 7 --pipeline-model-parallel-size 4 "
                                              "--decoder-first-pipeline-num-layers 1"));
  CHECK(s.plan.layout == "Et|t*2|t*2|t*2L");
  CHECK(fault(kModel + "--num-layers 9 --pipeline-model-parallel-size 4 "
                       "--decoder-first-pipeline-num-layers 1") ==
        "run.sh:2: --decoder-first-pipeline-num-layers: 9 layers do not divide into 4 chunks this "
        "way");
}

TEST_CASE("sharding of the optimizer, of gradients and of parameters") {
  const auto stage = [](const std::string& arguments) {
    return value(imported(arguments), "plan.zero_stage");
  };
  std::string plain = kModel;
  plain.erase(plain.find("--use-distributed-optimizer"), 27);
  CHECK(stage(kModel) == "1");
  CHECK(stage(plain) == "0");
  CHECK(stage(kModel + "--use-torch-fsdp2") == "3");
  CHECK(stage(kModel + "--use-megatron-fsdp") == "3");
  CHECK(stage(kModel + "--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads") == "2");
}

TEST_CASE("overlap of reductions is the profile's to know on one hardware queue") {
  std::string without = kModel;
  without.erase(without.find("--overlap-grad-reduce"), 21);
  const char* const one = "export CUDA_DEVICE_MAX_CONNECTIONS=1";
  CHECK(value(imported(without), "plan.overlap_grad_reduce") == "false");
  CHECK(value(imported(kModel, one), "plan.overlap_grad_reduce") == "");
  CHECK(value(imported(kModel, "export CUDA_DEVICE_MAX_CONNECTIONS=32"),
              "plan.overlap_grad_reduce") == "true");
  const std::string tp = kModel + "--tensor-model-parallel-size 2";
  CHECK(!loaded(imported(tp, one)).plan.overlap_grad_reduce);
}
