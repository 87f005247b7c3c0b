#include "wafer/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {

namespace {

using Ops = std::function<Kernels(Pass)>;

Kernels forward_of(const Ops& ops) { return ops(Pass::forward); }
Kernels backward_of(const Ops& ops) {
  Kernels kernels = ops(Pass::backward_data);
  append(kernels, ops(Pass::backward_weight));
  return kernels;
}

// A weight that is zero is not multiplied. Its gradient is, unless the mask stays.
Kernels without_zeros(const WaferContext& context, Kernels kernels) {
  for (Kernel& kernel : kernels) {
    if (kernel.pass == Pass::backward_weight && !context.input.plan.sparse_gradients) continue;
    if (kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::grouped_gemm)
      kernel.n *= context.density();
  }
  return kernels;
}

// Forward a layer takes its weights in the order of its operators. Backward it takes them in the
// opposite order; with recomputation the forward of attention and router runs again first, and
// their weights are held from then until their own backward. Experts and dense FFN, which stream in
// pieces, are recomputed piece by piece (WaferCompute::again).
class LayerBlocks {
 public:
  LayerBlocks(const WaferContext& context, int layer, int sequences)
      : context_(context),
        model_(context.model),
        layer_(layer),
        all_(context.shard(sequences)),
        parameters_(layer_parameters(model_, layer)),
        sram_(wafer_layer_memory(model_, context.system, context.input.plan, layer,
                                 tile_of(context, sequences))),
        tiles_(even_parts(sequences, (sequences + context.plan.attention_batch - 1) /
                                         context.plan.attention_batch)) {}

  WaferBlock forward() {
    start("forward", Phase::forward);
    if (is_mtp()) compute(projection(), forward_of(projection_ops()));
    add_attention(attention_stream(), [](const Ops& ops) { return forward_of(ops); });
    hold_tiles(SramTensor::attention, sram_.attention_forward);
    if (!routed()) {
      compute(ffn_stream(), forward_of(ffn_ops()));
      hold_last(SramTensor::ffn, sram_.ffn / 2);
      return finish();
    }
    compute(router_stream(), forward_of(router_and_shared_ops()));
    hold_last(SramTensor::experts, sram_.router + sram_.shared / 2);
    for (const WaferStream& chunk : expert_chunks()) {
      block_.streams.push_back(chunk);
      compute(last_stream(), forward_of(expert_kernels_of())).routed = true;
      hold_last(SramTensor::experts, sram_.router + sram_.expert / 2);
    }
    compute(-1, forward_of(combine_kernels()));
    return finish();
  }

  WaferBlock backward() {
    start("backward", Phase::backward);
    const bool again = context_.recompute;
    int attention = -1, project = -1;
    if (again) {
      if (is_mtp()) {
        project = projection(true);
        compute(project, forward_of(projection_ops())).phase = Phase::recompute;
      }
      attention = attention_stream(true);
      add_attention(
          attention, [](const Ops& ops) { return forward_of(ops); }, Phase::recompute);
      hold_tiles(SramTensor::attention, context_.plan.again ? sram_.attention_forward : 0);
    }
    const int first_tile = last_compute() - static_cast<int>(tiles_.size()) + 1;
    if (!routed()) {
      WaferCompute& ffn = compute(ffn_stream(), backward_of(ffn_ops()));
      if (again) ffn.again = forward_of(ffn_ops());
      leave(ffn, {0, parameters_.dense_ffn});
      hold_last(SramTensor::ffn, sram_.ffn);
    } else {
      experts_backward(again);
    }
    if (!again) attention = attention_stream();
    add_attention(attention, [&](const Ops& ops) { return attention_backward(ops); });
    hold_tiles(SramTensor::attention, sram_.attention);
    if (again) hold_recomputed(first_tile);
    leave(block_.computes.back(), attention_weights());
    if (is_mtp()) {
      if (!again) project = projection();
      leave(compute(project, backward_of(projection_ops())), {mtp_extra_parameters(model_), 0});
    }
    return finish();
  }

 private:
  bool routed() const { return has_experts(model_, layer_); }
  bool is_mtp() const { return layer_ >= model_.layers; }
  // `masked` weights are zero in part (plan.weight_sparsity): not norms and routers.
  struct Weights {
    double dense = 0, masked = 0;
  };
  Weights attention_weights() const {
    return {parameters_.norms, parameters_.attention + parameters_.attention_replicated};
  }
  Weights router_weights() const { return {parameters_.router, parameters_.shared}; }
  int attention_stream(bool held = false) {
    return add_stream("attention weights", attention_weights(), held);
  }
  int router_stream(bool held = false) {
    return add_stream("router weights", router_weights(), held);
  }
  int ffn_stream() { return add_stream("FFN weights", {0, parameters_.dense_ffn}); }

  static WaferTile tile_of(const WaferContext& context, int sequences) {
    return {sequences, context.plan.attention_batch, context.input.batch.sequence_length,
            context.plan.spill, context.plan.again};
  }

