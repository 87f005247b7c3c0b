// Adds the routed part of a layer to a template, forward and backward: router, dispatch, experts,
// combine, and the shared experts beside them. Its emissions stop while tokens travel.
#pragma once

#include <functional>
#include <vector>

#include "lower/emission.hpp"
#include "lower/op_emitter.hpp"

namespace moesim {

class MoeEmitter {
 public:
  // `overlapped`: the block has two lanes, so that whatever travels does so beside compute.
  MoeEmitter(const StepContext& context, TemplateBuilder& builder, OpEmitter& ops, int first_rank,
             bool overlapped)
      : context_(context),
        builder_(builder),
        ops_(ops),
        first_rank_(first_rank),
        overlapped_(overlapped) {}

  Emission forward(int local, Phase phase);
  Emission backward(int local);  // with the recomputation that the plan asks for
  void weight_gradients(int local);

 private:
  // Computes while tokens travel; null: nothing does, and compute waits for them.
  using Beside = std::function<void()>;
  // One way of the tokens. `reverse`: from the experts back to where the tokens live.
  struct Way {
    const char* op = "";
    PrecisionRecipe wire = PrecisionRecipe::bf16;
    bool reverse = false;
  };

  Kernels around_dispatch(OpEmitter::OpsOf ops, Phase phase) const;  // router_ops or combine_ops
  void shared_experts(int local, Phase phase);
  void shared_experts_backward(int local);
  void experts(ExpertKernels list, int local, Phase phase);
  void expert_weight_gradients(int local);
  void expert_tensor(CollectiveKind kind, const char* op, int local, Phase phase);
  void route(const Way& way, int local, Phase phase, const Beside& beside = nullptr);
  void gather_tokens(const Way& way, int local, Phase phase, const Beside& beside);
  void prepare_dispatch(int local, Phase phase);
  void send(const Communication& what, const TemplateBuilder::MakeTransfer& make,
            const Beside& beside);
  double preparation_s() const;
  Transfer dispatcher_transfer(const std::vector<int>& group, const Way& way, bool waits_for_counts,
                               bool beside_compute) const;

  const StepContext& context_;
  TemplateBuilder& builder_;
  OpEmitter& ops_;
  int first_rank_;
  bool overlapped_;
};

}  // namespace moesim
