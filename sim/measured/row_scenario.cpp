#include "measured/row_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/diagnostics.hpp"
#include "base/spelling.hpp"
#include "config/consistency.hpp"
#include "config/tree.hpp"
#include "measured/vocabulary.hpp"
#include "plan/uneven_layout.hpp"

namespace moesim {
namespace {

// The text of a scenario file in the making.
class ScenarioText {
 public:
  template <class Value>
  void state(const std::string& section, const std::string& key, const Value& value) {
    sections_[section][key] = fmt::format("{}", value);
  }
  void state(const std::string& section, const std::string& key, const std::string& text) {
    sections_[section][key] = quoted_yaml(text);
  }
  void state(const std::string& section, const std::string& key, const char* text) {
    state(section, key, std::string(text));
  }
  void state_list(const std::string& section, const std::string& key,
                  const std::vector<const char*>& words) {
    sections_[section][key] = fmt::format("[{}]", fmt::join(words, ", "));
  }
  bool states(const std::string& section, const std::string& key) const {
    const auto found = sections_.find(section);
    return found != sections_.end() && found->second.count(key);
  }
  std::string text(const std::string& name) const {
    std::string text = fmt::format("name: {}\n", quoted_yaml(name));
    for (const auto& [section, keys] : sections_) {
      text += section + ":\n";
      for (const auto& [key, value] : keys) text += fmt::format("  {}: {}\n", key, value);
    }
    return text;
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> sections_;
};

class RowReader {
 public:
  RowReader(const MeasuredRow& row, const std::string& platform, const SearchPath& search,
            const Files& files, const std::vector<std::string>& sets)
      : row_(row), platform_(platform), search_(search), files_(files), sets_(row.set) {
    sets_.insert(sets_.end(), sets.begin(), sets.end());
  }

  RowScenario read() {
    if (result_.reason = missing(); !result_.reason.empty()) return std::move(result_);
    state_sizes();
    state_mapping();
    state_numerics();
    state_communication();
    state_routing();
    if (!load()) return std::move(result_);
    state_what_depends_on_others();
    if (!load()) return std::move(result_);
    tell_assumptions();
    Problems problems;
    check_consistency(loaded_.scenario, {}, problems);
    if (!problems.empty()) result_.reason = problems.items().front().message;
    result_.scenario = std::move(loaded_.scenario);
    return std::move(result_);
  }

 private:
  const std::string& platform_name() const { return platform_.empty() ? row_.gpu : platform_; }
  void assume(std::string text) { result_.assumptions.push_back(std::move(text)); }
  const Scenario& scenario() const { return loaded_.scenario; }

  std::string missing() const {
    for (const auto& [value, name] :
         {std::pair(row_.num_gpus, "num_gpus"), std::pair(row_.seq_len, "seq_len"),
          std::pair(row_.gbs, "gbs")})
      if (value == 0) return fmt::format("{} is empty", name);
    if (row_.tp == 0 && row_.pp == 0 && row_.ep == 0) return "tp, pp and ep are empty";
    if (const std::string name = platform_name(); is_wafer_platform(name, search_, files_))
      return fmt::format("\"{}\" is a wafer system: this needs a pod of GPUs", name);
    if (!row_.precision.empty() && read_precision(row_.precision, false).recipe.empty())
      return fmt::format("precision {} is not known", row_.precision);
    return "";
  }

  void state_sizes();
  void state_mapping();
  void state_numerics();
  void state_communication();
  void state_dispatcher();
  void state_graph(const std::optional<GraphWord>& in_overlap);
  void state_routing();
  bool load();
  bool is_open(const std::string& key) const;
  void state_what_depends_on_others();
  void state_layout();
  void tell_assumptions();

