#include "plan/shard.hpp"

namespace moesim {

Shard derive_shard(const ModelShape& model, const Plan& plan, const Batch& batch,
                   int redundant_experts) {
  Shard shard;
  shard.sequences = batch.micro_batch;
  shard.sequence_length = batch.sequence_length;
  shard.tp = plan.tp;
  shard.cp = plan.cp;
  shard.etp = plan.etp;
  shard.local_experts = (model.experts + redundant_experts) / plan.ep;
  shard.sequence_parallel = plan.tp > 1 && plan.sequence_parallel;
  shard.recipe = plan.precision;
  shard.quantized_output = plan.fp8_output_proj;
  shard.unfused_permutation = !plan.fused_permutation;
  shard.kernels_per_expert = plan.grouped_gemm == GroupedGemm::per_expert;
  shard.software = plan.software;
  shard.memory = plan.memory;
  shard.saved_hidden_bytes = plan.saved_hidden_bytes;
  return shard;
}

}  // namespace moesim
