// Which activations a layer throws away after its forward pass and computes again before its
// backward pass.
#pragma once

#include <algorithm>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

enum class Recompute { none, selective, full };
inline constexpr auto kRecomputes = spell<Recompute::full>("none", "selective", "full");
constexpr const auto& enum_names(Recompute) { return kRecomputes; }
// Modules that selective recomputation can drop (Megatron-LM --recompute-modules).
enum class RecomputeModule { core_attn, layernorm, mla_up_proj, moe_act, mlp, moe, shared_experts };
inline constexpr auto kRecomputeModules = spell<RecomputeModule::shared_experts>(
    "core_attn", "layernorm", "mla_up_proj", "moe_act", "mlp", "moe", "shared_experts");
constexpr const auto& enum_names(RecomputeModule) { return kRecomputeModules; }

struct RecomputePolicy {
  Recompute kind = Recompute::none;
  std::vector<RecomputeModule> modules;  // selective only

  bool drops(RecomputeModule module) const {
    return kind == Recompute::selective &&
           std::find(modules.begin(), modules.end(), module) != modules.end();
  }
};

}  // namespace moesim
