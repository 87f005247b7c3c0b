// Which activations a layer throws away after its forward pass and computes again before its
// backward pass.
#pragma once

#include <algorithm>
#include <vector>

namespace moesim {

enum class Recompute { none, selective, full };
// Modules that selective recomputation can drop (Megatron-LM --recompute-modules).
enum class RecomputeModule { core_attn, layernorm, mla_up_proj, moe_act, mlp, moe, shared_experts };

struct RecomputePolicy {
  Recompute kind = Recompute::none;
  std::vector<RecomputeModule> modules;  // selective only

  bool drops(RecomputeModule module) const {
    return kind == Recompute::selective &&
           std::find(modules.begin(), modules.end(), module) != modules.end();
  }
};

}  // namespace moesim
