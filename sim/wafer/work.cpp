#include "wafer/work.hpp"

#include <algorithm>
#include <numeric>

#include "model/parameters.hpp"
#include "wafer/device_model.hpp"

namespace moesim {

namespace {

// Wafers whose tokens are drawn to see which experts are used: with more, no expert is likely to be
// left out.
constexpr int kMostDrawnWafers = 64;

// Counts the experts among these that are sent.
int count_sent(const std::vector<bool>& sent, int first_expert, int experts) {
  const auto first = sent.begin() + first_expert;
  return static_cast<int>(std::count(first, first + experts, true));
}

// Returns the most loaded expert over the mean one; 1 without tokens.
double overload_of(std::span<const int> rows) {
  const double total = std::accumulate(rows.begin(), rows.end(), 0.0);
  const double most = *std::max_element(rows.begin(), rows.end());
  return total > 0 ? most * static_cast<double>(rows.size()) / total : 1;
}

}  // namespace

WaferWork::WaferWork(const WaferContext& context, std::vector<WaferDraws> draws, uint64_t seed)
    : context_(context), draws_(std::move(draws)), drawn_wafers_(context.chosen.wafers) {
  const ModelShape& model = context.model;
  for (int wafer = 0; wafer < context.system.systems; ++wafer)
    if (static_cast<int>(drawn_wafers_.size()) < kMostDrawnWafers &&
        !is_lost(context.system, context.input.faults, wafer) &&
        !std::binary_search(context.chosen.wafers.begin(), context.chosen.wafers.end(), wafer))
      drawn_wafers_.push_back(wafer);
  if (model.experts == 0) return;
  for (const int sequences : context.plan.microbatches) {
    auto& router = routers_[sequences];
    if (router) continue;
    RoutingShape shape;
    shape.sources = shape.ranks = 1;
    shape.tokens_per_source = static_cast<int64_t>(context.shard(sequences).local_tokens());
    shape.experts = model.experts;
    shape.top_k = model.top_k;
    shape.n_group = model.n_group;
    shape.topk_group = model.topk_group;
    router = std::make_unique<Router>(context.input.routing, shape, context.layers(), seed);
  }
}

// An expert is streamed to all wafers if any of them needs it, simulated or not. Wafers beyond the
// simulated ones are drawn only until no expert is missing.
WaferWork::Drawn WaferWork::draw(int layer, uint32_t microbatch) const {
  const Router& router = *routers_.at(context_.plan.microbatches[microbatch]);
  const int experts = context_.model.experts, simulated = context_.fabric.wafers;
  Drawn drawn{std::vector<std::vector<int>>(simulated), std::vector<bool>(experts, false)};
  const int wafers = static_cast<int>(drawn_wafers_.size());
  int missing = experts;
  RoutedTokens tokens;
  for (int wafer = 0; wafer < wafers && (wafer < simulated || missing > 0); ++wafer) {
    router.sample(layer, static_cast<int>(microbatch), drawn_wafers_[wafer], tokens);
    for (int expert = 0; expert < experts; ++expert) {
      if (tokens.counts[expert] == 0 || drawn.sent[expert]) continue;
      drawn.sent[expert] = true;
      --missing;
    }
    if (wafer < simulated) drawn.rows[wafer].assign(tokens.counts.begin(), tokens.counts.end());
  }
  return drawn;
}

LoadStatistics WaferWork::statistics() const {
  LoadStatistics loads(context_.layers(), 0);
  RoutedTokens tokens;
  for (int layer = 0; layer < context_.layers(); ++layer) {
    if (!has_experts(context_.model, layer)) continue;
    for (size_t microbatch = 0; microbatch < context_.plan.microbatches.size(); ++microbatch)
      for (const int wafer : context_.chosen.wafers) {
        routers_.at(context_.plan.microbatches[microbatch])
            ->sample(layer, static_cast<int>(microbatch), wafer, tokens);
        loads.add(layer, overload_of(tokens.counts));
      }
  }
  return loads;
}

void WaferWork::fill_flows(const WaferDrawnTransfer& draw, const Drawn& drawn,
                           std::vector<Flow>& flows) const {
  flows.clear();
  const double bytes =
      draw.bytes_per_expert * count_sent(drawn.sent, draw.first_expert, draw.experts);
  if (bytes <= 0) return;
  for (const Hop& hop : draw.up ? context_.fabric.up : context_.fabric.down)
    flows.push_back({hop.source, hop.target, bytes});
}

void WaferWork::fill(const Block& block, const TaskGraph&, InstanceData& out) const {
  const Drawn drawn = draw(block.first_layer, block.microbatch);
  const WaferDraws& draws = draws_[block.graph];
  for (size_t i = 0; i < draws.computes.size(); ++i) {
    const WaferDrawnCompute& draw = draws.computes[i];
    if (draw.kernels < 0) {
      out.seconds[i] =
          draw.seconds_per_expert * count_sent(drawn.sent, draw.first_expert, draw.experts);
      continue;
    }
    const std::span<const int> rows =
        std::span(drawn.rows[draw.wafer]).subspan(draw.first_expert, draw.experts);
    out.seconds[i] = 0;
    for (const Kernel& kernel : draws.kernels[draw.kernels])
      out.seconds[i] += wafer_kernel_seconds(context_.system.wafer, kernel, rows);
  }
  if (stands_for_others()) fill_slowest(block, out);
  for (size_t i = 0; i < draws.transfers.size(); ++i)
    fill_flows(draws.transfers[i], drawn, out.flows[i]);
}

// Where faults choose the wafers that are simulated, the last of them is no sound one of many.
bool WaferWork::stands_for_others() const {
  const ChosenWafers& chosen = context_.chosen;
  const bool are_first = chosen.weights.empty() &&
                         chosen.wafers.back() + 1 == context_.fabric.wafers &&
                         context_.system.working() == context_.plan.systems;
  return are_first && context_.plan.systems > context_.fabric.wafers &&
         context_.model.experts > 0 && context_.input.routing.kind != RoutingKind::balanced;
}

// All wafers begin the experts of a block together. A piece is computed when it has arrived; it can
// be sent when all have used up the piece a window before it.
class WaferWork::Slowest {
 public:
  Slowest(const WaferContext& context, size_t wafers)
      : context_(context), done_(wafers, 0.0), link_(slowest_link(context.system)) {}

