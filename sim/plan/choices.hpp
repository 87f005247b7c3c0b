// The words that a plan may choose from, each with its spelling. Schedules, dispatchers and
// collective algorithms have tables of their own.
#pragma once

#include <array>

#include "base/spelling.hpp"

namespace moesim {

// A CUDA graph holds one of these: the whole step; attention, router and whatever else has fixed
// shapes; the router alone. The rest is launched kernel by kernel.
enum class GraphScope { step, layers, router };
inline constexpr auto kGraphScopes = std::to_array<Spelled<GraphScope>>({
    {GraphScope::step, "step"},
    {GraphScope::layers, "layers"},
    {GraphScope::router, "router"},
});
constexpr const auto& enum_names(GraphScope) { return kGraphScopes; }

// Shard::kernels_per_expert
enum class GroupedGemm { single, per_expert };
inline constexpr auto kGroupedGemms = std::to_array<Spelled<GroupedGemm>>({
    {GroupedGemm::single, "single"},
    {GroupedGemm::per_expert, "per_expert"},
});
constexpr const auto& enum_names(GroupedGemm) { return kGroupedGemms; }

// How context-parallel ranks exchange keys and values.
enum class CpKind { ring, all_gather };
inline constexpr auto kCpKinds = std::to_array<Spelled<CpKind>>({
    {CpKind::ring, "ring"},
    {CpKind::all_gather, "all_gather"},
});
constexpr const auto& enum_names(CpKind) { return kCpKinds; }

// Data-parallel replicas communicate one of these at once (ZeRO 0 and 1).
enum class DpBuckets {
  megatron,  // whole chunks; the first chunk of the first stage in buckets of at least
             // dp_bucket_bytes
  layer,     // a layer, or as many as reach dp_bucket_bytes
};
inline constexpr auto kDpBuckets = std::to_array<Spelled<DpBuckets>>({
    {DpBuckets::megatron, "megatron"},
    {DpBuckets::layer, "layer"},
});
constexpr const auto& enum_names(DpBuckets) { return kDpBuckets; }

// Where a wafer keeps what the backward pass needs of each layer.
enum class SavedActivations {
  wafer,      // in SRAM
  host,       // a host of the system, over its I/O; fetched a layer ahead in the backward pass
  automatic,  // on the host where they do not fit in SRAM
};
inline constexpr auto kSavedActivations = std::to_array<Spelled<SavedActivations>>({
    {SavedActivations::wafer, "wafer"},
    {SavedActivations::host, "host"},
    {SavedActivations::automatic, "auto"},
});
constexpr const auto& enum_names(SavedActivations) { return kSavedActivations; }

// How the simulator carries transfers.
enum class Transport {
  adaptive,  // a transfer that meets no other runs on a timer; the moment another claims a link,
             // both become flows
  flows,     // every transfer is SimGrid flows
  // Nothing shares anything: every transfer has its links, every kernel its device for itself. No
  // cluster is like this; it says what contention costs.
  uncontended,
};
inline constexpr auto kTransports = std::to_array<Spelled<Transport>>({
    {Transport::adaptive, "adaptive"},
    {Transport::flows, "flows"},
    {Transport::uncontended, "uncontended"},
});
constexpr const auto& enum_names(Transport) { return kTransports; }

}  // namespace moesim
