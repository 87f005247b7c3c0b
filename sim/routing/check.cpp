// check_routing: everything about a routing request that does not fit its shape.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "routing/inclusion.hpp"
#include "routing/routing.hpp"

namespace moesim {
namespace {

class Checker {
 public:
  Checker(const RoutingSpec& spec, const RoutingShape& shape, const Place& place,
          Problems& problems)
      : spec_(spec), shape_(shape), place_(place), problems_(problems) {}

  void check_numbers() const;
  void check_loads(const std::vector<double>& loads, const std::string& key) const;
  void check_recorded() const;
  void check_placement() const;
  void check_table() const;
  void check_groups() const;
  void check_tokens() const;

 private:
  void add(const std::string& key, std::string message) const {
    problems_.add(place_, "routing." + key, std::move(message));
  }
  void require(bool good, const std::string& key, std::string message) const {
    if (!good) add(key, std::move(message));
  }

  const RoutingSpec& spec_;
  const RoutingShape& shape_;
  const Place& place_;
  Problems& problems_;
};

void Checker::check_numbers() const {
  const auto in = [&](double value, double low, double high, const char* key) {
    require(value >= low && value <= high, key,
            fmt::format("must be in [{}, {}], is {}", low, high, value));
  };
  if (spec_.kind == RoutingKind::zipf) in(spec_.exponent, 0, 10, "exponent");
  if (spec_.kind == RoutingKind::dirichlet) in(spec_.concentration, 1e-3, 1e9, "concentration");
  if (spec_.target_overload != 0) {
    in(spec_.target_overload, 1, shape_.ranks, "target_overload");
    require(spec_.kind == RoutingKind::zipf || spec_.kind == RoutingKind::dirichlet,
            "target_overload", "needs kind zipf or dirichlet");
  }
  in(spec_.step, 0, 1 << 20, "step");
  in(spec_.drift, 0, 10, "drift");
  in(spec_.jitter, 0, 10, "jitter");
  in(spec_.source_correlation, 0, 1, "source_correlation");
  in(spec_.capacity_factor, 0, 1e6, "capacity_factor");
  in(spec_.pad_rows_to, 1, 1 << 20, "pad_rows_to");
  in(spec_.placement_period, 1, 1 << 20, "placement_period");
  require(!spec_.pad_to_capacity || spec_.capacity_factor > 0, "pad_to_capacity",
          "needs a capacity_factor");
  if (spec_.kind != RoutingKind::in_turn) return;
  require(spec_.capacity_factor == 0, "capacity_factor", "must be 0 with kind in_turn");
  require(spec_.redundant_experts == 0, "redundant_experts", "must be 0 with kind in_turn");
}

void Checker::check_loads(const std::vector<double>& loads, const std::string& key) const {
  if (static_cast<int>(loads.size()) != shape_.experts) {
    return add(key, fmt::format("has {} entries for {} experts", loads.size(), shape_.experts));
  }
  const auto bad =
      std::find_if(loads.begin(), loads.end(), [](double x) { return !(x >= 0) || std::isinf(x); });
  if (bad != loads.end()) {
    return add(key, fmt::format("entry {} is {}; loads are finite and not negative",
                                bad - loads.begin(), *bad));
  }
  require(std::any_of(loads.begin(), loads.end(), [](double x) { return x > 0; }), key,
          "has no load at all");
}

void Checker::check_recorded() const {
  require(!spec_.recorded.empty(), "recorded", "has no rows");
  for (size_t i = 0; i < spec_.recorded.size(); ++i) {
    const RecordedCount& row = spec_.recorded[i];
    const std::string where = fmt::format("row {} (layer {}, step {})", i + 1, row.layer, row.step);
    if (row.expert < 0 || row.expert >= shape_.experts) {
      return add("recorded", fmt::format("{}: expert {} of {}", where, row.expert, shape_.experts));
    }
    if (row.layer < 0 || row.step < 0)
      return add("recorded", where + ": layer and step are not negative");
    if (!(row.tokens >= 0) || std::isinf(row.tokens)) {
      return add("recorded",
                 fmt::format("{}: {} tokens for expert {}", where, row.tokens, row.expert));
    }
  }
}

void Checker::check_table() const {
  const std::vector<int>& table = spec_.expert_of_slot;
  if (table.empty() || table.size() % shape_.ranks != 0) {
    return add("expert_of_slot",
               fmt::format("has {} slots, not a multiple of {} ranks", table.size(), shape_.ranks));
  }
  std::vector<bool> held(shape_.experts, false);
  for (size_t slot = 0; slot < table.size(); ++slot) {
    if (table[slot] < 0 || table[slot] >= shape_.experts) {
      return add("expert_of_slot",
                 fmt::format("slot {} holds expert {} of {}", slot, table[slot], shape_.experts));
    }
    held[table[slot]] = true;
  }
  const auto missing = std::find(held.begin(), held.end(), false);
  require(missing == held.end(), "expert_of_slot",
          fmt::format("expert {} has no slot", missing - held.begin()));
}

void Checker::check_placement() const {
  if (spec_.placement == Placement::table) return check_table();
  const bool replicates =
      spec_.placement == Placement::eplb || spec_.placement == Placement::eplb_global;
  require(spec_.redundant_experts >= 0, "redundant_experts", "must not be negative");
  require(replicates || spec_.redundant_experts == 0, "redundant_experts",
          "needs placement eplb or eplb_global");
  require((shape_.experts + spec_.redundant_experts) % shape_.ranks == 0, "placement",
          fmt::format("{} experts and {} redundant ones do not spread evenly over {} ranks",
                      shape_.experts, spec_.redundant_experts, shape_.ranks));
}

// Counts pass through single precision, and rows of an expert through 32 bits.
void Checker::check_tokens() const {
  const int64_t tokens = shape_.tokens_per_source;
  if (tokens < 1 << 22 && tokens * shape_.sources <= INT32_MAX) return;
  problems_.add(
      place_, "batch.sequence_length",
      fmt::format("{} tokens of a microbatch on each of {} ranks are more than the router "
                  "counts ({} on one, {} together): give plan.cp, or smaller microbatches",
                  tokens, shape_.sources, (1 << 22) - 1, INT32_MAX));
}

void Checker::check_groups() const {
  require(shape_.top_k >= 1 && shape_.top_k <= std::min(shape_.experts, max_top_k), "top_k",
          fmt::format("{} of {} experts; at most {}", shape_.top_k, shape_.experts, max_top_k));
  if (shape_.n_group < 1 || shape_.n_group > 256 || shape_.experts % shape_.n_group != 0) {
    return add("n_group",
               fmt::format("{} experts do not form {} groups", shape_.experts, shape_.n_group));
  }
  const int reach = shape_.topk_group * (shape_.experts / shape_.n_group);
  require(shape_.topk_group >= 1 && shape_.topk_group <= shape_.n_group && reach >= shape_.top_k,
          "topk_group",
          fmt::format("{} of {} groups hold {} experts, for a top-k of {}", shape_.topk_group,
                      shape_.n_group, reach, shape_.top_k));
}

}  // namespace

void check_routing(const RoutingSpec& spec, const RoutingShape& shape, const Place& place,
                   Problems& problems) {
  const Checker checker(spec, shape, place, problems);
  checker.check_numbers();
  if (spec.kind == RoutingKind::histogram) {
    if (spec.layer_histograms.empty()) checker.check_loads(spec.histogram, "histogram");
    for (size_t layer = 0; layer < spec.layer_histograms.size(); ++layer) {
      checker.check_loads(spec.layer_histograms[layer], fmt::format("histogram[{}]", layer));
    }
  }
  if (spec.kind == RoutingKind::recorded) checker.check_recorded();
  checker.check_groups();
  checker.check_tokens();
  checker.check_placement();
}

}  // namespace moesim
