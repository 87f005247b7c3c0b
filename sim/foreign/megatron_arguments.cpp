#include "foreign/megatron_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"
#include "config/writer.hpp"
#include "foreign/argument_table.hpp"

namespace moesim {
namespace {

std::string yaml_scalar(const KeyScalar& value, const FieldInfo& field) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return yaml_text(*text);
  const double number = std::get<double>(value);
  if (field.word && number == static_cast<double>(field.word_value)) return field.word;
  return fmt::format("{}", number);
}

class Arguments {
 public:
  Arguments(const ScenarioKeys& keys, const ScenarioKeys& defaults)
      : keys_(keys), defaults_(defaults) {}

  std::vector<std::string> model() {
    plain("workload.");
    add("make-vocab-size-divisible-by", "1");
    add("tokenizer-type", "NullTokenizer");  // whose vocabulary has one entry more
    add("vocab-size", std::to_string(keys_.integer("workload.vocab") - 1));
    add("position-embedding-type", "rope");
    add("normalization", "RMSNorm");
    add("max-position-embeddings", keys_.text("batch.sequence_length"));
    attention();
    if (keys_.flag("workload.gated_ffn")) add("swiglu");
    if (keys_.integer("workload.dense_ffn") > 0)
      add("ffn-hidden-size", keys_.text("workload.dense_ffn"));
    if (!keys_.flag("workload.expert_bias")) add("disable-bias-linear");
    return take();
  }

  std::vector<std::string> experts() {
    if (keys_.integer("workload.experts") == 0) return {};
    add("num-experts", keys_.text("workload.experts"));
    add("moe-router-topk", keys_.text("workload.top_k"));
    add("moe-ffn-hidden-size", keys_.text("workload.moe_ffn"));
    if (keys_.integer("workload.shared_ffn") > 0)
      add("moe-shared-expert-intermediate-size", keys_.text("workload.shared_ffn"));
    layers_with_experts();
    add("moe-grouped-gemm");
    if (keys_.is("routing.kind", "uniform") || keys_.is("routing.kind", "balanced"))
      add("moe-router-force-load-balancing");
    if (keys_.number("routing.capacity_factor") > 0) {
      add("moe-expert-capacity-factor", keys_.text("routing.capacity_factor"));
      if (keys_.flag("routing.pad_to_capacity")) add("moe-pad-expert-input-to-capacity");
    }
    if (keys_.integer("routing.pad_rows_to") > 1) add("moe-router-padding-for-quantization");
    dispatcher();
    return take();
  }

  std::vector<std::string> parallel() {
    plain("plan.");
    if (keys_.integer("workload.experts") > 0 && keys_.integer("plan.tp") > 1)
      add("expert-tensor-parallel-size", keys_.text("plan.etp"));
    const std::string layout = keys_.text("plan.layout");
    if (layout.size() > 2)
      add("pipeline-model-parallel-layout", "'" + unquoted(layout) + "'");
    else if (keys_.integer("plan.vpp") > 1)
      add("num-virtual-stages-per-pipeline-rank", keys_.text("plan.vpp"));
    const long long stage = keys_.integer("plan.zero_stage");
    if (stage >= 2) {
      add("use-megatron-fsdp");
      add("data-parallel-sharding-strategy", stage == 2 ? "optim_grads" : "optim_grads_params");
    }
    if (stage >= 1) add("use-distributed-optimizer");
    if (keys_.flag("plan.overlap_grad_reduce")) add("overlap-grad-reduce");
    if (const double bytes = keys_.number("plan.dp_bucket_bytes"); bytes > 0)
      add("ddp-bucket-size", fmt::format("{:.0f}", bytes / keys_.number("plan.gradient_bytes")));
    return take();
  }

  std::vector<std::string> numerics() {
    plain("batch.");
    add("global-batch-size", keys_.text("batch.global_batch"));
    precision();
    recompute();
    graph();
    add("use-mcore-models");
    add("transformer-impl", "transformer_engine");
    return take();
  }

 private:
  void add(const std::string& name) { out_.push_back("--" + name); }
  void add(const std::string& name, const std::string& value) {
    out_.push_back(fmt::format("--{} {}", name, value));
  }
  std::vector<std::string> take() { return std::exchange(out_, {}); }
  static std::string unquoted(const std::string& text) {
    return text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
  }

