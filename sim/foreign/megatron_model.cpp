#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.hpp"
#include "foreign/argument_table.hpp"
#include "foreign/megatron_reader.hpp"

namespace moesim {
namespace {

long long round_up(long long value, long long multiple) {
  return multiple > 0 ? (value + multiple - 1) / multiple * multiple : value;
}

std::string yaml_list(const std::vector<std::string>& words) {
  return fmt::format("[{}]", fmt::join(words, ", "));
}

// Which layers a frequency means: an integer N, or a list of 0 and 1. `of_integer` says for N
// whether layer i is one.
template <class OfInteger>
std::vector<bool> layers_of(MegatronReader& reader, MegatronReader::Names names, long long layers,
                            OfInteger of_integer) {
  std::vector<bool> chosen;
  const std::string text = reader.text(names);
  if (text.empty() || layers <= 0 || layers > 10'000) return chosen;
  if (const auto list = python_list(text)) {
    for (const int item : *list) chosen.push_back(item != 0);
    if (static_cast<long long>(chosen.size()) != layers)
      reader.fail(*reader.find(names),
                  fmt::format("has {} entries for {} layers", chosen.size(), layers));
    return chosen;
  }
  const auto every = reader.integer(names);
  if (!every) return chosen;
  if (*every < 1) {
    reader.fail(*reader.find(names), "expected a number above 0, or a list of 0 and 1");
    return chosen;
  }
  for (long long i = 0; i < layers; ++i) chosen.push_back(of_integer(i, *every));
  return chosen;
}

void import_vocabulary(MegatronReader& reader) {
  const MegatronReader::Names padded = {"padded-vocab-size"}, size = {"vocab-size"},
                              divisible = {"make-vocab-size-divisible-by"};
  const MegatronReader::Names type = {"tokenizer-type", "patch-tokenizer-type"},
                              model = {"tokenizer-model"};
  if (const auto whole = reader.integer(padded))
    return reader.state("workload.vocab", *whole, padded);
  const long long multiple = reader.integer_or(divisible, 128) * reader.out().integer("plan.tp", 1);
  std::string from;
  long long vocab = 0;
  const auto name = [&](MegatronReader::Names names) {
    const LaunchArgument* argument = reader.find(names);
    return argument && !argument->values.empty() ? argument->values[0] : std::string();
  };
  if (const auto stated = reader.integer(size)) {
    vocab = *stated + (name(type) == "NullTokenizer" ? 1 : 0);
    from = reader.from(size);
  } else {
    // GPT-2's files of a vocabulary name it where no type does.
    const bool merges = reader.has({"merge-file"}) && !reader.has(type);
    const TokenizerRow& row = find_tokenizer(merges ? "GPT2BPETokenizer" : name(type), name(model));
    vocab = row.vocab;
    from = reader.from(reader.has(model) ? model : type) + ": " + row.source;
    reader.assume(
        fmt::format("a vocabulary of {} ({}): the launch names a tokenizer, not its size; "
                    "otherwise --set workload.vocab=N",
                    vocab, row.source));
  }
  vocab += reader.integer_or({"vocab-extra-ids", "extra-vocab-size"}, 0);
  const long long whole = round_up(vocab, multiple);
  if (whole != vocab) from += fmt::format(", padded from {} to a multiple of {}", vocab, multiple);
  reader.out().state("workload.vocab", std::to_string(whole), from);
}

void import_mla(MegatronReader& reader) {
  const auto width = [&](const char* key, MegatronReader::Names names, long long otherwise) {
    reader.state(key, reader.integer_or(names, otherwise), names);
  };
  reader.state("workload.attention", "mla", {"multi-latent-attention"});
  if (reader.has({"q-lora-rank"})) width("workload.q_lora_rank", {"q-lora-rank"}, 0);
  width("workload.kv_lora_rank", {"kv-lora-rank"}, 32);
  width("workload.qk_nope_dim", {"qk-head-dim", "qk-nope-head-dim"}, 128);
  width("workload.qk_rope_dim", {"qk-pos-emb-head-dim", "qk-rope-head-dim"}, 64);
  width("workload.v_dim", {"v-head-dim"}, 128);
}

void import_gqa(MegatronReader& reader) {
  const long long heads = reader.out().integer("workload.heads", 0);
  const MegatronReader::Names grouped = {"group-query-attention"}, groups = {"num-query-groups"};
  if (reader.has(grouped) && reader.has(groups))
    reader.state("workload.kv_heads", reader.integer_or(groups, 1), groups);
  else
    reader.state("workload.kv_heads", reader.has(grouped) ? 1 : heads, grouped);
  const MegatronReader::Names width = {"kv-channels"};
  if (const auto stated = reader.integer(width)) {
    reader.state("workload.head_dim", *stated, width);
  } else if (heads > 0) {
    const long long hidden = reader.out().integer("workload.hidden", 0);
    reader.out().state("workload.head_dim", std::to_string(hidden / heads),
                       "hidden / heads, without --kv-channels");
  }
  const MegatronReader::Names norm = {"qk-layernorm", "qk-l2-norm"};
  if (reader.has(norm)) reader.state("workload.qk_norm", "true", norm);
  const MegatronReader::Names bias = {"add-qkv-bias"}, none = {"disable-bias-linear"};
  if (reader.has(bias))
    reader.state("workload.attention_bias", "true", bias);
  else if (!reader.has(none))
    reader.state("workload.attention_bias", "true", none);
}

// "127,0": tokens before and behind a query that it sees beside itself.
void import_window(MegatronReader& reader, long long layers, std::vector<std::string>& mixers) {
  const MegatronReader::Names size = {"window-size"}, skip = {"window-attn-skip-freq"};
  // Pai-Megatron-Patch: the tokens that a query sees, itself among them, in every layer.
  const MegatronReader::Names whole = {"sliding-window"};
  if (const auto tokens = reader.integer(whole)) {
    reader.state("workload.sliding_window", *tokens, whole);
    return reader.state("workload.sliding_window_period", 0, whole);
  }
  const std::vector<std::string> window = reader.words(size);
  if (window.empty()) return;
  long long back = 0;
  for (const char c : window[0]) {
    if (c < '0' || c > '9' || back > 1'000'000'000)
      return reader.fail(*reader.find(size), "expected two whole numbers");
    back = 10 * back + (c - '0');
  }
  reader.state("workload.sliding_window", back + 1, size);
  const std::string every = reader.text(skip);
  if (every.empty()) return reader.state("workload.sliding_window_period", 0, skip);
  if (!python_list(every))
    return reader.state("workload.sliding_window_period", reader.integer_or(skip, 0), skip);
  const auto chosen = layers_of(reader, skip, layers, [](long long, long long) { return true; });
  for (const bool windowed : chosen) mixers.emplace_back(windowed ? "window" : "attention");
}

void import_linear(MegatronReader& reader, long long layers, std::vector<std::string>& mixers) {
  const MegatronReader::Names every = {"linear-attention-freq"};
  if (!reader.has(every)) return;
  const auto count = [&](const char* key, MegatronReader::Names names, long long otherwise) {
    reader.state(key, reader.integer_or(names, otherwise), names);
  };
  count("workload.linear_key_heads", {"linear-num-key-heads"}, 16);
  count("workload.linear_value_heads", {"linear-num-value-heads"}, 32);
  count("workload.linear_head_dim", {"linear-value-head-dim"}, 128);
  if (!python_list(reader.text(every))) return count("workload.linear_attention_period", every, 0);
  const auto chosen = layers_of(reader, every, layers, [](long long, long long) { return true; });
  for (const bool linear : chosen) mixers.emplace_back(linear ? "linear" : "attention");
}

// "M-M*E|...": each letter is a layer of its own; what stands behind "/" predicts further tokens.
void import_hybrid(MegatronReader& reader) {
  const MegatronReader::Names names = {"hybrid-layer-pattern", "hybrid-override-pattern"};
  const std::string pattern = reader.text(names);
  std::vector<std::string> mixers, ffns;
  for (const char c : pattern) {
    if (c == '/') break;
    if (c == '|') continue;
    const std::string mixer = c == 'M'   ? "mamba"
                              : c == '*' ? "attention"
                              : c == 'G' ? "linear"
                              : c == 'D' ? "sparse"
                                         : "none";
    const std::string ffn = c == '-' ? "dense" : c == 'E' ? "experts" : "none";
    if (mixer == "none" && ffn == "none")
      return reader.fail(*reader.find(names), "unknown layer " + quote(std::string(1, c)));
    mixers.push_back(mixer);
    ffns.push_back(ffn);
  }
  if (mixers.empty()) return;
  reader.state("workload.layers", static_cast<long long>(mixers.size()), names);
  reader.state("workload.mixers", yaml_list(mixers), names);
  reader.state("workload.ffns", yaml_list(ffns), names);
  if (std::find(mixers.begin(), mixers.end(), "mamba") == mixers.end()) return;
  const long long width = reader.integer_or({"mamba-head-dim"}, 64);
  const long long heads = reader.integer_or(
      {"mamba-num-heads"}, 2 * reader.out().integer("workload.hidden", 0) / std::max(1LL, width));
  reader.state("workload.mamba_heads", heads, {"mamba-num-heads"});
  reader.state("workload.mamba_inner", heads * width, {"mamba-head-dim"});
  reader.state("workload.mamba_state", reader.integer_or({"mamba-state-dim"}, 128),
               {"mamba-state-dim"});
  reader.state("workload.mamba_groups", reader.integer_or({"mamba-num-groups"}, 8),
               {"mamba-num-groups"});
}

long long dense_width(MegatronReader& reader) {
  const long long hidden = reader.out().integer("workload.hidden", 0);
  // Megatron-LM megatron/training/arguments.py: two thirds of four times, in multiples of 64.
  const long long otherwise = reader.has({"swiglu"}) ? hidden * 4 * 2 / 3 / 64 * 64 : 4 * hidden;
  return reader.integer_or({"ffn-hidden-size"}, otherwise);
}

}  // namespace

void import_model(MegatronReader& reader) {
  const MegatronReader::Names hybrid = {"hybrid-layer-pattern", "hybrid-override-pattern"};
  for (const auto& [key, name] :
       {std::pair("workload.layers", "num-layers"), std::pair("workload.hidden", "hidden-size"),
        std::pair("workload.heads", "num-attention-heads"),
        std::pair("batch.sequence_length", "seq-length")}) {
    const bool from_pattern = std::string_view(name) == "num-layers" && reader.has(hybrid);
    if (!reader.out().find(key) && !reader.failed() && !from_pattern)
      reader.fail(
          fmt::format("--{} is missing, which {} is: arguments that another file holds come behind "
                      "-- , or give that file",
                      name, key));
  }
  if (reader.has(hybrid)) import_hybrid(reader);
  import_vocabulary(reader);
  if (reader.has({"multi-latent-attention"}))
    import_mla(reader);
  else
    import_gqa(reader);
  const long long layers = reader.out().integer("workload.layers", 0);
  std::vector<std::string> mixers;
  import_window(reader, layers, mixers);
  import_linear(reader, layers, mixers);
  if (!mixers.empty())
    reader.state("workload.mixers", yaml_list(mixers),
                 {"linear-attention-freq", "window-attn-skip-freq"});
  const MegatronReader::Names topk = {"dsa-indexer-topk"};
  if (reader.has(topk)) {
    reader.state("workload.index_topk", reader.integer_or(topk, 0), topk);
    reader.state("workload.index_heads", reader.integer_or({"dsa-indexer-n-heads"}, 64),
                 {"dsa-indexer-n-heads"});
    reader.state("workload.index_dim", reader.integer_or({"dsa-indexer-head-dim"}, 128),
                 {"dsa-indexer-head-dim"});
  }
  const MegatronReader::Names gated = {"swiglu", "quick-geglu", "geglu"};
  if (!reader.has(gated)) reader.state("workload.gated_ffn", "false", gated);
}

void import_experts(MegatronReader& reader) {
  const MegatronReader::Names count = {"num-experts"}, wide = {"moe-ffn-hidden-size"},
                              ffn = {"ffn-hidden-size"}, top = {"moe-router-topk"},
                              every = {"moe-layer-freq"};
  const long long experts = reader.integer_or(count, 0);
  if (experts <= 0) return reader.state("workload.dense_ffn", dense_width(reader), ffn);
  reader.state("workload.experts", experts, count);
  reader.state("workload.top_k", reader.integer_or(top, 2), top);
  if (reader.has(wide))
    reader.state("workload.moe_ffn", reader.integer_or(wide, 0), wide);
  else
    reader.state("workload.moe_ffn", dense_width(reader), ffn);
  if (!reader.has({"disable-bias-linear"}))
    reader.state("workload.expert_bias", "true", {"disable-bias-linear"});
  const MegatronReader::Names shared = {"moe-shared-expert-intermediate-size"};
  if (const long long width = reader.integer_or(shared, 0); width > 0) {
    reader.state("workload.shared_experts", 1, shared);
    reader.state("workload.shared_ffn", width, shared);
  }
  const long long layers = reader.out().integer("workload.layers", 0);
  const auto chosen =
      layers_of(reader, every, layers, [](long long i, long long n) { return i % n == 0; });
  const auto first = std::find(chosen.begin(), chosen.end(), true);
  const bool all_dense = first == chosen.end();
  if (chosen.empty() || first == chosen.begin()) {
    if (std::find(chosen.begin(), chosen.end(), false) == chosen.end()) {
      const ImportedKey* ffns = reader.out().find("workload.ffns");
      if (ffns && ffns->value.find("dense") != std::string::npos)
        reader.state("workload.dense_ffn", dense_width(reader), ffn);
      return;
    }
  }
  reader.state("workload.dense_ffn", dense_width(reader), ffn);
  if (!all_dense && std::find(first, chosen.end(), false) == chosen.end())
    return reader.state("workload.first_dense_layers", first - chosen.begin(), every);
  std::vector<std::string> ffns;
  for (const bool moe : chosen) ffns.emplace_back(moe ? "experts" : "dense");
  reader.state("workload.ffns", yaml_list(ffns), every);
}

}  // namespace moesim