  const MeasuredRow& row_;
  const std::string& platform_;
  const SearchPath& search_;
  const Files& files_;
  std::vector<std::string> sets_;
  ScenarioText text_;
  ResolvedScenario loaded_;
  RowScenario result_;
};

void RowReader::state_sizes() {
  text_.state("workload", "base", row_.model);
  if (row_.mtp != MeasuredRow::kOpen) text_.state("workload", "mtp_layers", row_.mtp);
  text_.state("platform", "base", platform_name());
  text_.state("platform", "gpus", row_.num_gpus);
  text_.state("batch", "global_batch", row_.gbs);
  text_.state("batch", "sequence_length", row_.seq_len);
  text_.state("batch", "micro_batch", std::max(1, row_.mbs));
}

void RowReader::state_mapping() {
  text_.state("plan", "framework", row_.framework.empty() ? kNeutralFramework : row_.framework);
  int vpp = row_.vpp, cp = row_.cp;
  if (row_.pp <= 1 && vpp > 1) {
    assume("vpp without a pipeline has no effect");
    vpp = 1;
  }
  const int stated = std::max(1, row_.tp) * std::max(1, row_.pp) * row_.dp;
  if (cp == 0 && stated > 0 && row_.num_gpus % stated == 0 && row_.num_gpus > stated) {
    cp = row_.num_gpus / stated;
    assume(fmt::format("tp x pp x dp leaves {} devices per sequence: context parallel", cp));
  }
  for (const auto& [value, key] :
       {std::pair(row_.tp, "tp"), std::pair(row_.pp, "pp"), std::pair(vpp, "vpp"),
        std::pair(cp, "cp"), std::pair(row_.ep, "ep"), std::pair(row_.etp, "etp")})
    if (value > 0) text_.state("plan", key, value);
  if (vpp > 1) text_.state("plan", "schedule", spelling(ScheduleKind::interleaved));
  if (!row_.layout.empty()) text_.state("plan", "layout", row_.layout);
  if (row_.zero != MeasuredRow::kOpen) text_.state("plan", "zero_stage", row_.zero);
}

void RowReader::state_numerics() {
  if (!row_.precision.empty())
    text_.state("plan", "precision", read_precision(row_.precision, false).recipe);
  if (row_.recompute.empty()) return;
  const RecomputeWords words = read_recompute(row_.recompute);
  std::vector<const char*> modules;
  for (const RecomputeModule module : words.policy.modules) modules.push_back(spelling(module));
  text_.state("plan", "recompute", spelling(words.policy.kind));
  if (!modules.empty()) text_.state_list("plan", "recompute_modules", modules);
  std::vector<const char*> keeps;
  for (const RecomputeKeep keep : words.policy.keeps) keeps.push_back(spelling(keep));
  if (!keeps.empty()) text_.state_list("plan", "recompute_keeps", keeps);
  for (const std::string& word : words.unknown) assume("not modelled: " + word);
}

void RowReader::state_communication() {
  const OverlapWords words = read_overlap(row_.overlap);
  if (words.dualpipe) text_.state("plan", "schedule", spelling(ScheduleKind::dualpipe));
  if (words.ep && row_.ep > 1) text_.state("plan", "ep_overlap", *words.ep);
  if (words.delay_wgrad) text_.state("plan", "delay_wgrad", *words.delay_wgrad);
  for (const std::string& phrase : words.unknown) assume("not modelled: " + phrase);
  state_graph(words.graph);
  if (row_.ep > 1) state_dispatcher();
}

void RowReader::state_graph(const std::optional<GraphWord>& in_overlap) {
  const auto graph = row_.cuda_graph.empty() ? in_overlap : read_graph(row_.cuda_graph);
  if (!graph) return;
  text_.state("plan", "cuda_graph", *graph != GraphWord::none);
  if (*graph == GraphWord::none) return;
  const GraphScope scope = *graph == GraphWord::router   ? GraphScope::router
                           : *graph == GraphWord::layers ? GraphScope::layers
                                                         : GraphScope::step;
  text_.state("plan", "cuda_graph_scope", spelling(scope));
}

void RowReader::state_dispatcher() {
  const DispatcherWords words = read_dispatcher(row_.dispatcher);
  if (words.dispatcher) text_.state("plan", "dispatcher", spelling(*words.dispatcher));
  if (words.communication_sms) text_.state("plan", "communication_sms", *words.communication_sms);
  if (!words.unknown.empty()) assume("not modelled: dispatcher " + words.unknown);
}

// A factor of 1 lets no expert exceed the mean: the busiest ranks have it, and padding gives it to
// the others. With a larger one the busiest are cut, and what the others have decides.
void RowReader::state_routing() {
  if (row_.capacity_factor > 0 && row_.capacity_factor <= 1) {
    text_.state("routing", "base", spelling(RoutingKind::balanced));
    if (row_.capacity_factor < 1) text_.state("routing", "capacity_factor", row_.capacity_factor);
    return assume(fmt::format("tokens dropped at capacity factor {}: every expert computes {}",
                              row_.capacity_factor,
                              row_.capacity_factor < 1 ? "that of the mean" : "the mean"));
  }
  if (row_.capacity_factor > 1) text_.state("routing", "capacity_factor", row_.capacity_factor);
  if (!row_.routing.empty()) text_.state("routing", "base", row_.routing);
}

// Returns whether there is a scenario. Settings at fault are the caller's, or an error of the
// table; anything else is the row's reason.
bool RowReader::load() {
  const std::string name = fmt::format("{} {} x {}", row_.model, row_.num_gpus, row_.gpu);
  // Beside no folder, so that files which cells name are relative to the working directory.
  const std::string file =
      fmt::format("{}:{}", std::filesystem::path(row_.table).filename().string(), row_.line);
  try {
    const MemoryFiles texts({{file, text_.text(name)}}, &files_);
    loaded_ = load_unchecked_scenario(file, sets_, search_, texts);
  } catch (const InputError& error) {
    const std::string set_prefix = "--set ";
    Problems at_fault;
    for (const Problem& problem : error.problems().items()) {
      if (!problem.place.file.starts_with(set_prefix)) continue;
      const std::string set = problem.place.file.substr(set_prefix.size());
      const bool own = std::count(row_.set.begin(), row_.set.end(), set) > 0;
      at_fault.add(own ? row_.set_place : problem.place,
                   own && problem.path.empty() ? "set" : problem.path, problem.message);
    }
    if (!at_fault.empty()) throw InputError(at_fault);
    result_.reason = error.problems().items().front().message;
    return false;
  }
  return true;
}

// Neither the row nor a profile nor a setting says it.
bool RowReader::is_open(const std::string& key) const {
  const auto source = loaded_.sources.find(key);
  return source == loaded_.sources.end() || source->second.origin == "default";
}

void RowReader::state_what_depends_on_others() {
  const Pod& pod = scenario().platform.pod();
  if (!row_.precision.empty()) {  // again: the device decides between granularities
    const PrecisionWord word = read_precision(row_.precision, pod.device.peak_fp4_flops > 0);
    text_.state("plan", "precision", word.recipe);
    if (!word.choice.empty()) assume(word.choice);
  }
  // Jobs take whole trays from each rack: 64 of 72 GPUs for the powers of two that are common.
  if (pod.gpus > pod.gpus_per_node && pod.gpus % pod.gpus_per_node != 0) {
    int segment = pod.gpus_per_node;
    while (pod.gpus % segment != 0) --segment;
    assume(fmt::format("{} of the {} GPUs of each NVLink domain are used", segment,
                       pod.gpus_per_node));
    text_.state("platform", "gpus_per_node", segment);
  }
  const bool moe = scenario().workload.experts > 0;
  if (moe && is_open("routing.kind")) {
    const bool cut = row_.capacity_factor > 1;
    text_.state("routing", "base", cut ? "natural" : "uniform");
    assume(cut ? "routing not stated: natural, as tokens beyond the capacity factor are dropped"
               : "routing not stated: random, every expert equally likely");
  }
  state_layout();
}

void RowReader::state_layout() {
  const Plan& plan = scenario().plan;
  if (!plan.layout.empty()) return;
  const ModelShape& shape = scenario().workload;
  const int chunks = plan.pp * plan.vpp;
  const std::string layout = uneven_layout(shape, chunks);
  if (layout.empty()) return;
  text_.state("plan", "layout", layout);
  assume(fmt::format("{} layers in {} chunks, as Megatron cuts them: {}", shape.layers, chunks,
                     (shape.layers + 2) % chunks == 0 ? "embedding and loss count as layers"
                                                      : "the last chunk has fewer"));
}

void RowReader::tell_assumptions() {
  const Plan& plan = scenario().plan;
  if (row_.framework.empty()) assume("framework not stated: neutral");
  if (!loaded_.framework.note.empty()) assume(loaded_.framework.note);
  for (const FrameworkValue& value : loaded_.framework.values) assume(value.sentence());
  if (is_open("plan.precision"))
    assume(fmt::format("precision not stated: {}", spelling(plan.precision)));
  if (is_open("plan.recompute"))
    assume(fmt::format("recompute not stated: {}", spelling(plan.recompute)));
  if (is_open("plan.cuda_graph")) assume("CUDA graphs not stated: none");
  if (plan.ep > 1 && !traits(plan.schedule).dual && is_open("plan.ep_overlap"))
    assume("overlap of expert-parallel communication not stated: none");
  if (plan.ep > 1 && is_open("plan.dispatcher"))
    assume(fmt::format("dispatcher not stated: {}", traits(plan.dispatcher).title));
  if (is_open("plan.zero_stage")) assume(fmt::format("ZeRO not stated: stage {}", plan.zero_stage));
  if (text_.states("routing", "base"))
    if (const RoutingSpec& routing = scenario().routing; routing.kind == RoutingKind::dirichlet)
      assume(fmt::format("routing {}: Dirichlet popularity of concentration {} ({})", row_.routing,
                         routing.concentration,
                         loaded_.sources.at("routing.concentration").origin));
  for (const std::string& column : row_.inferred)
    assume(column + " is not printed: as the table infers it");
  for (const std::string& set : sets_) assume(set);
}

}  // namespace

RowScenario scenario_of_row(const MeasuredRow& row, const std::string& platform,
                            const SearchPath& search, const Files& files,
                            const std::vector<std::string>& sets) {
  return RowReader(row, platform, search, files, sets).read();
}

}  // namespace moesim
