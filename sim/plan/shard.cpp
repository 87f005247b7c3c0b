#include "plan/shard.hpp"

namespace moesim {

Shard derive_shard(const ModelShape& model, const Plan& plan, const Batch& batch,
                   int redundant_experts) {
  return {.sequences = batch.micro_batch,
          .sequence_length = batch.sequence_length,
          .tp = plan.tp,
          .cp = plan.cp,
          .etp = plan.etp,
          .local_experts = (model.experts + redundant_experts) / plan.ep,
          .sequence_parallel = plan.tp > 1 && plan.sequence_parallel,
          .recipe = plan.precision,
          .quantized_output = plan.fp8_output_proj,
          .kernels_per_expert = plan.grouped_gemm == GroupedGemm::per_expert,
          .unfused_permutation = !plan.fused_permutation,
          .software = plan.software,
          .memory = plan.memory,
          .saved_hidden_bytes = plan.saved_hidden_bytes};
}

}  // namespace moesim