  // Rows of the table whose key one argument alone gives.
  void plain(std::string_view section) {
    for (const ArgumentRow& row : argument_rows()) {
      if (!row.key.starts_with(section)) continue;
      if (row.names[0].starts_with("moe-") && keys_.integer("workload.experts") == 0) continue;
      if (row.kind == ArgumentKind::set && gives(row)) add(row.names[0]);
      // The first row of a key writes it.
      if (row.kind != ArgumentKind::value || find_argument_of(row.key) != &row) continue;
      const std::string value = keys_.text(row.key);
      if (value == defaults_.text(row.key) && row.key != "batch.micro_batch") continue;
      const std::string theirs = row.translated_back(value);
      if (!theirs.empty()) add(row.names[0], theirs);
    }
  }
  bool gives(const ArgumentRow& row) const {
    const std::string value = keys_.text(row.key);
    if (row.gives.empty()) return value != row.absent;
    return value == row.gives && value != row.absent;
  }

  void attention() {
    if (keys_.is("workload.attention", "mla")) {
      add("multi-latent-attention");
      if (keys_.integer("workload.q_lora_rank") > 0)
        add("q-lora-rank", keys_.text("workload.q_lora_rank"));
      add("kv-lora-rank", keys_.text("workload.kv_lora_rank"));
      add("qk-head-dim", keys_.text("workload.qk_nope_dim"));
      add("qk-pos-emb-head-dim", keys_.text("workload.qk_rope_dim"));
      add("v-head-dim", keys_.text("workload.v_dim"));
    } else {
      if (keys_.integer("workload.kv_heads") != keys_.integer("workload.heads")) {
        add("group-query-attention");
        add("num-query-groups", keys_.text("workload.kv_heads"));
      }
      add("kv-channels", keys_.text("workload.head_dim"));
      if (keys_.flag("workload.attention_bias") && !keys_.flag("workload.expert_bias"))
        add("add-qkv-bias");
    }
    if (const long long window = keys_.integer("workload.sliding_window"); window > 0) {
      add("window-size", fmt::format("{},0", window - 1));
      if (keys_.integer("workload.sliding_window_period") > 0)
        add("window-attn-skip-freq", keys_.text("workload.sliding_window_period"));
    }
    if (keys_.integer("workload.linear_attention_period") > 0) {
      add("experimental-attention-variant", "gated_delta_net");
      add("linear-attention-freq", keys_.text("workload.linear_attention_period"));
      add("linear-num-key-heads", keys_.text("workload.linear_key_heads"));
      add("linear-num-value-heads", keys_.text("workload.linear_value_heads"));
      add("linear-key-head-dim", keys_.text("workload.linear_head_dim"));
      add("linear-value-head-dim", keys_.text("workload.linear_head_dim"));
    }
    if (keys_.integer("workload.index_topk") > 0) {
      add("dsa-indexer-topk", keys_.text("workload.index_topk"));
      add("dsa-indexer-n-heads", keys_.text("workload.index_heads"));
      add("dsa-indexer-head-dim", keys_.text("workload.index_dim"));
    }
  }

  void layers_with_experts() {
    const long long layers = keys_.integer("workload.layers");
    const long long dense = keys_.integer("workload.first_dense_layers");
    const std::vector<std::string> ffns = keys_.words("workload.ffns");
    if (dense > 0 && dense < layers)
      return add("moe-layer-freq", fmt::format("'([0]*{}+[1]*{})'", dense, layers - dense));
    const bool two_kinds = std::all_of(ffns.begin(), ffns.end(), [](const std::string& ffn) {
      return ffn == "experts" || ffn == "dense";
    });
    if (ffns.empty() || !two_kinds) return;
    std::string list;
    for (const std::string& ffn : ffns)
      list += (list.empty() ? "" : ",") + std::string(ffn == "experts" ? "1" : "0");
    add("moe-layer-freq", fmt::format("'[{}]'", list));
  }

  void dispatcher() {
    const std::string name = keys_.text("plan.dispatcher");
    if (name == "nccl") return add("moe-token-dispatcher-type", "alltoall");
    if (name != "deepep" && name != "hybridep") return add("moe-token-dispatcher-type", name);
    add("moe-token-dispatcher-type", "flex");
    add("moe-flex-dispatcher-backend", name);
    const std::string sms = keys_.text("plan.communication_sms");
    if (sms != defaults_.text("plan.communication_sms"))
      add(fmt::format("moe-{}-num-sms", name), sms);
  }

