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

// Results that full recomputation can keep of a layer beside its input.
enum class RecomputeKeep { router, attention_projection, latents };
inline constexpr auto kRecomputeKeeps = std::to_array<Spelled<RecomputeKeep>>({
    {RecomputeKeep::router, "router"},
    {RecomputeKeep::attention_projection, "attention_projection"},
    {RecomputeKeep::latents, "latents"},
});
constexpr const auto& enum_names(RecomputeKeep) { return kRecomputeKeeps; }

struct RecomputePolicy {
  Recompute kind = Recompute::none;
  std::vector<RecomputeModule> modules;  // selective only
  std::vector<RecomputeKeep> keeps;      // full only

  bool drops(RecomputeModule module) const {
    return kind == Recompute::selective &&
           std::find(modules.begin(), modules.end(), module) != modules.end();
  }
  bool holds(RecomputeKeep result) const {
    return kind == Recompute::full && std::find(keeps.begin(), keeps.end(), result) != keeps.end();
  }
};

}  // namespace moesim
