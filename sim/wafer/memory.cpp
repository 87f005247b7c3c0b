#include "wafer/memory.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {

namespace {

constexpr double kBytes = 2;      // of an activation
constexpr double kGradients = 2;  // a tensor and its gradient

Shard shard_of(const ModelShape& model, const WaferTile& tile, int sequences) {
  Shard shard;
  shard.sequences = sequences;
  shard.sequence_length = tile.sequence_length;
  shard.local_experts = model.experts;
  return shard;
}

// Weights come one by one in any order: an FFN runs slice by slice of its width, each as wide as
// the grid, and adds up its output. Only one slice is there at a time.
double slice(const WaferSystem& system, int width) {
  return width > system.wafer.grid_columns ? static_cast<double>(system.wafer.grid_columns) / width
                                           : 1;
}

void add_layer(const ModelShape& model, const WaferSystem& system, int layer, const Plan& plan,
               const WaferTile& tile, WaferMemory& memory) {
  const double tokens =
      static_cast<double>(tile.microbatch) * static_cast<double>(tile.sequence_length);
  const double rows = tokens * model.top_k;
  const Shard all = shard_of(model, tile, tile.microbatch);
  const ActivationBytes whole = layer_activations(model, layer, all, {}, rows);
  const ActivationBytes part = layer_activations(
      model, layer, shard_of(model, tile, std::min(tile.attention_batch, tile.microbatch)), {},
      rows);
  const bool full = plan.recompute == Recompute::full;
  const double saved = full ? kBytes * tokens * model.hidden : whole.total();
  const double projection = layer >= model.layers ? mtp_projection_activation_bytes(model, all) : 0;
  if (!tile.spill) memory.saved += saved;
  if (!full) memory.saved += projection;
  // One made while the one before leaves; backward, one in use while the next comes in. A third for
  // what overlaps.
  if (tile.spill) memory.spilling = std::max(memory.spilling, 3 * saved);
  // Full recomputation runs attention again for all tiles before the FFN or experts go backward,
  // which need all of its output; its own backward comes last. All of it is there meanwhile.
  const double tile_bytes =
      part.norm_outputs / 2 + part.latents + part.query_key_value + part.attention_output;
  if (full)
    memory.recomputed =
        std::max(memory.recomputed, projection + whole.norm_outputs + whole.latents +
                                        whole.query_key_value + whole.attention_output);
  memory.attention = std::max(memory.attention, (full ? 1 : kGradients) * tile_bytes);
  memory.ffn = std::max({memory.ffn, kGradients * whole.dense_ffn * slice(system, model.dense_ffn),
                         kGradients * whole.shared_expert * slice(system, model.shared_ffn)});
  if (!has_experts(model, layer)) return;
  const double one_expert =
      (whole.expert_input + whole.expert_hidden + whole.expert_activation) / model.experts;
  memory.experts = std::max(memory.experts, whole.router + kGradients * one_expert);
}

// Parameters that stream as one (wafer/block.cpp); experts come in small pieces.
double largest_operator(const ModelShape& model) {
  double most = embedding_parameters(model);
  for (int layer = 0; layer < model.layers + model.mtp_layers; ++layer) {
    const LayerParameters parts = layer_parameters(model, layer);
    most = std::max({most, parts.attention + parts.attention_replicated, parts.dense_ffn,
                     parts.router + parts.shared});
  }
  return most;
}

}  // namespace

double WaferMemory::working() const {
  return std::max(logits, recomputed + std::max({attention, ffn, experts}));
}

std::string WaferMemory::largest() const {
  const std::array<std::pair<double, const char*>, 10> parts{
      {{saved, "saved activations"},
       {spilling, "activations on their way to the host"},
       {hidden, "hidden state"},
       {recomputed, "recomputed attention"},
       {attention, "attention tile"},
       {ffn, "FFN"},
       {experts, "experts"},
       {logits, "logits"},
       {weights, "weight buffers"},
       {gradients, "gradients in flight"}}};
  return std::max_element(parts.begin(), parts.end(),
                          [](const auto& a, const auto& b) { return a.first < b.first; })
      ->second;
}

WaferMemory wafer_memory(const ModelShape& model, const WaferSystem& system, const Plan& plan,
                         const WaferTile& tile) {
  WaferMemory memory;
  const int layers = model.layers + model.mtp_layers;
  for (int layer = 0; layer < layers; ++layer) add_layer(model, system, layer, plan, tile, memory);
  const double length = static_cast<double>(tile.sequence_length);
  const double layer_input = kBytes * tile.microbatch * length * model.hidden;
  memory.hidden = 3 * layer_input;
  memory.logits = kBytes * std::min(tile.attention_batch, tile.microbatch) * length * model.vocab;
  const LayerParameters last = layer_parameters(model, model.layers - 1);
  const double held =
      last.attention + last.attention_replicated + last.norms + last.router + last.shared;
  // Those of the next layer come before those of this one go.
  memory.weights = system.prefetch_bytes + 2 * system.memoryx.weight_wire_bytes * held;
  // An operator larger than the window has it for itself.
  const double whole = largest_operator(model);
  memory.weights += std::max(0.0, whole * system.memoryx.weight_wire_bytes - system.prefetch_bytes);
  memory.gradients =
      std::max(system.gradient_buffer_bytes, whole * system.memoryx.gradient_wire_bytes);
  return memory;
}

}  // namespace moesim