  // `seconds`: of this piece on each wafer. Returns those of the wafer that stands for them.
  double piece(double bytes, const std::vector<double>& seconds) {
    const double before = ends_.empty() ? 0 : ends_.back();
    double room = 0, waiting = bytes;
    for (size_t i = ends_.size(); i-- > 0;) {
      waiting += bytes_[i];
      if (waiting <= context_.system.prefetch_bytes) continue;
      room = ends_[i];
      break;
    }
    if (room > 0) arrived_ = std::max(arrived_, room) + bytes / link_;
    double last = 0;
    for (size_t wafer = 0; wafer < done_.size(); ++wafer) {
      done_[wafer] = std::max(done_[wafer], arrived_) + seconds[wafer];
      last = std::max(last, done_[wafer]);
    }
    ends_.push_back(last);
    bytes_.push_back(bytes);
    return std::max(0.0, last - std::max(before, arrived_));
  }

 private:
  static double slowest_link(const WaferSystem& system) {
    double least = std::min(system.memoryx.egress_bytes_per_s, system.wafer.io_bytes_per_s);
    const std::vector<double>& levels = system.swarmx.level_bytes_per_s;
    for (size_t level = 0; level < levels.size() && static_cast<int>(level) < swarmx_levels(system);
         ++level)
      least = std::min(least, levels[level]);
    return least;
  }

  const WaferContext& context_;
  std::vector<double> done_;          // by wafer
  std::vector<double> ends_, bytes_;  // by piece
  double link_ = 0, arrived_ = 0;
};

void WaferWork::fill_slowest(const Block& block, InstanceData& out) const {
  const WaferDraws& draws = draws_[block.graph];
  const auto last = static_cast<uint32_t>(context_.fabric.wafers) - 1;
  auto [found, is_new] = slowest_.try_emplace({block.graph, block.first_layer, block.microbatch});
  std::vector<double>& seconds = found->second;
  if (is_new) {
    const auto others = static_cast<size_t>(context_.plan.systems) - last;
    const Router& router = *routers_.at(context_.plan.microbatches[block.microbatch]);
    std::vector<std::vector<int>> rows(others);
    RoutedTokens tokens;
    for (size_t i = 0; i < others; ++i) {
      router.sample(block.first_layer, static_cast<int>(block.microbatch),
                    static_cast<int>(last + i), tokens);
      rows[i].assign(tokens.counts.begin(), tokens.counts.end());
    }
    Slowest slowest(context_, others);
    std::vector<double> of_wafer(others);
    for (const WaferDrawnCompute& draw : draws.computes) {
      if (draw.kernels < 0 || draw.wafer != last) continue;
      const auto first = static_cast<size_t>(draw.first_expert),
                 count = static_cast<size_t>(draw.experts);
      for (size_t i = 0; i < others; ++i) {
        of_wafer[i] = 0;
        for (const Kernel& kernel : draws.kernels[static_cast<size_t>(draw.kernels)])
          of_wafer[i] += wafer_kernel_seconds(context_.system.wafer, kernel,
                                              std::span(rows[i]).subspan(first, count));
      }
      const double expert =
          layer_parameters(context_.model, block.first_layer).experts / context_.model.experts;
      seconds.push_back(slowest.piece(context_.weight_bytes(0, expert) * draw.experts, of_wafer));
    }
  }
  size_t next = 0;
  for (size_t i = 0; i < draws.computes.size(); ++i)
    if (draws.computes[i].kernels >= 0 && draws.computes[i].wafer == last)
      out.seconds[i] = seconds[next++];
}

std::vector<Flow> WaferWork::flows(const Block& block, const Task& transfer) const {
  const Drawn drawn = draw(block.first_layer, block.microbatch);
  std::vector<Flow> flows;
  fill_flows(draws_[block.graph].transfers[transfer.draw], drawn, flows);
  return flows;
}

}  // namespace moesim
