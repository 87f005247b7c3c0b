// How tokens choose experts and where experts sit, as the user asks for it; routing/routing.hpp
// draws from it.
#pragma once

#include <string>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

enum class RoutingKind {
  balanced,   // forced: every expert gets the same count from every source, nothing is drawn
  in_turn,    // forced: token t takes experts t*k to t*k + k - 1, modulo their number
  uniform,    // every expert equally likely, tokens drawn: the balance of random routing
  zipf,       // popularity ~ 1/rank^exponent
  dirichlet,  // popularity ~ Dirichlet(concentration, ..., concentration)
  histogram,  // given relative loads
  recorded,   // given token counts per layer and step
};
inline constexpr auto kRoutingKinds = spell<RoutingKind::recorded>(
    "balanced", "in_turn", "uniform", "zipf", "dirichlet", "histogram", "recorded");
constexpr const auto& enum_names(RoutingKind) { return kRoutingKinds; }

enum class Placement {
  contiguous,   // expert e on rank e / (experts / ranks)
  round_robin,  // expert e on rank e % ranks
  table,        // `expert_of_slot`, for every layer
  eplb,  // replicated and packed by load, groups kept within nodes where n_group divides evenly
         // over them
  eplb_global,  // replicated and packed by load over all ranks
};
inline constexpr auto kPlacements =
    spell<Placement::eplb_global>("contiguous", "round_robin", "table", "eplb", "eplb_global");
constexpr const auto& enum_names(Placement) { return kPlacements; }

// Whether an expert may have several slots.
constexpr bool replicates(Placement placement) {
  return placement == Placement::table || placement == Placement::eplb ||
         placement == Placement::eplb_global;
}

// One line of a recorded trace: the tokens (copies) that went to this expert.
struct RecordedCount {
  int layer = 0;
  int step = 0;
  int expert = 0;
  double tokens = 0;
};

struct RoutingSpec {
  RoutingKind kind = RoutingKind::balanced;
  // zipf: which expert is r-th most popular differs per layer.
  double exponent = 0.0;
  // dirichlet: small is skewed.
  double concentration = 10.0;
  // zipf, dirichlet: when > 1, exponent or concentration is searched so that the most loaded rank
  // over the mean rank is this on average over layers and microbatches (routing/routing.hpp), and
  // the value given above is ignored.
  double target_overload = 0.0;
  // histogram: relative load of each expert, for every layer ...
  std::vector<double> histogram;
  // ... or one list per layer (then `histogram` is empty; layers beyond the last list take the last
  // one).
  std::vector<std::vector<double>> layer_histograms;
  // recorded: a layer takes its latest recorded step <= `step`, else its earliest; a layer without
  // any record takes the mean of all recorded layers.
  std::vector<RecordedCount> recorded;
  std::string recorded_file;  // CSV that they were read from; empty: given in the scenario

  // Which step of the training run is simulated; moves `drift`, `recorded` and the age of an EPLB
  // placement.
  int step = 0;
  // Popularity walks between steps: standard deviation per step of a Gaussian random walk of log
  // popularity.
  double drift = 0.0;
  // Spread of one microbatch around the layer's popularity: log-normal sigma per (layer,
  // microbatch, expert).
  double jitter = 0.0;
  // 0: all source ranks share a layer's popularity; 1: each source has its own, popularity times an
  // exponential variate per (layer, source, expert) that lasts over microbatches (sources read
  // different kinds of text).
  double source_correlation = 0.0;

  // Rows an expert takes from one source at most, ceil(capacity_factor * tokens * top_k / experts),
  // the rest is dropped (Megatron-LM --moe-expert-capacity-factor); 0: dropless.
  double capacity_factor = 0.0;
  bool pad_to_capacity =
      false;  // every (source, expert) pair sends and computes exactly that many rows
  int pad_rows_to =
      1;  // rows of each expert slot are padded to a multiple of this for the grouped GEMM

  Placement placement = Placement::contiguous;
  std::vector<int> expert_of_slot;  // table: [rank][local slot]; an expert may have several slots
  int redundant_experts =
      0;  // eplb: slots beyond one per expert, over all ranks of the expert-parallel group
  int placement_period =
      1;  // eplb: steps between rearrangements; the load seen then places until the next

  // Returns the slots beyond one per expert, over all ranks of the expert-parallel group.
  int extra_slots(int experts) const {
    if (placement == Placement::table) return static_cast<int>(expert_of_slot.size()) - experts;
    return redundant_experts;
  }
};

}  // namespace moesim
