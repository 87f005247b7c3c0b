#include "plan/wafer_memory.hpp"

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

void add_layer(const ModelShape& model, int layer, const Plan& plan, const WaferTile& tile, WaferMemory& memory) {
  const double tokens = static_cast<double>(tile.microbatch) * static_cast<double>(tile.sequence_length);
  const double rows = tokens * model.top_k;
  const Shard all = shard_of(model, tile, tile.microbatch);
  const ActivationBytes whole = layer_activations(model, layer, all, {}, rows);
  const ActivationBytes part = layer_activations(
      model, layer, shard_of(model, tile, std::min(tile.attention_batch, tile.microbatch)), {}, rows);
  if (!tile.spill)
    memory.saved += plan.recompute == Recompute::full ? kBytes * tokens * model.hidden : whole.total();
  memory.attention = std::max(memory.attention, kGradients * (part.norm_outputs / 2 + part.latents +
                                                              part.query_key_value + part.attention_output));
  memory.ffn = std::max(memory.ffn, kGradients * (whole.dense_ffn + whole.shared_expert));
  if (!has_experts(model, layer)) return;
  const double one_expert = (whole.expert_input + whole.expert_hidden + whole.expert_activation) / model.experts;
  memory.experts = std::max(memory.experts, whole.router + kGradients * (one_expert + whole.shared_expert));
}

}  // namespace

double WaferMemory::working() const { return std::max({attention, ffn, experts, logits}); }

std::string WaferMemory::largest() const {
  const std::array<std::pair<double, const char*>, 8> parts{{{saved, "saved activations"},
                                                             {hidden, "hidden state"},
                                                             {attention, "attention tile"},
                                                             {ffn, "FFN"},
                                                             {experts, "experts"},
                                                             {logits, "logits"},
                                                             {weights, "weight buffers"},
                                                             {gradients, "gradients in flight"}}};
  return std::max_element(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; })
      ->second;
}

WaferMemory wafer_memory(const ModelShape& model, const WaferSystem& system, const Plan& plan, const WaferTile& tile) {
  WaferMemory memory;
  const int layers = model.layers + model.mtp_layers;
  for (int layer = 0; layer < layers; ++layer) add_layer(model, layer, plan, tile, memory);
  const double length = static_cast<double>(tile.sequence_length);
  const double layer_input = kBytes * tile.microbatch * length * model.hidden;
  memory.hidden = 3 * layer_input;
  // On the way out, on the way in, and in use.
  if (tile.spill) memory.hidden += 3 * layer_input;
  memory.logits = kBytes * std::min(tile.attention_batch, tile.microbatch) * length * model.vocab;
  const LayerParameters last = layer_parameters(model, model.layers - 1);
  const double held = last.attention + last.attention_replicated + last.norms + last.router + last.shared;
  memory.weights = system.prefetch_bytes + system.memoryx.weight_wire_bytes * held;
  memory.gradients = system.gradient_buffer_bytes;
  return memory;
}

}  // namespace moesim