  void precision() {
    constexpr struct {
      const char *ours, *format, *recipe;
    } kRecipes[] = {{"fp8-current", "hybrid", "tensorwise"},
                    {"fp8-delayed", "hybrid", "delayed"},
                    {"fp8-block", "e4m3", "blockwise"},
                    {"mxfp8", "e4m3", "mxfp8"}};
    const std::string precision = keys_.text("plan.precision");
    add("bf16");
    for (const auto& recipe : kRecipes) {
      if (precision != recipe.ours) continue;
      add("fp8-format", recipe.format);
      add("fp8-recipe", recipe.recipe);
    }
    if (precision == "nvfp4") {
      add("fp4-format", "e2m1");
      add("fp4-recipe", "nvfp4");
    }
    if (precision != "bf16" && keys_.number("plan.gather_bytes") == 1)
      add(precision == "nvfp4" ? "fp4-param-gather" : "fp8-param-gather");
    if (keys_.number("plan.gradient_bytes") == 2) add("grad-reduce-in-bf16");
    const double moment = keys_.number("plan.moment_bytes");
    if (moment != 1 && moment != 2) return;
    add("use-precision-aware-optimizer");
    add("exp-avg-dtype", moment == 1 ? "fp8" : "bf16");
    add("exp-avg-sq-dtype", moment == 1 ? "fp8" : "bf16");
  }

  void recompute() {
    if (keys_.is("plan.recompute", "full")) {
      const long long layers = keys_.integer("plan.recompute_layers");
      add("recompute-granularity", "full");
      add("recompute-method", layers > 0 ? "block" : "uniform");
      add("recompute-num-layers", std::to_string(std::max(1LL, layers)));
    } else if (keys_.is("plan.recompute", "selective")) {
      add("recompute-granularity", "selective");
      add("recompute-modules",
          fmt::format("{}", fmt::join(keys_.words("plan.recompute_modules"), " ")));
    }
  }

  void graph() {
    if (!keys_.flag("plan.cuda_graph")) return;
    const std::string scope = keys_.text("plan.cuda_graph_scope");
    add("cuda-graph-impl", scope == "step" ? "local" : "transformer_engine");
    add("cuda-graph-scope", scope == "step"     ? "full_iteration"
                            : scope == "layers" ? "attn moe_router moe_preprocess"
                                                : "moe_router moe_preprocess");
  }

  const ScenarioKeys& keys_;
  const ScenarioKeys& defaults_;
  std::vector<std::string> out_;
};

}  // namespace

std::string yaml_value(const KeyEntry& entry) {
  std::vector<std::string> values;
  for (const KeyScalar& value : entry.values) values.push_back(yaml_scalar(value, entry.field));
  if (entry.is_list) return fmt::format("[{}]", fmt::join(values, ", "));
  return values.empty() ? "" : values[0];
}

std::string ScenarioKeys::text(const std::string& key) const {
  const KeyEntry* entry = table_.find(key);
  MOESIM_CHECK(entry, "{} is no key", key);
  return yaml_value(*entry);
}

double ScenarioKeys::number(const std::string& key) const {
  const KeyEntry* entry = table_.find(key);
  MOESIM_CHECK(entry && !entry->values.empty(), "{} is no key", key);
  const auto* number = std::get_if<double>(&entry->values[0]);
  MOESIM_CHECK(number, "{} is no number", key);
  return *number;
}

long long ScenarioKeys::integer(const std::string& key) const {
  return static_cast<long long>(number(key));
}

std::vector<std::string> ScenarioKeys::words(const std::string& key) const {
  const KeyEntry* entry = table_.find(key);
  MOESIM_CHECK(entry && entry->is_list, "{} is no list", key);
  std::vector<std::string> words;
  for (const KeyScalar& value : entry->values) words.push_back(std::get<std::string>(value));
  return words;
}

std::vector<ArgumentGroup> megatron_arguments(const ScenarioKeys& keys,
                                              const ScenarioKeys& defaults) {
  Arguments arguments(keys, defaults);
  std::vector<ArgumentGroup> groups;
  groups.push_back({"MODEL_ARGS", arguments.model()});
  groups.push_back({"MOE_ARGS", arguments.experts()});
  groups.push_back({"PARALLEL_ARGS", arguments.parallel()});
  groups.push_back({"TRAINING_ARGS", arguments.numerics()});
  std::erase_if(groups, [](const ArgumentGroup& group) { return group.arguments.empty(); });
  return groups;
}

}  // namespace moesim
