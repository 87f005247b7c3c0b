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

// Experts come in streams of about this size, computed one after the other while the next arrive:
// weight by weight in truth. Pieces of 0.5 GB change the step by 0.3 % (docs/model/wafer.md);
// smaller ones were not tried.
constexpr double kStreamBytes = 128e6;
// A layer's experts come in no more streams than this: each is a broadcast, with tasks and ports of
// its own.
constexpr int kMostChunks = 100;

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

double scores_bytes(const ModelShape& model, int layer, const WaferTile& tile, int sequences) {
  const Mixer mixer = mixer_of(model, layer);
  if (mixer != Mixer::attention && mixer != Mixer::window) return 0;
  const auto length = static_cast<double>(tile.sequence_length);
  const int window = attention_window(model, layer);
  return kBytes * sequences * attention_heads(model, mixer).query * length *
         (window > 0 ? std::min<double>(window, length) : length);
}

// Parameters that stream as one, at most (wafer/block.cpp).
double largest_stream(const ModelShape& model, const WaferSystem& system) {
  double most = embedding_parameters(model) + model.hidden;
  for (int layer = 0; layer < model.layers + model.mtp_layers; ++layer) {
    const LayerParameters parts = layer_parameters(model, layer);
    most = std::max({most, parts.attention + parts.attention_replicated + parts.norms,
                     parts.dense_ffn, parts.router + parts.shared});
    if (layer >= model.layers) most = std::max(most, mtp_extra_parameters(model));
    if (!has_experts(model, layer)) continue;
    const double expert = parts.experts / model.experts;
    most = std::max(
        most, expert * wafer_experts_per_stream(model, expert * system.memoryx.weight_wire_bytes));
  }
  return most;
}

}  // namespace

// The hidden state, its gradient, the layer's output.
double wafer_hidden_bytes(const ModelShape& model, int microbatch, int64_t sequence_length) {
  return 3 * kBytes * microbatch * static_cast<double>(sequence_length) * model.hidden;
}
double wafer_logits_bytes(const ModelShape& model, int sequences, int64_t sequence_length) {
  return kBytes * sequences * static_cast<double>(sequence_length) * model.vocab;
}

int wafer_experts_per_stream(const ModelShape& model, double bytes_per_expert) {
  const int fit = static_cast<int>(std::min<double>(kStreamBytes / bytes_per_expert, 1e6));
  return std::max(
      {1, std::min(fit, model.experts), (model.experts + kMostChunks - 1) / kMostChunks});
}

double wafer_held_parameters(const ModelShape& model, int layer) {
  const LayerParameters parts = layer_parameters(model, layer);
  double held = parts.attention + parts.attention_replicated + parts.norms;
  if (has_experts(model, layer)) held += parts.router + parts.shared;
  if (layer >= model.layers) held += mtp_extra_parameters(model);
  return held;
}

double WaferMemory::working() const {
  return std::max(logits, recomputed + std::max({attention, ffn, experts}));
}

WaferLayerMemory wafer_layer_memory(const ModelShape& model, const WaferSystem& system,
                                    const Plan& plan, int layer, const WaferTile& tile) {
  const int sequences = tile.largest();
  const double tokens =
      static_cast<double>(tile.microbatch) * static_cast<double>(tile.sequence_length);
  const double rows = tokens * model.top_k;
  const Shard all = shard_of(model, tile, tile.microbatch);
  const ActivationBytes whole = layer_activations(model, layer, all, {}, rows);
  const ActivationBytes part =
      layer_activations(model, layer, shard_of(model, tile, sequences), {}, rows);
  const bool full = plan.recompute == Recompute::full;
  const bool scores = plan.attention_scores == AttentionScores::kept;
  const double projection = layer >= model.layers ? mtp_projection_activation_bytes(model, all) : 0;
  const double whole_scores = scores ? scores_bytes(model, layer, tile, tile.microbatch) : 0;
  const double part_scores = scores ? scores_bytes(model, layer, tile, sequences) : 0;

  WaferLayerMemory memory;
  memory.saved = full ? kBytes * tokens * model.hidden : whole.total() + projection + whole_scores;
  const double of_tile = part.norm_outputs / 2 + part.latents + part.query_key_value +
                         part.attention_output + part_scores;
  memory.attention_forward = of_tile;
  // Full recomputation runs attention again for all tiles before the FFN or experts go backward,
  // which need all of its output; its own backward comes last. Either all of it is there meanwhile,
  // or only what the FFN reads, and a tile is made a third time in its backward.
  if (full && tile.again)
    memory.recomputed = projection + whole.norm_outputs / 2;
  else if (full)
    memory.recomputed = projection + whole.norm_outputs + whole.latents + whole.query_key_value +
                        whole.attention_output + whole_scores;
  memory.attention = (full && !tile.again ? 1 : kGradients) * of_tile;
  memory.ffn = kGradients * whole.dense_ffn * slice(system, model.dense_ffn);
  memory.shared = kGradients * whole.shared_expert * slice(system, model.shared_ffn);
  if (!has_experts(model, layer)) return memory;
  memory.router = whole.router;
  memory.expert = kGradients *
                  (whole.expert_input + whole.expert_hidden + whole.expert_activation) /
                  model.experts;
  return memory;
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
  const int layers = model.layers + model.mtp_layers;
  WaferMemory buffers;
  buffers.hidden = wafer_hidden_bytes(model, tile.microbatch, tile.sequence_length);
  double held = 0;
  if (plan.recompute == Recompute::full)
    for (int layer = 0; layer < layers; ++layer)
      held = std::max(held, wafer_held_parameters(model, layer));
  // Held weights of the next layer come before those of this one go. An operator larger than the
  // window has it for itself.
  const double whole = largest_stream(model, system), wire = system.memoryx.weight_wire_bytes;
  buffers.weights = std::max(system.prefetch_bytes, whole * wire) + 2 * wire * held;
  buffers.gradients =
      std::max(system.gradient_buffer_bytes, whole * system.memoryx.gradient_wire_bytes);

  WaferMemory fullest;
  double saved = 0, before = 0;
  for (int layer = 0; layer < layers; ++layer) {
    const WaferLayerMemory one = wafer_layer_memory(model, system, plan, layer, tile);
    saved += one.saved;
    WaferMemory moment = buffers;
    moment.layer = layer;
    moment.saved = tile.spill ? 0 : saved;
    // One in use while the next comes in.
    moment.spilling = tile.spill ? one.saved + before : 0;
    moment.recomputed = one.recomputed;
    moment.attention = one.attention;
    moment.ffn = one.ffn;
    moment.experts = one.router + std::max(one.shared, one.expert);
    if (layer == layers - 1)
      moment.logits = wafer_logits_bytes(model, tile.largest(), tile.sequence_length);
    if (layer == 0 || moment.total() >= fullest.total()) fullest = moment;
    before = one.saved;
  }
  return fullest;
}

}  // namespace moesim
