// How a model is mapped on a cluster: the user's choices. plan/mapping.hpp derives ranks from them,
// plan/schedule.hpp the order of pipeline operations.
#pragma once

#include <string>
#include <vector>

#include "cluster/dispatcher.hpp"
#include "model/layer_ops.hpp"
#include "model/recompute.hpp"
#include "plan/choices.hpp"
#include "plan/collective_algorithm.hpp"
#include "plan/schedule_kind.hpp"

namespace moesim {

struct Plan {
  // The training framework whose profile set what the scenario left open; empty: `default`. Once it
  // is applied its values are in the fields below, and the name is a label.
  std::string framework;
  bool framework_applied = false;

  int tp = 1;                     // tensor parallel
  int cp = 1;                     // context parallel
  int ep = 1;                     // expert parallel
  int etp = 1;                    // tensor parallel inside an expert
  int pp = 1;                     // pipeline parallel
  int vpp = 1;                    // model chunks per stage (interleaved schedule)
  bool sequence_parallel = true;  // with tp > 1
  CpKind cp_kind = CpKind::ring;

  ScheduleKind schedule = ScheduleKind::one_f_one_b;
  std::vector<std::string>
      schedule_ops;  // custom: one list per stage, as "F0 F1 B0 B1" (plan/schedule_text.hpp)
  // Megatron-LM's --pipeline-model-parallel-layout, e.g. "Et*4|(t*4|)*14tmL"; empty: layers are cut
  // evenly.
  std::string layout;

  PrecisionRecipe precision = PrecisionRecipe::bf16;
  bool fp8_output_proj = false;  // logits multiply in `precision` too instead of bf16
  PrecisionRecipe dispatch_precision =
      PrecisionRecipe::bf16;  // of what travels to the experts: tokens, and gradients
                              // in the backward; the way back is bf16
  double gradient_bytes = 4;  // per element, accumulated and reduced (4: fp32, 2: bf16)
  double gather_bytes = 2;    // per element of a layer that replicas gather (2: bf16, 1: FP8)
  double saved_hidden_bytes =
      2;  // per element of an FFN's hidden activations kept for the backward (2: bf16; 1: FP8)
  double moment_bytes = 4;  // per element of each moment of the optimizer (4: fp32, 2: bf16)
  // Moments of the size of the weights: 2 of Adam, 1 of Muon and of momentum, 0 of factored ones.
  int moments = 2;
  // Returns the bytes of Adam's two, had they the bytes of all moments.
  double adam_moment_bytes() const { return moments * moment_bytes / 2; }

  Recompute recompute = Recompute::none;
  std::vector<RecomputeModule> recompute_modules;  // selective only
  int recompute_layers = 0;  // full only: the first of each chunk that recompute; 0: all
  std::vector<RecomputeKeep> recompute_keeps;  // full only
  RecomputePolicy recompute_policy() const {
    return {recompute, recompute_modules, recompute_keeps};
  }
  // Returns the policy of the layer at this position in its chunk.
  RecomputePolicy recompute_policy(int position) const {
    const bool keeps =
        recompute == Recompute::full && recompute_layers > 0 && position >= recompute_layers;
    return keeps ? RecomputePolicy{} : recompute_policy();
  }

  // 0: none, 1: optimizer state sharded over DP, 2: gradients too, 3: parameters too (FSDP)
  int zero_stage = 1;
  // ZeRO 3: a layer's weights are freed after its forward and gathered again for its backward.
  // False: they stay whole until its backward is done. What memory.keeps_gathered holds between
  // passes is gathered once a step.
  bool reshard_after_forward = true;
  // ZeRO 3: final norm and logits, a unit of their own, stay whole from their forward to their
  // backward, so that the loss waits for no gather.
  bool root_stays_gathered = false;
  // State is sharded over this part of the replicas only, and replicated between the parts, which
  // sum their shards of the gradients (HSDP; Megatron-Core's
  // --num-distributed-optimizer-instances).
  int optimizer_instances = 1;
  bool shards_optimizer_only() const { return zero_stage == 1 || zero_stage == 2; }
  // Sharded gradients must be reduced before the next microbatch adds to them, unless whole ones
  // are summed.
  bool reduces_every_microbatch() const { return zero_stage >= 2 && !memory.sums_whole_gradients; }
  bool overlap_grad_reduce = true;
  bool overlap_param_gather = true;
  // ZeRO 1 with an interleaved schedule: all stages gather from the step's beginning. Without, a
  // chunk gathers when its first forward needs its parameters.
  bool align_param_gather = true;
  bool gather_in_step =
      true;  // false: something between steps, an evaluation, gathers the parameters
  DpBuckets dp_buckets = DpBuckets::megatron;
  double dp_bucket_bytes = 0;  // of gradients; 0: a layer, or Megatron-LM's size

  Dispatcher dispatcher = Dispatcher::nccl;
  CollectiveAlgorithm all_to_all = CollectiveAlgorithm::automatic;
  // SMs that dispatch and combine occupy while they run (20 of 132 in DeepSeek-V3); -1: those that
  // the dispatcher takes on the platform (Pod::dispatch_sms); 0: none, and copying is no limit.
  int communication_sms = -1;
  // Expert-parallel communication of a forward is hidden behind a backward of an earlier
  // microbatch, and vice versa.
  bool ep_overlap = false;
  // Weight gradients of a layer are computed while its gradients travel (Megatron-LM
  // --delay-wgrad-compute); dual schedules always do.
  bool delay_wgrad = false;
  // False: forwards and backwards that the schedule overlaps take turns instead. It says what
  // overlapping them brings.
  bool overlap_blocks = true;
  bool delays_weight_gradients() const {
    return delay_wgrad || (traits(schedule).dual && overlap_blocks);
  }
  bool overlap_shared_expert = false;  // shared experts compute while tokens travel
  bool cuda_graph = false;  // kernels are launched from a graph: host_launch_s does not bind
  GraphScope cuda_graph_scope = GraphScope::step;
  bool whole_step_graph() const { return cuda_graph && cuda_graph_scope == GraphScope::step; }
  GroupedGemm grouped_gemm = GroupedGemm::single;
  bool fused_permutation = true;
  SoftwareCost software;
  FrameworkMemory memory;

  Transport transport = Transport::adaptive;
  int simulated_replicas =
      1;  // data-parallel cells (wafers) simulated per stage; the rest are folded; 0: all

  // Wafer systems: attention runs in `attention_tiles` tiles of `attention_batch` sequences (Batch
  // Tiling on Attention), the rest of a layer on all of them together.
  int attention_tiles = 1;  // 0: the best that fits
  int attention_batch = 0;  // 0: batch.micro_batch; -1: the largest that fits
  SavedActivations saved_activations = SavedActivations::wafer;
  AttentionScores attention_scores = AttentionScores::recomputed;
  AttentionAgain attention_again = AttentionAgain::batch;
  // Unstructured: this part of the weights of attention, FFNs and experts is zero, by a mask that
  // stays. Zeros are not streamed, multiplied or updated.
  double weight_sparsity = 0;
  bool sparse_gradients = true;  // false: gradients of zeros are computed, sent and kept too
};

struct Batch {
  int global_batch = 0;     // sequences per step; 0: as many as the wafers take at once
  int micro_batch = 1;      // sequences per microbatch and data-parallel rank
  int sequence_length = 0;  // tokens
};

}  // namespace moesim