  void experts_backward(bool again) {
    const int first = last_compute() + 1;
    int router = -1;
    if (again) {
      router = router_stream(true);
      compute(router, forward_of(router_and_shared_ops())).phase = Phase::recompute;
      hold_last(SramTensor::experts, sram_.shared / 2);
    }
    compute(-1, backward_of(combine_kernels()));
    for (const WaferStream& chunk : expert_chunks()) {
      block_.streams.push_back(chunk);
      WaferCompute& experts = compute(last_stream(), backward_of(expert_kernels_of()));
      experts.routed = true;
      if (again) experts.again = forward_of(expert_kernels_of());
      leave(experts, {0, chunk.elements});
      hold_last(SramTensor::experts, sram_.expert);
    }
    if (!again) router = router_stream();
    leave(compute(router, backward_of(router_and_shared_ops())), router_weights());
    hold_last(SramTensor::experts, sram_.shared);
    block_.holds.push_back({SramTensor::experts, sram_.router, first, last_compute()});
  }

  // With scores kept, their product is not made again: four products instead of five.
  Kernels attention_backward(const Ops& ops) const {
    Kernels kernels = backward_of(ops);
    const Mixer mixer = mixer_of(model_, layer_);  // of others memory counts no scores
    if (context_.input.plan.attention_scores == AttentionScores::kept &&
        (mixer == Mixer::attention || mixer == Mixer::window))
      for (Kernel& kernel : kernels)
        if (kernel.op == Op::attention && kernel.qk_dim > 0)
          kernel.flops *= 1 - kernel.qk_dim / (3.0 * kernel.qk_dim + 2.0 * kernel.v_dim);
    return kernels;
  }

  int last_compute() const { return static_cast<int>(block_.computes.size()) - 1; }
  void hold_last(SramTensor tensor, double bytes) {
    if (bytes > 0) block_.holds.push_back({tensor, bytes, last_compute(), last_compute()});
  }
  // A tile each of the last compute tasks.
  void hold_tiles(SramTensor tensor, double of_largest) {
    const auto tiles = static_cast<int>(tiles_.size());
    for (int tile = 0; tile < tiles; ++tile) {
      const int task = last_compute() - tiles + 1 + tile;
      if (of_largest > 0)
        block_.holds.push_back({tensor, of_largest * tiles_[tile] / tiles_[0], task, task});
    }
  }
  // It grows tile by tile from `first` on, and goes with the last compute tasks, tile by tile.
  void hold_recomputed(int first) {
    const auto tiles = static_cast<int>(tiles_.size());
    const double sequences = all_.sequences;
    for (int tile = 0; tile < tiles; ++tile)
      block_.holds.push_back({SramTensor::recomputed, sram_.recomputed * tiles_[tile] / sequences,
                              first + tile, last_compute() - tiles + 1 + tile});
  }

  void start(const char* direction, Phase phase) {
    block_ = {};
    block_.name = fmt::format("layer {}, class {}", direction, layer_class(model_, layer_));
    block_.phase = phase;
    block_.layer = layer_;
  }

  WaferBlock finish() {
    block_.saved_bytes = sram_.saved;
    if (!context_.plan.spill) return std::move(block_);
    (block_.phase == Phase::forward ? block_.spill_out_bytes : block_.spill_in_bytes) = sram_.saved;
    return std::move(block_);
  }

  int last_stream() const { return static_cast<int>(block_.streams.size()) - 1; }
  int add_stream(const char* op, Weights weights, bool held = false) {
    block_.streams.push_back({op, weights.dense + weights.masked, 0, 0, held, weights.masked});
    return last_stream();
  }
  int projection(bool held = false) {
    return add_stream("MTP weights", {mtp_extra_parameters(model_), 0}, held);
  }

  WaferCompute& compute(int stream, Kernels kernels) {
    WaferCompute compute;
    compute.kernels = std::move(kernels);
    compute.phase = block_.phase;
    compute.stream = stream;
    block_.computes.push_back(std::move(compute));
    return block_.computes.back();
  }
  void leave(WaferCompute& computed, Weights weights) const {
    computed.gradient_elements = context_.updated_elements(weights.dense, weights.masked);
    computed.gradient_bytes = context_.gradient_bytes(weights.dense, weights.masked);
    computed.gradient_stream = computed.stream;
  }

  template <class Direction>
  void add_attention(int stream, const Direction& direction, std::optional<Phase> phase = {}) {
    for (const int sequences : tiles_) {
      const Shard tile = context_.shard(sequences);
      const Ops attention = [&](Pass pass) {
        Kernels kernels;
        const auto in = [&] { append(kernels, attention_in_ops(model_, layer_, tile, pass)); };
        const auto core = [&] { append(kernels, attention_core_ops(model_, layer_, tile, pass)); };
        const auto out = [&] { append(kernels, attention_out_ops(model_, layer_, tile, pass)); };
        pass == Pass::forward ? (in(), core(), out()) : (out(), core(), in());
        return without_zeros(context_, std::move(kernels));
      };
      WaferCompute& added = compute(stream, direction(attention));
      if (phase) added.phase = *phase;
      if (block_.phase == Phase::backward && !phase && context_.recompute && context_.plan.again)
        added.again = forward_of(attention);
    }
  }

