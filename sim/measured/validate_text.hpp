// What the free-text columns of a measured row say: recompute, overlap, dispatcher and note hold
// the words of their sources. Each function reads one fact and leaves open what is not said; knows
// nothing of scenarios.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measured/measured_table.hpp"
#include "model/recompute.hpp"
#include "plan/plan.hpp"

namespace moesim {

std::string lowered(std::string_view text);
bool contains_any(const std::string& text, std::initializer_list<const char*> parts);

// Expert-parallel communication hidden behind another microbatch: "EP A2A overlap ON",
// "A2A_OVERLAP=0", "DualPipe F/B overlap", ... A text about other overlap only ("DP/PP overlap
// only") means off.
std::optional<bool> stated_ep_overlap(const MeasuredRow& row);

enum class StatedGraph { none, router, layers, step };  // router: gate and token bookkeeping only
std::optional<StatedGraph> stated_cuda_graph(const MeasuredRow& row);

struct StatedRecompute {
  RecomputePolicy policy;
  std::vector<std::string> unknown;  // words that name no module of the simulator
};
// "layernorm,moe_act", "mla_up_proj", "norm,act", "full", "none", ...; words in parentheses are
// remarks.
std::optional<StatedRecompute> stated_recompute(const MeasuredRow& row);

std::optional<Dispatcher> stated_dispatcher(const MeasuredRow& row);
std::optional<int> stated_communication_sms(const MeasuredRow& row);  // "HybridEP 32 SMs"

// Megatron-LM's pipeline layout in the note ("pp_layout=Et*4|(t*4|)*14tmL"), or "".
std::string stated_layout(const MeasuredRow& row);

enum class StatedRouting {
  open,             // not said
  forced,           // every token's experts are drawn at random ("force-balanced")
  natural,          // the router decides, with an auxiliary loss
  capacity_limited  // tokens beyond the capacity factor are dropped
};
StatedRouting stated_routing(const MeasuredRow& row);
std::optional<double> stated_capacity_factor(const MeasuredRow& row);

bool states_fsdp(const MeasuredRow& row);
bool states_no_mtp(const MeasuredRow& row);
std::optional<int> stated_accumulation(
    const MeasuredRow& row);  // microbatches per device and step: "GA=8", "GA 1"

}  // namespace moesim
