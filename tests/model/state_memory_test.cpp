#include "catch.hpp"
#include "model/memory.hpp"
#include "model/parameters.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("lasting state: 2 + gradient + 12 bytes a parameter, spread as ZeRO says") {
  const ModelShape shape = workload("deepseek-v3");
  StateSharding sharding;
  StateBytes whole;
  for (int layer = 0; layer < shape.layers; ++layer)
    whole += layer_state_bytes(shape, layer, sharding);
  whole += embedding_state_bytes(shape, sharding);
  whole += output_state_bytes(shape, sharding);
  CHECK(whole.total() == Approx(18 * total_parameters(shape)));

  sharding.ep = 64, sharding.dp = 128, sharding.edp = 2;
  const LayerParameters layer = layer_parameters(shape, 10);
  const double dense = layer.total() - layer.experts, expert = layer.experts / 64;
  const StateBytes stage_1 = layer_state_bytes(shape, 10, sharding);
  CHECK(stage_1.parameters == Approx(2 * (dense + expert)));
  CHECK(stage_1.gradients == Approx(4 * (dense + expert)));
  CHECK(stage_1.optimizer == Approx(12 * (dense / 128 + expert / 2)));
  sharding.zero_stage = 3;
  const StateBytes stage_3 = layer_state_bytes(shape, 10, sharding);
  CHECK(stage_3.total() == Approx(18 * (dense / 128 + expert / 2)));
  sharding.zero_stage = 0;
  CHECK(layer_state_bytes(shape, 10, sharding).optimizer == Approx(12 * (dense + expert)));
  const double mtp = layer_state_bytes(shape, shape.layers, sharding).parameters;
  CHECK(mtp - layer_state_bytes(shape, 60, sharding).parameters ==
        Approx(2 * (3 * 7168 + 2 * 7168.0 * 7168)));
}

// NVIDIA-NeMo/Megatron-Bridge 067f987d, skills/nemo-mbridge-perf-moe-hardware-configs:
// Qwen3-30B-A3B on 16 H100, TP1 PP1 EP16, microbatch of one sequence of 4,096 tokens, BF16,
// force-balanced: 62.166 GiB peak on rank 0. No recomputation is named; fp32 gradients are
// Megatron-LM's default, the recipe's own setting was not seen.
