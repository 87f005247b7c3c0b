// The words of a measured row's columns, as docs/formats/tables.md lists them. Each function takes
// one cell and returns what its words mean, and those that it does not know, so that they can be
// named. Knows nothing of sources, of other cells, or of scenarios.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/recompute.hpp"
#include "plan/plan.hpp"

namespace moesim {

// Says what a CUDA graph holds; router: gate and bookkeeping of tokens only.
enum class GraphWord { none, router, layers, step };
// Returns nothing for a word that is none of none, router, layers and step.
std::optional<GraphWord> read_graph(const std::string& text);

struct RecomputeWords {
  RecomputePolicy policy;
  std::vector<std::string> unknown;  // name no module of the simulator
};
// "layernorm,moe_act", "full", "none", ...; text in parentheses is a remark.
RecomputeWords read_recompute(const std::string& text);

struct OverlapWords {
  std::optional<bool> ep;           // expert-parallel communication behind another microbatch
  std::optional<bool> delay_wgrad;  // weight gradients while a layer's gradients travel
  bool dualpipe = false;            // the schedule
  std::optional<GraphWord> graph;   // tables without a column cuda_graph say it here
  std::vector<std::string> unknown;
};
// "ep", "none", "dp,pp", "EP A2A overlap OFF; no CUDA graph", ...: phrases of a subject and what is
// said of it. A text that speaks of other subjects only means that ep is false.
OverlapWords read_overlap(const std::string& text);

struct DispatcherWords {
  std::optional<Dispatcher> dispatcher;
  std::optional<int> communication_sms;
  std::string unknown;  // the words that it does not know, as they follow each other
};
// "nccl", "deepep", "hybridep 32 SMs", "allgather", "none" (which leaves it open), ...
DispatcherWords read_dispatcher(const std::string& text);

// The value of plan.precision, "" for a word that is none. `choice`: the word leaves the recipe
// open, and this is what was chosen. The alternative granularity of FP8 depends on the device:
// MXFP8 where it has 4-bit units (and with them scales per 32 elements), else block-wise.
struct PrecisionWord {
  std::string recipe;
  std::string choice;
};
PrecisionWord read_precision(const std::string& text, bool has_fp4);

}  // namespace moesim
