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

// The attention batch is stated, or that of the batch (0), or the largest that fits with saved
// activations on the wafer or on the host, as the plan allows.
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
  const auto memory = [&](int attention_batch, bool spill) {
    const int microbatch = std::min(most, attention_batch * out.attention_tiles);
    return wafer_memory(model, system, plan,
                        {microbatch, attention_batch, batch.sequence_length, spill});
  };
  const auto fits = [&](int attention_batch) {
    const double least = std::min(
        plan.saved_activations == SavedActivations::host ? 1e300
                                                         : memory(attention_batch, false).total(),
        plan.saved_activations == SavedActivations::wafer ? 1e300
                                                          : memory(attention_batch, true).total());
    return least <= system.wafer.sram_bytes;
  };
  out.attention_batch = plan.attention_batch > 0 ? plan.attention_batch
                        : plan.attention_batch == 0
                            ? batch.micro_batch
                            : largest(std::max(1, most / out.attention_tiles), fits);
  const int microbatch = out.attention_batch * out.attention_tiles;
  const int total = local > 0 ? local : microbatch;
  out.global_batch = local > 0 ? batch.global_batch : system.working() * microbatch;
  out.microbatches = even_parts(total, (total + microbatch - 1) / microbatch);
  out.spill = plan.saved_activations == SavedActivations::host ||
              (plan.saved_activations == SavedActivations::automatic &&
               memory(out.attention_batch, false).total() > system.wafer.sram_bytes);
  out.memory = memory(out.attention_batch, out.spill);
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