  Ops projection_ops() const {
    return [this](Pass pass) { return mtp_projection_ops(model_, all_, pass); };
  }
  Ops ffn_ops() const {
    return [this](Pass pass) { return without_zeros(context_, dense_ffn_ops(model_, all_, pass)); };
  }
  Ops router_and_shared_ops() const {
    return [this](Pass pass) {
      Kernels kernels = router_ops(model_, all_, pass);
      append(kernels, without_zeros(context_, shared_expert_ops(model_, all_, pass)));
      return kernels;
    };
  }
  // A wafer sends tokens to their experts' cores once: the router's permutation. There is none
  // inside the experts.
  Ops expert_kernels_of() const {
    return [this](Pass pass) {
      Kernels kernels = expert_ops(model_, all_, pass);
      std::erase_if(kernels,
                    [](const Kernel& k) { return k.op == Op::permute || k.op == Op::unpermute; });
      return without_zeros(context_, std::move(kernels));
    };
  }
  Ops combine_kernels() const {
    return [this](Pass pass) { return combine_ops(model_, all_, pass); };
  }

  std::vector<WaferStream> expert_chunks() const {
    const double expert = parameters_.experts / model_.experts;
    // Zeros count, since their gradients may leave.
    const int per_chunk =
        wafer_experts_per_stream(model_, expert * context_.system.memoryx.weight_wire_bytes);
    std::vector<WaferStream> chunks;
    for (int first = 0; first < model_.experts; first += per_chunk) {
      const int count = std::min(per_chunk, model_.experts - first);
      chunks.push_back({"expert weights", expert * count, first, count, false, expert * count});
    }
    return chunks;
  }

  const WaferContext& context_;
  const ModelShape& model_;
  int layer_;
  Shard all_;
  LayerParameters parameters_;
  WaferLayerMemory sram_;
  std::vector<int> tiles_;
  WaferBlock block_;
};

}  // namespace

const char* name_of(SramTensor tensor) {
  constexpr const char* kNames[kSramTensors] = {
      "saved activations", "activations on their way to the host",
      "hidden state",      "recomputed attention",
      "attention tile",    "FFN",
      "experts",           "logits",
      "weight buffers",    "gradients in flight"};
  return kNames[static_cast<int>(tensor)];
}

WaferBlock layer_forward_block(const WaferContext& context, int layer, int sequences) {
  return LayerBlocks(context, layer, sequences).forward();
}
WaferBlock layer_backward_block(const WaferContext& context, int layer, int sequences) {
  return LayerBlocks(context, layer, sequences).backward();
}

WaferBlock embedding_block(const WaferContext& context, int sequences, bool forward) {
  WaferBlock block;
  block.name = forward ? "embedding forward" : "embedding backward";
  block.phase = forward ? Phase::forward : Phase::backward;
  WaferCompute compute;
  compute.phase = block.phase;
  const Shard shard = context.shard(sequences);
  compute.kernels =
      embedding_ops(context.model, shard, forward ? Pass::forward : Pass::backward_weight);
  if (forward) {
    block.streams.push_back({"embedding table", embedding_parameters(context.model), 0, 0, false});
    compute.stream = 0;
  } else {
    compute.gradient_elements = embedding_parameters(context.model);
    compute.gradient_bytes = context.gradient_bytes(compute.gradient_elements, 0);
  }
  block.computes.push_back(std::move(compute));
  block.hidden_bytes = wafer_hidden_bytes(context.model, sequences, shard.sequence_length);
  return block;
}

WaferBlock loss_block(const WaferContext& context, int sequences) {
  WaferBlock block;
  block.name = "loss";
  block.phase = Phase::backward;
  block.layer = context.layers() - 1;
  const double elements = embedding_parameters(context.model) + context.model.hidden;
  block.streams.push_back({"logits weights", elements, 0, 0, false});
  const int tiles = (sequences + context.plan.attention_batch - 1) / context.plan.attention_batch;
  for (int loss = 0; loss <= context.model.mtp_layers; ++loss)
    for (const int tile : even_parts(sequences, tiles)) {
      const Shard shard = context.shard(tile);
      const auto ops = [&](Pass pass) { return output_ops(context.model, shard, pass); };
      WaferCompute forward, backward;
      forward.kernels = forward_of(ops);
      backward.kernels = backward_of(ops);
      backward.phase = Phase::backward;
      forward.stream = backward.stream = 0;
      block.computes.push_back(std::move(forward));
      block.computes.push_back(std::move(backward));
    }
  for (int task = 0; task < static_cast<int>(block.computes.size()); ++task)
    block.holds.push_back({SramTensor::logits,
                           wafer_logits_bytes(context.model, (sequences + tiles - 1) / tiles,
                                              context.input.batch.sequence_length),
                           task, task});
  block.computes.back().gradient_elements = elements;
  block.computes.back().gradient_bytes = context.gradient_bytes(elements, 0);
  block.computes.back().gradient_stream = 0;
  return block;
}

}  // namespace moesim
