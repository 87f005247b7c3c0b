// The cost of moving experts: when the placement is rearranged at the beginning of this step,
// weights and optimizer state of every expert that changes its rank travel before the step's first
// forwards.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lower/step_context.hpp"
#include "lower/template_builder.hpp"
#include "routing/placement.hpp"

namespace moesim {

// A load-based placement follows `placement_period` (step 0 starts with its placement; nothing
// moves).
bool rearranges_experts(const RoutingSpec& routing);

class ExpertShuffle {
 public:
  // Places experts as of this step and as of the period before.
  ExpertShuffle(const StepContext& context, uint64_t seed);
  ~ExpertShuffle();

  // One all-to-all per layer that has experts on the move, one after the other; then exit 0.
  void emit(TemplateBuilder& builder, int first_rank, std::span<const int> layers) const;

 private:
  struct Placements;
  const StepContext& context_;
  std::unique_ptr<Placements> placements_;
};

// [from][to]: bytes that ranks of the group send each other. A slot takes its expert from a rank
// that held it before: the same node where possible (`ranks_per_node` consecutive ranks), then
// whoever has sent least.
std::vector<double> moved_bytes(const ExpertPlacement& before, const ExpertPlacement& after,
                                int experts, double bytes_per_expert, int ranks_per_node);

}  // namespace moesim
