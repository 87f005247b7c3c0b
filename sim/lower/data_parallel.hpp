// Communication between data-parallel replicas and the optimizer: reduce-scatter of gradients,
// all-gather of parameters, ZeRO 1 to 3, in buckets.
#pragma once

#include <vector>

#include "lower/step_context.hpp"
#include "lower/template_builder.hpp"
#include "model/parameters.hpp"

namespace moesim {

RankParameters rank_layer_parameters(const StepContext& context, int layer);
RankParameters rank_embedding_parameters(const StepContext& context);
RankParameters rank_output_parameters(const StepContext& context);
// One entry per layer; embedding counts with the first, output with the last (a chunk without
// layers has one entry).
std::vector<RankParameters> parameters_by_layer(const StepContext& context,
                                                const ChunkContent& chunk);

// Parameters that the last step's optimizer updated are gathered while the first forwards run: from
// the step's beginning by blocks of their own, or within the first forward of each chunk.
inline bool gathers_ahead(const Plan& plan) {
  return plan.shards_optimizer_only() && plan.overlap_param_gather && plan.gather_in_step &&
         plan.align_param_gather && plan.vpp > 1;
}
inline bool gathers_at_first_use(const Plan& plan) {
  return plan.shards_optimizer_only() && plan.overlap_param_gather && plan.gather_in_step &&
         !gathers_ahead(plan);
}
enum class DpUse { reduce, gather };
// Parameters at which a bucket of the chunk is full.
double bucket_size(const StepContext& context, int stage, int chunk, DpUse use);

// Buckets of a chunk fill from its last layer backwards, as gradients come; dense and expert
// parameters have their own.
class BucketFill {
 public:
  explicit BucketFill(double size) : size_(size) {}
  // Returns what is full after a layer; nothing is left after the `first` one.
  RankParameters add(const RankParameters& layer, bool first);

 private:
  double size_;  // parameters at which a bucket is full
  RankParameters pending_;
};

// Bytes that must have been gathered before each layer of the chunk and were not before an earlier
// one: the buckets that begin with it.
std::vector<RankParameters> gathered_before_layers(const StepContext& context, int stage,
                                                   int chunk);

// Returns the kernels of one rank's optimizer for a stage of these parameters, without what it
// communicates.
Kernels optimizer_kernels(const StepContext& context, const RankParameters& stage);

// Background transfers on the DP stream; rank by rank the task, or kNoTask where a group has one
// member.
std::vector<TaskId> reduce_gradients(const StepContext& context, TemplateBuilder& builder,
                                     const RankParameters& bucket, int local_layer);
std::vector<TaskId> gather_parameters(const StepContext& context, TemplateBuilder& builder,
                                      const RankParameters& bytes, int local_layer,
                                      bool after_front);

// The optimizer of one stage: whatever reduction was not overlapped, gradient norm, Adam, and the
// parameter gather when it is not left to the next step's first forward.
void emit_optimizer(const StepContext& context, TemplateBuilder& builder, int stage);

}  // namespace moesim
