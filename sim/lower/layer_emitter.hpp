// Lowers transformer layers, embedding and loss of one block into its template, forward and
// backward.
#pragma once

#include "lower/moe_emitter.hpp"

namespace moesim {

// `local` is the layer's number within the template, `layer` a layer of the model of the same
// class.
class LayerEmitter {
 public:
  // `overlapped`: the block has two lanes.
  LayerEmitter(const StepContext& context, TemplateBuilder& builder, int first_rank,
               WeightGradients weights, bool overlapped)
      : context_(context),
        builder_(builder),
        first_rank_(first_rank),
        ops_(context, builder, first_rank, weights),
        moe_(context, builder, ops_, first_rank, overlapped) {}
  LayerEmitter(const LayerEmitter&) = delete;  // moe_ refers to ops_
  LayerEmitter& operator=(const LayerEmitter&) = delete;

  Emission forward(int layer, int local, Phase phase = Phase::forward);
  Emission backward(int layer, int local);  // with the recomputation that the plan asks for
  void embedding(Phase phase, int local = 0);
  void loss(int local, Phase phase);
  // Computes what a backward with WeightGradients::elsewhere left out.
  void weight_gradients(int layer, int local);
  // Computes weight gradients that still wait for communication to hide.
  void flush_weight_gradients() { ops_.flush_weight_gradients(); }

 private:
  void attention_forward(int layer, int local, Phase phase);
  void attention_backward(int layer, int local);
  void attention_weight_gradients(int layer, int local);
  void attention_core(const Kernels& kernels, double kv_bytes, int local, Phase phase);
  void dense_ffn(int layer, int local, Phase phase);
  void recompute_selected(int layer, int local);
  int checkpoints(int layer, int local) const;

  const StepContext& context_;
  TemplateBuilder& builder_;
  int first_rank_;
  OpEmitter ops_;
  MoeEmitter moe_;
};

}  // namespace moesim
