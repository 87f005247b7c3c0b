#include "measured/validate_text.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace moesim {
namespace {

std::optional<double> number_after(const std::string& text, const char* pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(pattern))) return std::nullopt;
  return std::stod(match[1]);
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> recompute_words(const std::string& text) {
  const std::string plain = std::regex_replace(lowered(text), std::regex(R"(\([^)]*\))"), "");
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= plain.size();) {
    const size_t end = std::min(plain.find_first_of(",+;", begin), plain.size());
    if (std::string word = trimmed(plain.substr(begin, end - begin)); !word.empty())
      words.push_back(std::move(word));
    begin = end + 1;
  }
  return words;
}

const std::map<std::string, RecomputeModule> kRecomputeWords{
    {"core_attn", RecomputeModule::core_attn},
    {"layernorm", RecomputeModule::layernorm},
    {"norm", RecomputeModule::layernorm},
    {"rmsnorm", RecomputeModule::layernorm},
    {"mla_up_proj", RecomputeModule::mla_up_proj},
    {"up_proj", RecomputeModule::mla_up_proj},
    {"mla up-proj", RecomputeModule::mla_up_proj},
    {"moe_act", RecomputeModule::moe_act},
    {"act", RecomputeModule::moe_act},
    {"mlp", RecomputeModule::mlp},
    {"moe", RecomputeModule::moe},
    {"shared_expert", RecomputeModule::shared_experts},
    {"shared_experts", RecomputeModule::shared_experts},
};

}  // namespace

bool contains_any(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<bool> stated_ep_overlap(const MeasuredRow& row) {
  const auto read = [](const std::string& text) -> std::optional<bool> {
    if (contains_any(text, {"overlap off", "no ep overlap", "a2a_overlap=0"})) return false;
    if (contains_any(text, {"a2a overlap", "ep overlap", "ep-comm overlap", "a2a_overlap=1",
                            "f/b overlap", "intra-operator overlap"}) ||
        std::regex_search(text, std::regex(R"(overlap on\b)")))
      return true;
    return std::nullopt;
  };
  if (!row.overlap.empty()) return read(lowered(row.overlap)).value_or(false);
  return read(lowered(row.note));
}

std::optional<StatedGraph> stated_cuda_graph(const MeasuredRow& row) {
  const std::string text = lowered(row.overlap.empty() ? row.note : row.overlap);
  const size_t at = text.find("cuda graph");
  if (at == std::string::npos)
    return row.overlap.empty() ? std::nullopt : std::optional(StatedGraph::none);
  if (contains_any(text, {"no cuda graph"})) return StatedGraph::none;
  if (contains_any(text, {"full_iteration", "full-iteration"})) return StatedGraph::step;
  if (text.find("attn", at) == std::string::npos &&
      text.find("moe_router", at) != std::string::npos)
    return StatedGraph::router;
  return StatedGraph::layers;
}

std::optional<StatedRecompute> stated_recompute(const MeasuredRow& row) {
  std::string text = row.recompute;
  std::smatch match;
  if (text.empty() && std::regex_search(row.note, match, std::regex("lists recompute ([a-z_]+)")))
    text = match[1];
  if (text.empty()) return std::nullopt;
  StatedRecompute stated;
  for (const std::string& word : recompute_words(text)) {
    if (word == "none") continue;
    if (word == "full") {
      stated.policy = {Recompute::full, {}};
      return stated;
    }
    const auto module = kRecomputeWords.find(word);
    if (module == kRecomputeWords.end()) {
      stated.unknown.push_back(word);
    } else if (!stated.policy.drops(module->second)) {
      stated.policy.kind = Recompute::selective;
      stated.policy.modules.push_back(module->second);
    }
  }
  return stated;
}

std::optional<Dispatcher> stated_dispatcher(const MeasuredRow& row) {
  const auto read = [](const std::string& text) -> std::optional<Dispatcher> {
    if (contains_any(text, {"hybridep"})) return Dispatcher::hybridep;
    if (contains_any(text, {"deepep"})) return Dispatcher::deepep;
    if (contains_any(text, {"nccl", "alltoall"})) return Dispatcher::nccl;
    return std::nullopt;
  };
  return read(lowered(row.dispatcher.empty() ? row.note : row.dispatcher));
}

std::optional<int> stated_communication_sms(const MeasuredRow& row) {
  for (const std::string* text : {&row.dispatcher, &row.overlap, &row.note})
    if (const auto sms = number_after(lowered(*text), R"(([0-9]+) sms)"))
      return static_cast<int>(*sms);
  return std::nullopt;
}

std::string stated_layout(const MeasuredRow& row) {
  std::smatch match;
  if (!std::regex_search(row.note, match, std::regex(R"(layout[= ](E[EtmL|()*0-9,]*)(?=[; ]|$))")))
    return "";
  return match[1];
}

StatedRouting stated_routing(const MeasuredRow& row) {
  const std::string note = lowered(row.note);
  if (stated_capacity_factor(row) || contains_any(note, {"token drop", "token-drop"}))
    return StatedRouting::capacity_limited;
  if (contains_any(note, {"force-balanced", "force balance"})) return StatedRouting::forced;
  if (contains_any(note, {"real routing", "natural routing", "real data"}))
    return StatedRouting::natural;
  return StatedRouting::open;
}

std::optional<double> stated_capacity_factor(const MeasuredRow& row) {
  return number_after(lowered(row.note),
                      R"((?:\bcf=|capacity factor |expert capacity )([0-9]+(?:\.[0-9]+)?))");
}

bool states_fsdp(const MeasuredRow& row) {
  std::smatch match;
  // "FSDP=64 (0)": the figure in parentheses is that of the variant in parentheses.
  if (std::regex_search(row.note, match, std::regex(R"(FSDP=([0-9]+)(?: \(([0-9]+)\))?)"))) {
    const bool variant =
        row.note.find("parenthesised variant") != std::string::npos && match[2].matched;
    return match[variant ? 2 : 1] != "0";
  }
  return contains_any(row.note, {"method=FSDP", "FSDP on"});
}

bool states_no_mtp(const MeasuredRow& row) {
  return contains_any(row.note, {"no MTP", "without MTP"});
}

std::optional<int> stated_accumulation(const MeasuredRow& row) {
  const auto count = number_after(row.note, R"(\bGA[= ]?([0-9]+))");
  return count ? std::optional(static_cast<int>(*count)) : std::nullopt;
}

}  // namespace moesim
