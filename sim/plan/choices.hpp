// The words that a plan may choose from, each with its spelling. Schedules, dispatchers and
// collective algorithms have tables of their own.
#pragma once

#include "base/spelling.hpp"

namespace moesim {

// A CUDA graph holds one of these: the whole step; attention, router and whatever else has fixed
// shapes; the router alone. The rest is launched kernel by kernel.
enum class GraphScope { step, layers, router };
inline constexpr auto kGraphScopes = spell<GraphScope::router>("step", "layers", "router");
constexpr const auto& enum_names(GraphScope) { return kGraphScopes; }

// Shard::kernels_per_expert
enum class GroupedGemm { single, per_expert };
inline constexpr auto kGroupedGemms = spell<GroupedGemm::per_expert>("single", "per_expert");
constexpr const auto& enum_names(GroupedGemm) { return kGroupedGemms; }

// How context-parallel ranks exchange keys and values.
enum class CpKind { ring, all_gather };
inline constexpr auto kCpKinds = spell<CpKind::all_gather>("ring", "all_gather");
constexpr const auto& enum_names(CpKind) { return kCpKinds; }

// Data-parallel replicas communicate one of these at once (ZeRO 0 and 1).
enum class DpBuckets {
  megatron,  // whole chunks; the first chunk of the first stage in buckets of at least
             // dp_bucket_bytes
  layer,     // a layer, or as many as reach dp_bucket_bytes
};
inline constexpr auto kDpBuckets = spell<DpBuckets::layer>("megatron", "layer");
constexpr const auto& enum_names(DpBuckets) { return kDpBuckets; }

// Where a wafer keeps what the backward pass needs of each layer.
enum class SavedActivations {
  wafer,      // in SRAM
  host,       // a host of the system, over its I/O; fetched a layer ahead in the backward pass
  automatic,  // on the host where they do not fit in SRAM
};
inline constexpr auto kSavedActivations =
    spell<SavedActivations::automatic>("wafer", "host", "auto");
constexpr const auto& enum_names(SavedActivations) { return kSavedActivations; }

// Whether a wafer's attention keeps its scores, tokens x tokens of each head, for its backward.
enum class AttentionScores {
  recomputed,  // as FlashAttention does: they never leave a core's registers
  kept,        // a tensor of their own, and one product less in the backward
};
inline constexpr auto kAttentionScores = spell<AttentionScores::kept>("recomputed", "kept");
constexpr const auto& enum_names(AttentionScores) { return kAttentionScores; }

// With full recomputation on a wafer: how long attention that was made again is held.
enum class AttentionAgain {
  batch,      // of the whole microbatch, until its own backward
  tiles,      // not at all: it runs once more, tile by tile, in its backward
  automatic,  // tiles where the batch does not fit in SRAM
};
inline constexpr auto kAttentionAgain = spell<AttentionAgain::automatic>("batch", "tiles", "auto");
constexpr const auto& enum_names(AttentionAgain) { return kAttentionAgain; }

// How the simulator carries transfers.
enum class Transport {
  adaptive,  // a transfer that meets no other runs on a timer; the moment another claims a link,
             // both become flows
  flows,     // every transfer is SimGrid flows
  // Nothing shares anything: every transfer has its links, every kernel its device for itself. No
  // cluster is like this; it says what contention costs.
  uncontended,
};
inline constexpr auto kTransports =
    spell<Transport::uncontended>("adaptive", "flows", "uncontended");
constexpr const auto& enum_names(Transport) { return kTransports; }

}  // namespace moesim
