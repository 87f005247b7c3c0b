// Amounts that the routing decides, drawn when a block is instantiated: seconds of the grouped
// GEMMs from the rows that reach each expert, flows of dispatch and combine from who sends how many
// tokens where.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/program.hpp"
#include "lower/all_to_all.hpp"
#include "lower/disturbance.hpp"
#include "lower/step_context.hpp"
#include "lower/template_builder.hpp"
#include "routing/routing.hpp"

namespace moesim {

// How unevenly the routing loads the ranks of a group, over the (layer, microbatch, group) of a
// step. The overload of one is its most loaded rank over the mean rank.
struct LoadStatistics {
  double overload_sum = 0;
  uint64_t samples = 0;
  std::vector<double> layer_sum;
  std::vector<uint64_t> layer_samples;
  std::vector<std::vector<double>> rank_rows;  // [layer][rank of the group]: sum over the samples

  explicit LoadStatistics(int layers = 0, int ranks = 0);
  // `rows` of each rank of the group; empty if only the overload is of interest. The sample counts
  // `times` times.
  void add(int layer, double overload, std::span<const double> rows = {}, int times = 1);
  // Rows of the rank that gets most over all these layers together, over the mean rank. Which rank
  // is hot differs from layer to layer, so that this, what memory has to hold, is less than the
  // mean of the layers' overloads.
  double overload_of(std::span<const int> layers) const;
  double overload_factor() const {
    return samples == 0 ? 1 : overload_sum / static_cast<double>(samples);
  }
};

RoutingShape routing_shape(const ModelShape& model, const Plan& plan, const Shard& shard,
                           int gpus_per_node);
RoutingShape routing_shape(const StepContext& context);

class RoutedWork : public InstanceSource {
 public:
  // `draws[i]` belongs to the program's i-th template. Context and program must outlive this.
  RoutedWork(const StepContext& context, const Program& program, std::vector<TemplateDraws> draws,
             uint64_t seed);
  ~RoutedWork() override;

  void fill(const Block& block, const TaskGraph& graph, InstanceData& out) const override;
  // Returns the flows of one drawn transfer, as fill() writes them.
  std::vector<Flow> flows(const Block& block, const Task& transfer) const;
  // Returns the loads of all blocks. Draws every token matrix of the step once: call it once.
  LoadStatistics statistics() const;
  void disturb(Disturbance disturbance) { disturbance_ = std::move(disturbance); }
  double stretch(BlockId id, const Block& block, TaskId task_id, const Task& task) const override {
    return disturbance_.stretch(id, block, task_id, task);
  }

 private:
  struct Template;
  // Memory of one call of fill(), which the drawn tasks of a block share.
  struct Scratch {
    RoutedTokens tokens;
    std::vector<int> rows;
    ExchangeBytes sent;
  };
  int cell_of(const Block& block, int group) const {
    return block.replica * context_.routed_groups() + group;
  }
  void sample(const Block& block, int lane, int layer, int group, RoutedTokens& tokens) const;
  void fill_compute(const TemplateDraws& draws, const std::vector<uint32_t>& which, int group,
                    Scratch& scratch, InstanceData& out) const;
  void fill_transfer(const Block& block, const DrawnTransfer& draw, Scratch& scratch,
                     std::vector<Flow>& flows, double& fixed_s) const;
  const AllToAll& all_to_all(const Block& block, uint32_t group) const;

  const StepContext& context_;
  const Program& program_;
  std::vector<Template> templates_;
  std::vector<Kernels> kernel_lists_;
  std::unique_ptr<Router> router_;
  std::vector<AllToAll> all_to_alls_;  // [stage and cell][group]; empty if nothing is routed
  Disturbance disturbance_;
};

}  // namespace moesim
