// The share of one microbatch that a plan gives to a rank.
#pragma once

#include "model/layer_ops.hpp"
#include "plan/plan.hpp"

namespace moesim {

// `redundant_experts`: copies that expert placement adds, over all ranks of a group.
Shard derive_shard(const ModelShape& model, const Plan& plan, const Batch& batch,
                   int redundant_experts);

}  // namespace moesim
