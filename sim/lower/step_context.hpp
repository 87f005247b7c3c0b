// The facts that all parts of the lowering of a step share, derived once from the scenario.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/fabric.hpp"
#include "cluster/faults.hpp"
#include "cluster/pod.hpp"
#include "graph/task.hpp"
#include "lower/all_to_all.hpp"
#include "lower/chain_cost.hpp"
#include "model/shape.hpp"
#include "plan/mapping.hpp"
#include "plan/partition.hpp"
#include "plan/pipeline_shape.hpp"
#include "routing/spec.hpp"

namespace moesim {

struct StepInput {
  ModelShape model;
  Pod pod;
  Plan plan;
  RoutingSpec routing;
  Batch batch;
  uint64_t seed = 1;
  FaultSpec faults;
};

struct StepContext {
  explicit StepContext(const StepInput& step_input);

  const StepInput& input;
  const ModelShape& model;
  const Pod& pod;
  const Plan& plan;
  PipelineShape pipeline;
  Mapping mapping;
  Fabric fabric;
  Shard shard;
  ChainCost cost;
  Groups tensor, context, expert, expert_tensor;
  std::vector<ChunkContent> chunks;  // slices of the model, in order
  double activation_bytes =
      0;  // of one microbatch's hidden states on one rank, as pipeline stages send them
  double ep_sm_share = 0,
         dp_sm_share =
             0;  // of a device's SMs, by dispatch and combine, by data-parallel collectives

  const DispatcherCost& dispatcher_cost() const { return pod.dispatchers[plan.dispatcher]; }
  // Returns latency and rates of dispatch or combine of tokens of this size in this group, without
  // flows or ranks.
  Transfer exchange_rates(const AllToAll& group, double token_bytes,
                          bool beside_compute = false) const;

  // Distinct EP x ETP groups of a cell; each has a token matrix of its own.
  int routed_groups() const { return mapping.cell / (plan.ep * plan.etp); }
  int local_experts() const { return shard.local_experts; }  // slots, replicated experts included
  double slots_per_expert() const {
    return model.experts > 0 ? static_cast<double>(shard.local_experts) * plan.ep / model.experts
                             : 1;
  }
  const ChunkContent& chunk(int stage, int index) const {
    return chunks[pipeline.slice({stage, index})];
  }
};

// Lists of expert kernels, so that a drawn task can name one.
enum class ExpertKernels : uint32_t {
  forward,
  backward,
  backward_data,
  backward_weight,
  activation
};
inline constexpr int kExpertKernelLists = 5;
Kernels expert_kernels(const StepContext& context, ExpertKernels list);

// Layers of the same class have the same tasks and durations.
std::string layer_class(const ModelShape& shape, int layer);

}  // namespace moesim
