#include "wafer/plan.hpp"

#include <algorithm>

namespace moesim {

namespace {

constexpr int kMostSequences = 1 << 20;
constexpr int kMostTiles = 4096;

// The largest value in [1, most] for which `fits` holds, taking it to hold up to some value and not
// beyond; 1 if none.
template <class Fits>
int largest(int most, const Fits& fits) {
  int low = 1, high = 1;
  while (high < most && fits(high)) {
    low = high;
    high = std::min(most, high * 2);
  }
  if (fits(high)) return high;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

// Sequences of the wafers that get most; all the same unless wafers are lost. 0: as many as fit.
int local_batch(const WaferSystem& system, const Batch& batch) {
  return (batch.global_batch + system.working() - 1) / system.working();
}

}  // namespace

std::vector<int> even_parts(int total, int parts) {
  std::vector<int> sizes(parts, total / parts);
  for (int i = 0; i < total % parts; ++i) ++sizes[i];
  return sizes;
}

namespace {

// Where saved activations go, and whether attention is made again tile by tile.
struct Choice {
  bool spill = false, again = false;
};

// Returns what the plan allows, the fastest first: a host costs little, attention once more a pass
// of it.
std::vector<Choice> choices_of(const Plan& plan) {
  std::vector<Choice> choices;
  for (const bool again : {false, true})
    for (const bool spill : {false, true}) {
      const bool allowed = (plan.saved_activations == SavedActivations::automatic ||
                            spill == (plan.saved_activations == SavedActivations::host)) &&
                           (plan.attention_again == AttentionAgain::automatic ||
                            again == (plan.attention_again == AttentionAgain::tiles)) &&
                           (!again || plan.recompute == Recompute::full);
      if (allowed) choices.push_back({spill, again});
    }
  if (choices.empty()) choices.push_back({plan.saved_activations == SavedActivations::host, false});
  return choices;
}

}  // namespace

// The attention batch is stated, or that of the batch (0), or the largest that fits with saved
// activations on the wafer or on the host, and attention held or not, as the plan allows.
WaferPlan derive_wafer_plan(const ModelShape& model, const WaferSystem& system, const Plan& plan,
                            const Batch& batch) {
  WaferPlan out;
  out.systems = system.systems;
  out.simulated = plan.simulated_replicas == 0
                      ? system.working()
                      : std::min(plan.simulated_replicas, system.working());
  out.attention_tiles = std::max(1, plan.attention_tiles);
  const int local = local_batch(system, batch);
  const int most = local > 0 ? local : kMostSequences;
  const std::vector<Choice> choices = choices_of(plan);
  // Sequences are dealt evenly, so that a microbatch may be smaller than its tiles would allow.
  const auto microbatches = [&](int attention_batch) {
    const int64_t most_asked = int64_t{attention_batch} * out.attention_tiles;
    const int asked = static_cast<int>(std::min<int64_t>(most_asked, local > 0 ? local : 1 << 30));
    const int total = local > 0 ? local : asked;
    return even_parts(total, (total - 1) / asked + 1);
  };
  const auto memory = [&](int attention_batch, const Choice& choice) {
    // Tiles are even too: the smaller of two microbatches may be in fewer tiles, each larger.
    const auto of = [&](int microbatch) {
      return wafer_memory(
          model, system, plan,
          {microbatch, attention_batch, batch.sequence_length, choice.spill, choice.again});
    };
    const std::vector<int> sizes = microbatches(attention_batch);
    const WaferMemory largest = of(sizes.front()), smallest = of(sizes.back());
    return smallest.total() > largest.total() ? smallest : largest;
  };
  // Returns the first choice that fits, null if none does.
  const auto first_fitting = [&](int attention_batch) -> const Choice* {
    for (const Choice& choice : choices)
      if (memory(attention_batch, choice).total() <= system.wafer.sram_bytes) return &choice;
    return nullptr;
  };
  out.attention_batch = plan.attention_batch > 0 ? plan.attention_batch
                        : plan.attention_batch == 0
                            ? batch.micro_batch
                            : largest(std::max(1, most / out.attention_tiles), [&](int sequences) {
                                return first_fitting(sequences) != nullptr;
                              });
  out.microbatches = microbatches(out.attention_batch);
  out.global_batch = local > 0 ? batch.global_batch : system.working() * out.microbatches.front();
  const Choice* chosen = first_fitting(out.attention_batch);
  if (!chosen) chosen = &choices.back();
  out.spill = chosen->spill;
  out.again = chosen->again;
  out.memory = memory(out.attention_batch, *chosen);
  return out;
}

std::vector<int> wafer_tile_choices(const ModelShape& model, const WaferSystem& system,
                                    const Plan& plan, const Batch& batch) {
  std::vector<int> choices{1};
  Plan tried = plan;
  tried.attention_tiles = 1;
  tried.attention_batch = derive_wafer_plan(model, system, tried, batch).attention_batch;
  for (tried.attention_tiles = 2; tried.attention_tiles <= kMostTiles; tried.attention_tiles *= 2) {
    const int sequences = tried.attention_batch * tried.attention_tiles;
    if (batch.global_batch > 0 && sequences > local_batch(system, batch)) break;
    if (derive_wafer_plan(model, system, tried, batch).memory.total() > system.wafer.sram_bytes)
      break;
    choices.push_back(tried.attention_tiles);
  }
  return choices;
}

}  // namespace moesim
