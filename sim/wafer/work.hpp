// Amounts of a weight-streaming step that the routing decides, drawn when a block is instantiated:
// which experts are streamed (those that received a token on any wafer), their gradients and
// updates, and the seconds of their GEMMs on each wafer from the rows that reach them there.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "lower/routed_work.hpp"
#include "routing/routing.hpp"
#include "wafer/template.hpp"

namespace moesim {

class WaferWork : public InstanceSource {
 public:
  // `draws[i]` belongs to the program's i-th template. The context must outlive this.
  WaferWork(const WaferContext& context, std::vector<WaferDraws> draws, uint64_t seed);

  void fill(const Block& block, const TaskGraph& graph, InstanceData& out) const override;
  // Returns the flows of one drawn transfer, as fill() writes them.
  std::vector<Flow> flows(const Block& block, const Task& transfer) const;
  // Returns the loads of experts: the most loaded one over the mean, for each simulated wafer.
  // Experts are not spread over wafers, so this is what uneven routing costs. Draws every
  // microbatch of every layer once: call it once.
  LoadStatistics statistics() const;
  void disturb(Disturbance disturbance) { disturbance_ = std::move(disturbance); }
  double stretch(BlockId id, const Block& block, TaskId task_id, const Task& task) const override {
    return disturbance_.stretch(id, block, task_id, task);
  }

 private:
  // The tokens of one layer and microbatch.
  struct Drawn {
    std::vector<std::vector<int>> rows;  // [simulated wafer][expert]
    std::vector<bool> sent;              // [expert]: some wafer needs it
  };
  Drawn draw(int layer, uint32_t microbatch) const;
  void fill_flows(const WaferDrawnTransfer& draw, const Drawn& drawn,
                  std::vector<Flow>& flows) const;

  const WaferContext& context_;
  std::vector<WaferDraws> draws_;
  std::vector<int> drawn_wafers_;                   // the simulated ones first
  std::map<int, std::unique_ptr<Router>> routers_;  // by sequences of the microbatch
  Disturbance disturbance_;
};

}  // namespace moesim
