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
  // `slots[i]` belongs to the program's i-th template. The context must outlive this.
  WaferWork(const WaferContext& context, std::vector<WaferSlots> slots, uint64_t seed);

  void fill(const Block& block, const TaskGraph& graph, InstanceData& out) override;
  // Flows of one transfer with a slot, as fill() gave them.
  std::vector<Flow> flows(const Block& block, const Task& transfer);
  // Most loaded expert over the mean one: experts are not spread over wafers, so this is what
  // uneven routing costs.
  const LoadStatistics& statistics() const { return statistics_; }

 private:
  void sample(const Block& block);
  int sent(int first_expert, int experts) const;
  void fill_flows(const WaferTransferSlot& slot, std::vector<Flow>& flows) const;

  const WaferContext& context_;
  std::vector<WaferSlots> slots_;
  std::map<int, std::unique_ptr<Router>> routers_;  // by sequences of the microbatch
  RoutedTokens tokens_;
  std::vector<std::vector<int>> rows_;  // [simulated wafer][expert]
  std::vector<bool> sent_;              // [expert]
  LoadStatistics statistics_;
};

}  // namespace moesim
