#include "measured/vocabulary.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "base/spelling.hpp"
#include "base/text.hpp"

namespace moesim {
namespace {

using Words = std::vector<std::string>;

// The text without what stands in parentheses, which is appended to `remarks`.
std::string without_remarks(const std::string& text, Words& remarks) {
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    const size_t close = text[at] == '(' ? text.find(')', at) : std::string::npos;
    if (close == std::string::npos) {
      plain += text[at++];
      continue;
    }
    remarks.push_back(text.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  return plain;
}

// The enumerator that configuration spells so, or that `others` names.
template <class Enum>
std::optional<Enum> named(const std::string& word, const std::map<std::string, Enum>& others = {}) {
  for (const auto& spelled : enum_names(Enum{}))
    if (word == spelled.name) return spelled.value;
  const auto other = others.find(word);
  return other == others.end() ? std::nullopt : std::optional(other->second);
}

const std::map<std::string, RecomputeModule> kOtherModules{
    {"norm", RecomputeModule::layernorm},      {"rmsnorm", RecomputeModule::layernorm},
    {"up_proj", RecomputeModule::mla_up_proj}, {"mla up-proj", RecomputeModule::mla_up_proj},
    {"act", RecomputeModule::moe_act},         {"shared_expert", RecomputeModule::shared_experts},
};

// "full" may keep these, by the names that models' code gives the weights.
const std::map<std::string, RecomputeKeep> kKept{
    {"gate", RecomputeKeep::router},
    {"wo", RecomputeKeep::attention_projection},
    {"wkv_a", RecomputeKeep::latents},
};

// A word of an overlap phrase does this.
enum class Role {
  filler,
  yes,
  no,
  ep,
  wgrad,
  dualpipe,
  other,  // subjects that decide nothing here: the plan's defaults and the framework's rules hold
  graph,
  graph_step,
  graph_layers,
  graph_router,
};

const std::map<std::string, Role> kOverlapWords{
    {"overlap", Role::filler},
    {"comm", Role::filler},
    {"communication", Role::filler},
    {"only", Role::filler},
    {"1f1b", Role::filler},
    {"full", Role::filler},
    {"wgrad", Role::filler},
    {"reduce", Role::filler},
    {"gather", Role::filler},
    {"and", Role::filler},
    {"with", Role::filler},
    {"over", Role::filler},
    {"cuda", Role::filler},
    {"on", Role::yes},
    {"1", Role::yes},
    {"off", Role::no},
    {"no", Role::no},
    {"none", Role::no},
    {"0", Role::no},
    {"ep", Role::ep},
    {"a2a", Role::ep},
    {"alltoall", Role::ep},
    {"ep_comm", Role::ep},
    {"a2a_overlap", Role::ep},
    {"ep_overlap", Role::ep},
    {"delayed", Role::wgrad},
    {"delayed_wgrad", Role::wgrad},
    {"delay_wgrad", Role::wgrad},
    {"dualpipe", Role::dualpipe},
    {"dp", Role::other},
    {"pp", Role::other},
    {"tp", Role::other},
    {"cp", Role::other},
    {"grad", Role::other},
    {"param", Role::other},
    {"grad_reduce", Role::other},
    {"param_gather", Role::other},
    {"f", Role::ep},
    {"b", Role::filler},
    {"graph", Role::graph},
    {"full_iteration", Role::graph_step},
    {"iteration", Role::graph_step},
    {"transformer_engine", Role::filler},
    {"te", Role::filler},
    {"attn", Role::graph_layers},
    {"moe_router", Role::graph_router},
    {"router", Role::graph_router},
    {"moe_preprocess", Role::filler},
    {"preprocess", Role::filler},
};

// Roles of the words of one phrase; nothing when a word has none.
std::optional<std::set<Role>> roles_of(const std::string& phrase) {
  std::string text = phrase;
  std::replace(text.begin(), text.end(), '-', '_');
  std::set<Role> roles;
  for (const std::string& word : split(text, " /=")) {
    const auto found = kOverlapWords.find(word);
    if (found == kOverlapWords.end()) return std::nullopt;
    roles.insert(found->second);
  }
  return roles;
}

struct GraphPhrases {
  bool named = false, refused = false, step = false, layers = false, router = false;

  void add(const std::set<Role>& roles) {
    if (roles.count(Role::graph)) {
      named = true;
      refused = roles.count(Role::no) > 0;
    }
    step = step || roles.count(Role::graph_step);
    layers = layers || roles.count(Role::graph_layers);
    router = router || roles.count(Role::graph_router);
  }
  // A graph of which no more is said holds what layers have in common, as the widest that the
  // usual libraries capture without any change of the model.
  std::optional<GraphWord> word() const {
    if (!named) return std::nullopt;
    if (refused) return GraphWord::none;
    if (step) return GraphWord::step;
    return router && !layers ? GraphWord::router : GraphWord::layers;
  }
};

void take_phrase(const std::set<Role>& roles, OverlapWords& words, GraphPhrases& graph) {
  const bool yes = !roles.count(Role::no);
  const auto any = [&](std::initializer_list<Role> wanted) {
    return std::any_of(wanted.begin(), wanted.end(), [&](Role role) { return roles.count(role); });
  };
  const bool of_graph =
      any({Role::graph, Role::graph_step, Role::graph_layers, Role::graph_router});
  if (of_graph) graph.add(roles);
  if (roles.count(Role::wgrad)) words.delay_wgrad = yes;
  if (roles.count(Role::dualpipe)) {
    words.dualpipe = yes;
  } else if (roles.count(Role::ep) ||
             (!of_graph && !any({Role::wgrad, Role::other}) && any({Role::yes, Role::no}))) {
    words.ep = yes;  // "overlap ON", "none": no subject is said
  }
}

}  // namespace

std::optional<GraphWord> read_graph(const std::string& text) {
  static const std::map<std::string, GraphWord> words{{"none", GraphWord::none},
                                                      {"router", GraphWord::router},
                                                      {"layers", GraphWord::layers},
                                                      {"step", GraphWord::step}};
  const auto found = words.find(text);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

RecomputeWords read_recompute(const std::string& text) {
  RecomputeWords read;
  Words remarks;
  for (const std::string& word : split(without_remarks(lowercase(text), remarks), ",+;")) {
    if (word == "none") continue;
    if (word == "full") {
      read.policy = {Recompute::full, {}, {}};
      continue;
    }
    // "full, gate + wo saved": every part of the text behind "full" is something that is kept.
    if (read.policy.kind == Recompute::full) {
      const std::string kept = word.substr(0, word.find(" saved"));
      if (const auto keep = named(kept, kKept))
        read.policy.keeps.push_back(*keep);
      else
        read.unknown.push_back(word);
      continue;
    }
    if (word == "selective") {  // Megatron-LM's default of its modules
      read.policy.kind = Recompute::selective;
      read.policy.modules.push_back(RecomputeModule::core_attn);
      continue;
    }
    const auto module = named(word, kOtherModules);
    if (!module) {
      read.unknown.push_back(word);
    } else if (!read.policy.drops(*module)) {
      read.policy.kind = Recompute::selective;
      read.policy.modules.push_back(*module);
    }
  }
  return read;
}

OverlapWords read_overlap(const std::string& text) {
  OverlapWords words;
  GraphPhrases graph;
  Words remarks;
  for (const std::string& phrase : split(without_remarks(lowercase(text), remarks), ",;+")) {
    if (const auto roles = roles_of(phrase))
      take_phrase(*roles, words, graph);
    else
      words.unknown.push_back(phrase);
  }
  for (const std::string& remark : remarks)  // a remark counts where every word of it is known
    for (const std::string& phrase : split(remark, ",;+"))
      if (const auto roles = roles_of(phrase)) take_phrase(*roles, words, graph);
  words.graph = graph.word();
  if (!words.ep && !trim(text).empty() && !words.dualpipe) words.ep = false;
  return words;
}

DispatcherWords read_dispatcher(const std::string& text) {
  DispatcherWords read;
  Words remarks;
  Words words = split(without_remarks(lowercase(text), remarks), " ,;/+");
  for (const std::string& remark : remarks) {  // of a remark only the number of SMs is taken
    const Words inside = split(remark, " ,;/+");
    for (size_t i = 0; i + 1 < inside.size(); ++i)
      if (inside[i + 1] == "sms") words.insert(words.end(), {inside[i], "sms"});
  }
  for (size_t i = 0; i < words.size(); ++i) {
    int count = 0;
    const char* end = words[i].data() + words[i].size();
    if (const auto name = named<Dispatcher>(words[i], {{"alltoall", Dispatcher::nccl}})) {
      if (!read.dispatcher) read.dispatcher = name;
    } else if (i + 1 < words.size() && words[i + 1] == "sms" &&
               std::from_chars(words[i].data(), end, count).ptr == end) {
      read.communication_sms = count;
      ++i;
    } else if (words[i] != "none" && words[i] != "flex") {
      read.unknown += (read.unknown.empty() ? "" : " ") + words[i];
    }
  }
  return read;
}

PrecisionWord read_precision(const std::string& text, bool has_fp4) {
  if (named<PrecisionRecipe>(text)) return {text, ""};
  // As Megatron-LM's --fp8-recipe calls them.
  if (text == "fp8-tensorwise") return {"fp8-current", ""};
  if (text == "fp8-blockwise") return {"fp8-block", ""};
  if (text == "fp8") return {"fp8-current", "FP8 recipe not stated: per-tensor current scaling"};
  if (text == "fp8-alt")
    return has_fp4 ? PrecisionWord{"mxfp8",
                                   "FP8 in the alternative granularity: MXFP8, as the "
                                   "device has 4-bit units"}
                   : PrecisionWord{"fp8-block",
                                   "FP8 in the alternative granularity: block-wise, "
                                   "as the device has no 4-bit units"};
  return {};
}

}  // namespace moesim
