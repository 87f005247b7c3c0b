#include "wafer/work.hpp"

#include <algorithm>

#include "wafer/device_model.hpp"

namespace moesim {

namespace {

// Wafers whose tokens are drawn to see which experts are used: with more, no expert is likely to be
// left out.
constexpr int kMostDrawnWafers = 64;

}  // namespace

WaferWork::WaferWork(const WaferContext& context, std::vector<WaferSlots> slots, uint64_t seed)
    : context_(context), slots_(std::move(slots)) {
  const ModelShape& model = context.model;
  statistics_.layer_sum.assign(context.layers(), 0);
  statistics_.layer_samples.assign(context.layers(), 0);
  rows_.resize(context.fabric.wafers);
  if (model.experts == 0) return;
  for (const int sequences : context.plan.microbatches) {
    auto& router = routers_[sequences];
    if (router) continue;
    RoutingShape shape;
    shape.sources = shape.ranks = 1;
    shape.tokens_per_source = context.shard(sequences).local_tokens();
    shape.experts = model.experts;
    shape.top_k = model.top_k;
    shape.n_group = model.n_group;
    shape.topk_group = model.topk_group;
    router = std::make_unique<Router>(context.input.routing, shape, context.layers(), seed);
  }
}

void WaferWork::sample(const Block& block) {
  const Router& router = *routers_.at(context_.plan.microbatches[block.microbatch]);
  sent_.assign(context_.model.experts, false);
  const int drawn =
      std::max(context_.fabric.wafers, std::min(context_.plan.systems, kMostDrawnWafers));
  int missing = context_.model.experts;
  for (int wafer = 0; wafer < drawn; ++wafer) {
    if (wafer >= context_.fabric.wafers && missing == 0) break;
    router.sample(block.first_layer, static_cast<int>(block.microbatch), wafer, tokens_);
    for (int expert = 0; expert < context_.model.experts; ++expert) {
      if (tokens_.counts[expert] == 0 || sent_[expert]) continue;
      sent_[expert] = true;
      --missing;
    }
    if (wafer < context_.fabric.wafers)
      rows_[wafer].assign(tokens_.counts.begin(), tokens_.counts.end());
  }
}

int WaferWork::sent(int first_expert, int experts) const {
  return static_cast<int>(
      std::count(sent_.begin() + first_expert, sent_.begin() + first_expert + experts, true));
}

void WaferWork::fill_flows(const WaferTransferSlot& slot, std::vector<Flow>& flows) const {
  flows.clear();
  const double bytes = slot.bytes_per_expert * sent(slot.first_expert, slot.experts);
  if (bytes <= 0) return;
  for (const Hop& hop : slot.up ? context_.fabric.up : context_.fabric.down)
    flows.push_back({hop.source, hop.target, bytes});
}

void WaferWork::fill(const Block& block, const TaskGraph&, InstanceData& out) {
  sample(block);
  const WaferSlots& slots = slots_[block.graph];
  for (const std::vector<int>& rows : rows_) {
    double total = 0;
    for (const int count : rows) total += count;
    const double most = *std::max_element(rows.begin(), rows.end());
    const double overload = total > 0 ? most * static_cast<double>(rows.size()) / total : 1;
    statistics_.overload_sum += overload;
    ++statistics_.samples;
    statistics_.layer_sum[block.first_layer] += overload;
    ++statistics_.layer_samples[block.first_layer];
  }
  for (size_t i = 0; i < slots.computes.size(); ++i) {
    const WaferComputeSlot& slot = slots.computes[i];
    if (slot.kernels < 0) {
      out.seconds[i] = slot.seconds_per_expert * sent(slot.first_expert, slot.experts);
      continue;
    }
    const std::span<const int> rows =
        std::span(rows_[slot.wafer]).subspan(slot.first_expert, slot.experts);
    out.seconds[i] = 0;
    for (const Kernel& kernel : slots.kernels[slot.kernels])
      out.seconds[i] += wafer_kernel_seconds(context_.system.wafer, kernel, rows);
  }
  for (size_t i = 0; i < slots.transfers.size(); ++i) fill_flows(slots.transfers[i], out.flows[i]);
}

std::vector<Flow> WaferWork::flows(const Block& block, const Task& transfer) {
  sample(block);
  std::vector<Flow> flows;
  fill_flows(slots_[block.graph].transfers[transfer.slot], flows);
  return flows;
}

}  // namespace moesim
