// Amounts of a weight-streaming step that the routing decides, drawn when a block is instantiated:
// which experts are streamed (those that received a token on any wafer), their gradients and
// updates, and the seconds of their GEMMs on each wafer from the rows that reach them there.
//
// Where not all wafers are simulated, the last simulated one stands for all others: gradients are
// summed over all, and weights make room once all have used them, so that everybody waits for the
// slowest of them, wherever it is.
#pragma once

#include <map>
#include <memory>
#include <tuple>
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
  // Whether the last simulated wafer is as slow as the slowest of those that are not.
  bool stands_for_others() const;
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
  // The experts of a block as one wafer would compute them that ends each piece together with the
  // last of many.
  class Slowest;
  void fill_slowest(const Block& block, InstanceData& out) const;
  void fill_flows(const WaferDrawnTransfer& draw, const Drawn& drawn,
                  std::vector<Flow>& flows) const;

  const WaferContext& context_;
  std::vector<WaferDraws> draws_;
  std::vector<int> drawn_wafers_;                   // the simulated ones first
  std::map<int, std::unique_ptr<Router>> routers_;  // by sequences of the microbatch
  Disturbance disturbance_;
  // Seconds of the wafer that stands for others, by template, layer and microbatch: the engine and
  // its oracle ask for the same.
  mutable std::map<std::tuple<uint32_t, int, uint32_t>, std::vector<double>> slowest_;
};

}  // namespace moesim
