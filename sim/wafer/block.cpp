#include "wafer/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "model/memory.hpp"
#include "model/parameters.hpp"

namespace moesim {

namespace {

// Experts come in streams of about this size, computed one after the other while the next arrive:
// weight by weight in truth. Pieces of 0.5 GB change the step by 0.3 % (docs/model/wafer.md);
// smaller ones were not tried.
constexpr double kStreamBytes = 128e6;
// A layer's experts come in no more streams than this: each is a broadcast, with tasks and ports of
// its own.
constexpr int kMostChunks = 100;

using Ops = std::function<Kernels(Pass)>;

Kernels forward_of(const Ops& ops) { return ops(Pass::forward); }
Kernels backward_of(const Ops& ops) {
  Kernels kernels = ops(Pass::backward_data);
  append(kernels, ops(Pass::backward_weight));
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
        tiles_(even_parts(sequences, (sequences + context.plan.attention_batch - 1) /
                                         context.plan.attention_batch)) {}

  WaferBlock forward() {
    start("forward", Phase::forward);
    if (is_mtp()) compute(projection(), forward_of(projection_ops()));
    add_attention(add_stream("attention weights", attention_elements()),
                  [](const Ops& ops) { return forward_of(ops); });
    if (!routed()) {
      compute(add_stream("FFN weights", parameters_.dense_ffn), forward_of(ffn_ops()));
      return finish();
    }
    compute(add_stream("router weights", router_elements()), forward_of(router_and_shared_ops()));
    for (const WaferStream& chunk : expert_chunks()) {
      block_.streams.push_back(chunk);
      compute(last_stream(), forward_of(expert_kernels_of())).routed = true;
    }
    compute(-1, forward_of(combine_kernels()));
    return finish();
  }

  WaferBlock backward() {
    start("backward", Phase::backward);
    const bool again = context_.recompute;
    int attention = -1, router = -1, project = -1;
    if (again) {
      if (is_mtp()) {
        project = projection(true);
        compute(project, forward_of(projection_ops())).phase = Phase::recompute;
      }
      attention = add_stream("attention weights", attention_elements(), true);
      add_attention(
          attention, [](const Ops& ops) { return forward_of(ops); }, Phase::recompute);
    }
    if (!routed()) {
      WaferCompute& ffn =
          compute(add_stream("FFN weights", parameters_.dense_ffn), backward_of(ffn_ops()));
      if (again) ffn.again = forward_of(ffn_ops());
      leave(ffn, ffn.stream, parameters_.dense_ffn);
    } else {
      if (again) {
        router = add_stream("router weights", router_elements(), true);
        compute(router, forward_of(router_and_shared_ops())).phase = Phase::recompute;
      }
      compute(-1, backward_of(combine_kernels()));
      for (const WaferStream& chunk : expert_chunks()) {
        block_.streams.push_back(chunk);
        WaferCompute& experts = compute(last_stream(), backward_of(expert_kernels_of()));
        experts.routed = true;
        if (again) experts.again = forward_of(expert_kernels_of());
        leave(experts, experts.stream, chunk.elements);
      }
      if (!again) router = add_stream("router weights", router_elements());
      leave(compute(router, backward_of(router_and_shared_ops())), router, router_elements());
    }
    if (!again) attention = add_stream("attention weights", attention_elements());
    add_attention(attention, backward_of);
    leave(block_.computes.back(), attention, attention_elements());
    if (is_mtp()) {
      if (!again) project = projection();
      leave(compute(project, backward_of(projection_ops())), project, mtp_extra_parameters(model_));
    }
    return finish();
  }

 private:
  bool routed() const { return has_experts(model_, layer_); }
  bool is_mtp() const { return layer_ >= model_.layers; }
  double attention_elements() const {
    return parameters_.attention + parameters_.attention_replicated + parameters_.norms;
  }
  double router_elements() const { return parameters_.router + parameters_.shared; }

  void start(const char* direction, Phase phase) {
    block_ = {};
    block_.name = fmt::format("layer {}, class {}", direction, layer_class(model_, layer_));
    block_.phase = phase;
    block_.layer = layer_;
  }

  WaferBlock finish() {
    if (!context_.plan.spill) return std::move(block_);
    // The bytes that SRAM would have kept of this layer (wafer/memory.cpp).
    const RecomputePolicy policy = context_.input.plan.recompute_policy();
    const double rows = all_.local_tokens() * model_.top_k;
    const double bytes = layer_activation_bytes(model_, layer_, all_, policy, rows);
    (block_.phase == Phase::forward ? block_.spill_out_bytes : block_.spill_in_bytes) = bytes;
    return std::move(block_);
  }

  int last_stream() const { return static_cast<int>(block_.streams.size()) - 1; }
  int add_stream(const char* op, double elements, bool held = false) {
    block_.streams.push_back({op, elements, 0, 0, held});
    return last_stream();
  }
  int projection(bool held = false) {
    return add_stream("MTP weights", mtp_extra_parameters(model_), held);
  }

  WaferCompute& compute(int stream, Kernels kernels) {
    WaferCompute compute;
    run.kernels = std::move(kernels);
    run.phase = block_.phase;
    run.stream = stream;
    block_.computes.push_back(std::move(run));
    return block_.computes.back();
  }
  static void leave(WaferCompute& run, int stream, double elements) {
    run.gradient_elements = elements;
    run.gradient_stream = stream;
  }

  template <class Direction>
  void add_attention(int stream, const Direction& direction, std::optional<Phase> phase = {}) {
    for (const int sequences : tiles_) {
      const Shard tile = context_.shard(sequences);
      const auto attention = [&](Pass pass) {
        Kernels kernels;
        const auto in = [&] { append(kernels, attention_in_ops(model_, layer_, tile, pass)); };
        const auto core = [&] { append(kernels, attention_core_ops(model_, layer_, tile, pass)); };
        const auto out = [&] { append(kernels, attention_out_ops(model_, layer_, tile, pass)); };
        pass == Pass::forward ? (in(), core(), out()) : (out(), core(), in());
        return kernels;
      };
      WaferCompute& added = compute(stream, direction(attention));
      if (phase) run.phase = *phase;
    }
  }

  Ops projection_ops() const {
    return [this](Pass pass) { return mtp_projection_ops(model_, all_, pass); };
  }
  Ops ffn_ops() const {
    return [this](Pass pass) { return dense_ffn_ops(model_, all_, pass); };
  }
  Ops router_and_shared_ops() const {
    return [this](Pass pass) {
      Kernels kernels = router_ops(model_, all_, pass);
      append(kernels, shared_expert_ops(model_, all_, pass));
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
      return kernels;
    };
  }
  Ops combine_kernels() const {
    return [this](Pass pass) { return combine_ops(model_, all_, pass); };
  }

  std::vector<WaferStream> expert_chunks() const {
    const double expert = parameters_.experts / model_.experts;
    const double bytes = expert * context_.system.memoryx.weight_wire_bytes;
    const int fit = static_cast<int>(kStreamBytes / bytes);
    const int per_chunk = std::max(
        {1, std::min(fit, model_.experts), (model_.experts + kMostChunks - 1) / kMostChunks});
    std::vector<WaferStream> chunks;
    for (int first = 0; first < model_.experts; first += per_chunk) {
      const int count = std::min(per_chunk, model_.experts - first);
      chunks.push_back({"expert weights", expert * count, first, count, false});
    }
    return chunks;
  }

  const WaferContext& context_;
  const ModelShape& model_;
  int layer_;
  Shard all_;
  LayerParameters parameters_;
  std::vector<int> tiles_;
  WaferBlock block_;
};

}  // namespace

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
  run.phase = block.phase;
  const Shard shard = context.shard(sequences);
  run.kernels =
      embedding_ops(context.model, shard, forward ? Pass::forward : Pass::backward_weight);
  if (forward) {
    block.streams.push_back({"embedding table", embedding_parameters(context.model), 0, 0, false});
    run.stream = 0;
  } else {
    run.gradient_elements = embedding_parameters(context.model);
  }
  block.computes.push_back(std::move(run));
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
  block.computes.back().gradient_elements = elements;
  block.computes.back().gradient_stream = 0;
  return block;
}

}  // namespace moesim
