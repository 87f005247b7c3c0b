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
  TemplateSlots slots;
  struct Item {
    uint8_t lane = 0;
    uint16_t layer = 0;
    int group = 0;
    std::vector<uint32_t> compute, transfers;
  };
  std::vector<Item> items;
};

RoutingShape routing_shape(const StepContext& context) {
  RoutingShape shape;
  shape.sources = context.plan.ep;
  shape.tokens_per_source = context.shard.local_tokens() * context.plan.etp;
  shape.experts = context.model.experts;
  shape.top_k = context.model.top_k;
  shape.n_group = context.model.n_group;
  shape.topk_group = context.model.topk_group;
  shape.ranks = context.plan.ep;
  shape.ranks_per_node = std::max(1, context.pod.gpus_per_node / context.plan.etp);
  return shape;
}

RoutedWork::RoutedWork(const StepContext& context, std::vector<TemplateSlots> slots, uint64_t seed)
    : context_(context) {
  if (context.model.experts == 0) return;
  for (int list = 0; list < kExpertKernelLists; ++list)
    kernel_lists_.push_back(expert_kernels(context, static_cast<ExpertKernels>(list)));
  const int layers = context.model.layers + context.model.mtp_layers;
  router_ = std::make_unique<Router>(context.input.routing, routing_shape(context), layers, seed);
  statistics_.layer_sum.assign(layers, 0);
  statistics_.layer_samples.assign(layers, 0);
  statistics_.rank_rows.assign(layers, std::vector<double>(context.plan.ep, 0.0));
  const int etp = context.plan.etp, ep = context.plan.ep;
  for (TemplateSlots& template_slots : slots) {
    Template entry;
    std::map<std::tuple<uint8_t, uint16_t, int>, Template::Item> items;
    const auto item = [&](uint8_t lane, uint16_t layer, int group) -> Template::Item& {
      Template::Item& found = items[{lane, layer, group}];
      found.lane = lane;
      found.layer = layer;
      found.group = group;
      return found;
    };
    for (uint32_t i = 0; i < template_slots.compute.size(); ++i) {
      const ComputeSlot& slot = template_slots.compute[i];
      item(slot.lane, slot.layer, static_cast<int>(slot.rank) / (ep * etp)).compute.push_back(i);
    }
    for (uint32_t i = 0; i < template_slots.transfers.size(); ++i) {
      const TransferSlot& slot = template_slots.transfers[i];
      item(slot.lane, slot.layer, static_cast<int>(slot.group) / etp).transfers.push_back(i);
    }
    for (auto& [key, found] : items) entry.items.push_back(std::move(found));
    entry.slots = std::move(template_slots);
    templates_.push_back(std::move(entry));
  }
  all_to_alls_.resize(static_cast<size_t>(context.plan.pp) * context.mapping.simulated_cells *
                      context.expert.size());
}

RoutedWork::~RoutedWork() = default;

// `layer` counts within the template.
const RoutedTokens& RoutedWork::sample(const Block& block, int lane, int layer, int group) {
  const int cell = block.replica * context_.routed_groups() + group;
  router_->sample(first_layer_of(block, lane) + layer, static_cast<int>(microbatch_of(block, lane)),
                  cell, tokens_);
  return tokens_;
}

void RoutedWork::count(int layer) {
  const double overload = tokens_.overload_factor();
  statistics_.overload_sum += overload;
  ++statistics_.samples;
  statistics_.layer_sum[layer] += overload;
  ++statistics_.layer_samples[layer];
  std::vector<double>& rows = statistics_.rank_rows[layer];
  for (size_t rank = 0; rank < rows.size(); ++rank)
    rows[rank] += static_cast<double>(tokens_.rank_rows(static_cast<int>(rank)));
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

std::vector<Flow> RoutedWork::flows(const Block& block, const Task& transfer) {
  const TransferSlot& slot = templates_[block.graph].slots.transfers[transfer.slot];
  const int group = static_cast<int>(slot.group) / context_.plan.etp;
  std::vector<Flow> flows;
  double fixed_s = 0;
  fill_transfer(block, slot, sample(block, slot.lane, slot.layer, group), flows, fixed_s);
  return flows;
}

const AllToAll& RoutedWork::all_to_all(const Block& block, uint32_t group) {
  const size_t cell = block.first_rank / static_cast<size_t>(context_.mapping.cell);
  auto& entry = all_to_alls_[cell * context_.expert.size() + group];
  if (!entry)
    entry = std::make_unique<AllToAll>(context_.fabric, static_cast<int>(block.first_rank),
                                       context_.expert[group]);
  return *entry;
}

void RoutedWork::fill(const Block& block, const TaskGraph&, InstanceData& out) {
  const Template& entry = templates_[block.graph];
  for (const Template::Item& item : entry.items) {
    const RoutedTokens& tokens = sample(block, item.lane, item.layer, item.group);
    count(first_layer_of(block, item.lane) + item.layer);
    fill_compute(entry.slots, item.compute, tokens, item.group, out);
    for (uint32_t index : item.transfers)
      fill_transfer(block, entry.slots.transfers[index], tokens, out.flows[index],
                    out.fixed_s[index]);
  }
}

// Ranks of an expert tensor group hold slices of the same experts and get the same rows.
void RoutedWork::fill_compute(const TemplateSlots& slots, const std::vector<uint32_t>& which,
                              const RoutedTokens& tokens, int group, InstanceData& out) {
  const int etp = context_.plan.etp, first = group * context_.plan.ep * etp;
  for (uint32_t index : which) {
    const ComputeSlot& slot = slots.compute[index];
    const int member = (static_cast<int>(slot.rank) - first) / etp;
    const auto rows = tokens.rows_of_rank(member);
    const int multiple = context_.input.routing.pad_rows_to;
    if (multiple <= 1) {
      out.seconds[index] =
          context_.cost.seconds(kernel_lists_[slot.kernels], rows, slot.more_host_s);
      continue;
    }
    rows_.assign(rows.begin(), rows.end());
    for (int& count : rows_) count = padded_rows(count, multiple);
    out.seconds[index] =
        context_.cost.seconds(kernel_lists_[slot.kernels], rows_, slot.more_host_s);
  }
}

void RoutedWork::fill_transfer(const Block& block, const TransferSlot& slot,
                               const RoutedTokens& tokens, std::vector<Flow>& flows,
                               double& fixed_s) {
  flows.clear();
  const Plan& plan = context_.plan;
  const AllToAll& group = all_to_all(block, slot.group);
  const CollectiveAlgorithm algorithm =
      exchange_algorithm(plan.dispatcher, plan.all_to_all, group.size());
  const double bytes =
      slot.token_bytes / plan.etp;  // each member of an ETP group sends its own tokens
  fill_exchange(algorithm, group, tokens, router_->shape(), bytes, slot.reverse, bytes_);
  if (algorithm != CollectiveAlgorithm::closed_form)
    return add_exchange(algorithm, group, bytes_, flows);
  const Transfer rates = context_.exchange_rates(group, slot.token_bytes);
  fixed_s = group.port_bound_s(bytes_.to_rank, rates.nvlink_rate, rates.nic_rate);
}

}  // namespace moesim
