#include "lower/routed_work.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "lower/collectives.hpp"
#include "lower/token_exchange.hpp"

namespace moesim {

// Slots of a template by layer and routed group, so that each token matrix is drawn once per
// instance.
struct RoutedWork::Template {
  TemplateDraws draws;
  struct Item {
    uint8_t lane = 0;
    uint16_t layer = 0;
    int group = 0;
    std::vector<uint32_t> compute, transfers;
  };
  std::vector<Item> items;
};

RoutingShape routing_shape(const ModelShape& model, const Plan& plan, const Shard& shard,
                           int gpus_per_node) {
  RoutingShape shape;
  shape.sources = plan.ep;
  shape.tokens_per_source = static_cast<int64_t>(shard.local_tokens()) * plan.etp;
  shape.experts = model.experts;
  shape.top_k = model.top_k;
  shape.n_group = model.n_group;
  shape.topk_group = model.topk_group;
  shape.ranks = plan.ep;
  shape.ranks_per_node = std::max(1, gpus_per_node / plan.etp);
  return shape;
}

RoutingShape routing_shape(const StepContext& context) {
  return routing_shape(context.model, context.plan, context.shard, context.pod.gpus_per_node);
}

RoutedWork::RoutedWork(const StepContext& context, const Program& program,
                       std::vector<TemplateDraws> draws, uint64_t seed)
    : context_(context), program_(program) {
  if (context.model.experts == 0) return;
  for (int list = 0; list < kExpertKernelLists; ++list)
    kernel_lists_.push_back(expert_kernels(context, static_cast<ExpertKernels>(list)));
  const int layers = context.model.layers + context.model.mtp_layers;
  router_ = std::make_unique<Router>(context.input.routing, routing_shape(context), layers, seed);
  const int etp = context.plan.etp, ep = context.plan.ep;
  bool transfers = false;
  for (TemplateDraws& template_draws : draws) {
    Template entry;
    std::map<std::tuple<uint8_t, uint16_t, int>, Template::Item> items;
    const auto item = [&](uint8_t lane, uint16_t layer, int group) -> Template::Item& {
      Template::Item& found = items[{lane, layer, group}];
      found.lane = lane;
      found.layer = layer;
      found.group = group;
      return found;
    };
    for (uint32_t i = 0; i < template_draws.compute.size(); ++i) {
      const DrawnCompute& draw = template_draws.compute[i];
      item(draw.lane, draw.layer, static_cast<int>(draw.rank) / (ep * etp)).compute.push_back(i);
    }
    for (uint32_t i = 0; i < template_draws.transfers.size(); ++i) {
      const DrawnTransfer& draw = template_draws.transfers[i];
      item(draw.lane, draw.layer, static_cast<int>(draw.group) / etp).transfers.push_back(i);
    }
    transfers = transfers || !template_draws.transfers.empty();
    for (auto& [key, found] : items) entry.items.push_back(std::move(found));
    entry.draws = std::move(template_draws);
    templates_.push_back(std::move(entry));
  }
  const int cells = transfers ? context.plan.pp * context.mapping.simulated_cells : 0;
  for (int cell = 0; cell < cells; ++cell)
    for (const std::vector<int>& group : context.expert)
      all_to_alls_.emplace_back(context.fabric, cell * context.mapping.cell, group);
}

RoutedWork::~RoutedWork() = default;

// `layer` counts within the template.
void RoutedWork::sample(const Block& block, int lane, int layer, int group,
                        RoutedTokens& tokens) const {
  router_->sample(first_layer_of(block, lane) + layer, static_cast<int>(microbatch_of(block, lane)),
                  cell_of(block, group), tokens);
}

// Each token matrix counts as often as blocks compute with it, so that blocks of weight gradients
// weigh as much as those of a whole backward pass.
LoadStatistics RoutedWork::statistics() const {
  if (!router_) return LoadStatistics();
  std::map<std::tuple<int, int, int>, int> uses;  // of layer, microbatch, cell
  for (const Block& block : program_.blocks)
    for (const Template::Item& item : templates_[block.graph].items)
      ++uses[{first_layer_of(block, item.lane) + item.layer,
              static_cast<int>(microbatch_of(block, item.lane)), cell_of(block, item.group)}];
  const int ranks = context_.plan.ep;
  LoadStatistics loads(context_.model.layers + context_.model.mtp_layers, ranks);
  RoutedTokens tokens;
  std::vector<double> rows(ranks);
  for (const auto& [key, times] : uses) {
    const auto [layer, microbatch, cell] = key;
    router_->sample(layer, microbatch, cell, tokens);
    for (int rank = 0; rank < ranks; ++rank)
      rows[rank] = static_cast<double>(tokens.rank_rows(rank));
    loads.add(layer, tokens.overload_factor(), rows, times);
  }
  return loads;
}

LoadStatistics::LoadStatistics(int layers, int ranks)
    : layer_sum(layers, 0), layer_samples(layers, 0), rank_rows(layers, std::vector(ranks, 0.0)) {}

void LoadStatistics::add(int layer, double overload, std::span<const double> rows, int times) {
  overload_sum += overload * times;
  samples += times;
  layer_sum[layer] += overload * times;
  layer_samples[layer] += times;
  for (size_t rank = 0; rank < rows.size(); ++rank) rank_rows[layer][rank] += rows[rank] * times;
}

double LoadStatistics::overload_of(std::span<const int> layers) const {
  std::vector<double> rows;
  for (int layer : layers) {
    if (layer_samples.empty() || layer_samples[layer] == 0) continue;
    rows.resize(rank_rows[layer].size(), 0);
    for (size_t rank = 0; rank < rows.size(); ++rank)
      rows[rank] += rank_rows[layer][rank] / static_cast<double>(layer_samples[layer]);
  }
  const double total = std::accumulate(rows.begin(), rows.end(), 0.0);
  return total > 0 ? *std::max_element(rows.begin(), rows.end()) *
                         static_cast<double>(rows.size()) / total
                   : 1;
}

std::vector<Flow> RoutedWork::flows(const Block& block, const Task& transfer) const {
  const DrawnTransfer& draw = templates_[block.graph].draws.transfers[transfer.draw];
  const int group = static_cast<int>(draw.group) / context_.plan.etp;
  std::vector<Flow> flows;
  double fixed_s = 0;
  Scratch scratch;
  sample(block, draw.lane, draw.layer, group, scratch.tokens);
  fill_transfer(block, draw, scratch, flows, fixed_s);
  return flows;
}

const AllToAll& RoutedWork::all_to_all(const Block& block, uint32_t group) const {
  const size_t cell = block.first_rank / context_.mapping.cell;
  return all_to_alls_[cell * context_.expert.size() + group];
}

void RoutedWork::fill(const Block& block, const TaskGraph&, InstanceData& out) const {
  const Template& entry = templates_[block.graph];
  Scratch scratch;
  for (const Template::Item& item : entry.items) {
    sample(block, item.lane, item.layer, item.group, scratch.tokens);
    fill_compute(entry.draws, item.compute, item.group, scratch, out);
    for (uint32_t index : item.transfers)
      fill_transfer(block, entry.draws.transfers[index], scratch, out.flows[index],
                    out.fixed_s[index]);
  }
}

// Ranks of an expert tensor group hold slices of the same experts and get the same rows.
void RoutedWork::fill_compute(const TemplateDraws& draws, const std::vector<uint32_t>& which,
                              int group, Scratch& scratch, InstanceData& out) const {
  const int etp = context_.plan.etp, first = group * context_.plan.ep * etp;
  for (uint32_t index : which) {
    const DrawnCompute& draw = draws.compute[index];
    const int member = (static_cast<int>(draw.rank) - first) / etp;
    const auto rows = scratch.tokens.rows_of_rank(member);
    const int multiple = context_.input.routing.pad_rows_to;
    if (multiple <= 1) {
      out.seconds[index] =
          context_.cost.seconds(kernel_lists_[draw.kernels], rows, draw.more_host_s);
      continue;
    }
    scratch.rows.assign(rows.begin(), rows.end());
    for (int& count : scratch.rows) count = padded_rows(count, multiple);
    out.seconds[index] =
        context_.cost.seconds(kernel_lists_[draw.kernels], scratch.rows, draw.more_host_s);
  }
}

void RoutedWork::fill_transfer(const Block& block, const DrawnTransfer& draw, Scratch& scratch,
                               std::vector<Flow>& flows, double& fixed_s) const {
  flows.clear();
  const Plan& plan = context_.plan;
  const AllToAll& group = all_to_all(block, draw.group);
  const CollectiveAlgorithm algorithm =
      exchange_algorithm(plan.dispatcher, plan.all_to_all, group.size());
  const double bytes =
      draw.token_bytes / plan.etp;  // each member of an ETP group sends its own tokens
  ExchangeBytes& sent = scratch.sent;
  fill_exchange(algorithm, group, scratch.tokens, router_->shape(), bytes, draw.reverse, sent);
  if (algorithm != CollectiveAlgorithm::closed_form)
    return add_exchange(algorithm, group, sent, flows);
  const Transfer rates = context_.exchange_rates(group, draw.token_bytes);
  fixed_s = group.port_bound_s(sent.to_rank, rates.nvlink_rate, rates.nic_rate);
}

}  // namespace moesim
