// How enumerators are spelled in YAML. A new enumerator is one entry here.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/layer_ops.hpp"
#include "model/shape.hpp"
#include "plan/plan.hpp"
#include "routing/spec.hpp"

namespace moesim {

template <class Enum>
struct Spelled {
  Enum value;
  const char* name;
};

inline constexpr auto kAttentionKinds = std::to_array<Spelled<AttentionKind>>({
    {AttentionKind::gqa, "gqa"},
    {AttentionKind::mla, "mla"},
});
inline constexpr auto kRoutingKinds = std::to_array<Spelled<RoutingKind>>({
    {RoutingKind::balanced, "balanced"},
    {RoutingKind::uniform, "uniform"},
    {RoutingKind::zipf, "zipf"},
    {RoutingKind::dirichlet, "dirichlet"},
    {RoutingKind::histogram, "histogram"},
    {RoutingKind::recorded, "recorded"},
});
inline constexpr auto kPlacements = std::to_array<Spelled<Placement>>({
    {Placement::contiguous, "contiguous"},
    {Placement::round_robin, "round_robin"},
    {Placement::table, "table"},
    {Placement::eplb, "eplb"},
    {Placement::eplb_global, "eplb_global"},
});
inline constexpr auto kScheduleKinds = std::to_array<Spelled<ScheduleKind>>({
    {ScheduleKind::one_f_one_b, "1f1b"},
    {ScheduleKind::interleaved, "interleaved"},
    {ScheduleKind::gpipe, "gpipe"},
    {ScheduleKind::zb_h1, "zb-h1"},
    {ScheduleKind::zb_2p, "zb-2p"},
    {ScheduleKind::dualpipe, "dualpipe"},
    {ScheduleKind::dualpipev, "dualpipev"},
    {ScheduleKind::custom, "custom"},
});
inline constexpr auto kRecomputes = std::to_array<Spelled<Recompute>>({
    {Recompute::none, "none"},
    {Recompute::selective, "selective"},
    {Recompute::full, "full"},
});
inline constexpr auto kRecomputeModules = std::to_array<Spelled<RecomputeModule>>({
    {RecomputeModule::core_attn, "core_attn"},
    {RecomputeModule::layernorm, "layernorm"},
    {RecomputeModule::mla_up_proj, "mla_up_proj"},
    {RecomputeModule::moe_act, "moe_act"},
    {RecomputeModule::mlp, "mlp"},
    {RecomputeModule::moe, "moe"},
    {RecomputeModule::shared_experts, "shared_experts"},
});
inline constexpr auto kDispatchers = std::to_array<Spelled<Dispatcher>>({
    {Dispatcher::nccl, "nccl"},
    {Dispatcher::deepep, "deepep"},
    {Dispatcher::hybridep, "hybridep"},
    {Dispatcher::allgather, "allgather"},
});
inline constexpr auto kAllToAllForms = std::to_array<Spelled<AllToAllForm>>({
    {AllToAllForm::automatic, "auto"},
    {AllToAllForm::flat, "flat"},
    {AllToAllForm::port_balanced, "port_balanced"},
    {AllToAllForm::hierarchical, "hierarchical"},
    {AllToAllForm::closed_form, "closed_form"},
});
inline constexpr auto kGraphScopes = std::to_array<Spelled<GraphScope>>({
    {GraphScope::step, "step"},
    {GraphScope::layers, "layers"},
    {GraphScope::router, "router"},
});
inline constexpr auto kGroupedGemms = std::to_array<Spelled<GroupedGemm>>({
    {GroupedGemm::single, "single"},
    {GroupedGemm::per_expert, "per_expert"},
});
inline constexpr auto kDpBuckets = std::to_array<Spelled<DpBuckets>>({
    {DpBuckets::megatron, "megatron"},
    {DpBuckets::layer, "layer"},
});
inline constexpr auto kCpKinds = std::to_array<Spelled<CpKind>>({
    {CpKind::ring, "ring"},
    {CpKind::all_gather, "all_gather"},
});
inline constexpr auto kSavedActivations = std::to_array<Spelled<SavedActivations>>({
    {SavedActivations::wafer, "wafer"},
    {SavedActivations::host, "host"},
    {SavedActivations::automatic, "auto"},
});
inline constexpr auto kTransports = std::to_array<Spelled<Transport>>({
    {Transport::adaptive, "adaptive"},
    {Transport::flows, "flows"},
    {Transport::uncontended, "uncontended"},
});
inline constexpr auto kPrecisionRecipes = std::to_array<Spelled<PrecisionRecipe>>({
    {PrecisionRecipe::bf16, "bf16"},
    {PrecisionRecipe::fp8_delayed, "fp8-delayed"},
    {PrecisionRecipe::fp8_current, "fp8-current"},
    {PrecisionRecipe::fp8_block, "fp8-block"},
    {PrecisionRecipe::mxfp8, "mxfp8"},
    {PrecisionRecipe::nvfp4, "nvfp4"},
});

constexpr const auto& enum_names(AttentionKind) { return kAttentionKinds; }
constexpr const auto& enum_names(RoutingKind) { return kRoutingKinds; }
constexpr const auto& enum_names(Placement) { return kPlacements; }
constexpr const auto& enum_names(ScheduleKind) { return kScheduleKinds; }
constexpr const auto& enum_names(Recompute) { return kRecomputes; }
constexpr const auto& enum_names(RecomputeModule) { return kRecomputeModules; }
constexpr const auto& enum_names(Dispatcher) { return kDispatchers; }
constexpr const auto& enum_names(AllToAllForm) { return kAllToAllForms; }
constexpr const auto& enum_names(GraphScope) { return kGraphScopes; }
constexpr const auto& enum_names(GroupedGemm) { return kGroupedGemms; }
constexpr const auto& enum_names(CpKind) { return kCpKinds; }
constexpr const auto& enum_names(DpBuckets) { return kDpBuckets; }
constexpr const auto& enum_names(SavedActivations) { return kSavedActivations; }
constexpr const auto& enum_names(Transport) { return kTransports; }
constexpr const auto& enum_names(PrecisionRecipe) { return kPrecisionRecipes; }

template <class Enum>
std::vector<std::string> enum_spellings() {
  std::vector<std::string> spellings;
  for (const auto& spelled : enum_names(Enum{})) spellings.emplace_back(spelled.name);
  return spellings;
}

// As written in YAML; "?" for a value without an entry.
template <class Enum>
const char* spelling(Enum value) {
  for (const auto& spelled : enum_names(Enum{}))
    if (spelled.value == value) return spelled.name;
  return "?";
}

}  // namespace moesim
