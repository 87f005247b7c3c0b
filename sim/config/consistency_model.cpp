// Rules of the model alone, and of cutting its layers by tensor parallelism.
#include <string>

#include "config/consistency_rules.hpp"
#include "routing/inclusion.hpp"

namespace moesim {
namespace {

bool uses(const ModelShape& w, Mixer mixer) {
  return std::find(w.mixers.begin(), w.mixers.end(), mixer) != w.mixers.end();
}

bool uses(const ModelShape& w, Ffn ffn) {
  return std::find(w.ffns.begin(), w.ffns.end(), ffn) != w.ffns.end();
}

// The lists of layers have an entry for each, and what they name has its sizes.
void check_layers(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const auto fits = [&](size_t entries) {
    const auto count = static_cast<int64_t>(entries);
    return count == 0 || count == w.layers || count == w.layers + w.mtp_layers;
  };
  const auto sized = [&](Mixer mixer, bool has, const char* sizes) {
    rules.require(!uses(w, mixer) || has, {"workload.mixers"}, "{} layers need {}", spelling(mixer),
                  sizes);
  };
  rules.require(fits(w.mixers.size()), {"workload.mixers", "workload.layers"},
                "mixers has {} entries for {} layers", w.mixers.size(), w.layers);
  rules.require(fits(w.ffns.size()), {"workload.ffns", "workload.layers"},
                "ffns has {} entries for {} layers", w.ffns.size(), w.layers);
  sized(Mixer::window, w.sliding_window > 0, "sliding_window");
  sized(Mixer::mamba, w.mamba_inner > 0 && w.mamba_state > 0 && w.mamba_heads + w.mamba_dt_rank > 0,
        "mamba_inner, mamba_state and mamba_heads or mamba_dt_rank");
  sized(Mixer::convolution, w.convolution_taps > 0, "convolution_taps");
  const bool indexer = w.index_heads > 0 && w.index_dim > 0 && w.index_topk > 0;
  sized(Mixer::sparse, indexer, "index_heads, index_dim and index_topk");
  sized(Mixer::compressed_sparse, indexer && w.compression > 0 && w.sliding_window > 0,
        "compression, sliding_window, index_heads, index_dim and index_topk");
  sized(Mixer::heavily_compressed, w.heavy_compression > 0 && w.sliding_window > 0,
        "heavy_compression and sliding_window");
  rules.require(w.index_topk == 0 || indexer, {"workload.index_topk"},
                "sparse attention needs index_heads and index_dim");
  rules.require(w.output_groups == 0 || w.output_rank > 0, {"workload.output_groups"},
                "output_groups needs output_rank");
  rules.require(!uses(w, Ffn::dense) || w.dense_ffn > 0, {"workload.ffns", "workload.dense_ffn"},
                "dense layers need dense_ffn");
  rules.require(!uses(w, Ffn::experts) || w.experts > 0, {"workload.ffns", "workload.experts"},
                "layers with experts need experts");
}

void check_attention(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  if (!rules.known({"workload.attention"})) return;
  if (w.attention == AttentionKind::gqa) {
    rules.require(w.kv_heads > 0, {"workload.kv_heads"}, "gqa attention needs kv_heads");
    rules.require(w.head_dim > 0, {"workload.head_dim"}, "gqa attention needs head_dim");
    rules.require(w.kv_heads == 0 || divides(w.kv_heads, w.heads),
                  {"workload.kv_heads", "workload.heads"},
                  "heads = {} is not a multiple of kv_heads = {}", w.heads, w.kv_heads);
  } else {
    rules.require(w.kv_lora_rank > 0, {"workload.kv_lora_rank"},
                  "mla attention needs kv_lora_rank");
    rules.require(w.qk_nope_dim > 0, {"workload.qk_nope_dim"}, "mla attention needs qk_nope_dim");
    rules.require(w.qk_rope_dim > 0, {"workload.qk_rope_dim"}, "mla attention needs qk_rope_dim");
    rules.require(w.v_dim > 0, {"workload.v_dim"}, "mla attention needs v_dim");
  }
  if (w.linear_attention_period > 0 || uses(w, Mixer::linear))
    rules.require(
        w.linear_key_heads > 0 && w.linear_value_heads > 0 && w.linear_head_dim > 0,
        {"workload.linear_attention_period", "workload.mixers"},
        "linear attention needs linear_key_heads, linear_value_heads and linear_head_dim");
}

void check_experts(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  if (!rules.known({"workload.experts"})) return;
  if (w.experts == 0) {
    rules.require(w.dense_ffn > 0 || !w.ffns.empty(), {"workload.dense_ffn"},
                  "a model without experts needs dense_ffn");
    return;
  }
  rules.require(w.top_k > 0, {"workload.top_k"}, "a model with experts needs top_k");
  rules.require(w.moe_ffn > 0, {"workload.moe_ffn"}, "a model with experts needs moe_ffn");
  rules.require(w.top_k <= w.experts, {"workload.top_k", "workload.experts"},
                "top_k = {} is more than the {} experts", w.top_k, w.experts);
  rules.require(w.top_k <= max_top_k, {"workload.top_k"},
                "top_k = {} is more than the {} choices that the router is simulated with", w.top_k,
                max_top_k);
  rules.require(
      (w.first_dense_layers == 0 && w.moe_period == 1) || w.dense_ffn > 0 || !w.ffns.empty(),
      {"workload.dense_ffn", "workload.first_dense_layers", "workload.moe_period"},
      "layers without experts need dense_ffn");
  rules.require(w.shared_experts == 0 || w.shared_ffn > 0,
                {"workload.shared_ffn", "workload.shared_experts"},
                "shared experts need shared_ffn");
  const Keys groups = {"workload.n_group", "workload.experts"};
  rules.require(divides(w.n_group, w.experts), groups,
                "{} experts do not form n_group = {} equal groups", w.experts, w.n_group);
  rules.require(w.topk_group <= w.n_group, {"workload.topk_group", "workload.n_group"},
                "topk_group = {} is more than n_group = {}", w.topk_group, w.n_group);
  rules.require(!divides(w.n_group, w.experts) || w.top_k > w.experts ||
                    w.top_k <= int64_t{w.topk_group} * (w.experts / w.n_group),
                {"workload.topk_group", "workload.n_group", "workload.top_k", "workload.experts"},
                "topk_group = {} groups hold fewer than top_k = {} experts", w.topk_group, w.top_k);
}

}  // namespace

void check_model(Rules& rules) {
  check_layers(rules);
  check_attention(rules);
  check_experts(rules);
}

// Tensor parallelism cuts these in layers other than plain attention.
void check_cut_mixers(Rules& rules) {
  const ModelShape& w = rules.s.workload;
  const int tp = rules.s.plan.tp;
  const auto cut = [&](const char* name, int value) {
    const std::string key = std::string("workload.") + name;
    rules.require(divides(tp, value), {"plan.tp", key.c_str()},
                  "{} = {} is not divisible by tp = {}", name, value, tp);
  };
  cut("window_heads", w.window_heads);
  if (w.linear_attention_period > 0 || uses(w, Mixer::linear))
    cut("linear_value_heads", w.linear_value_heads);
  if (uses(w, Mixer::mamba))
    cut(w.mamba_heads > 0 ? "mamba_heads" : "mamba_inner",
        w.mamba_heads > 0 ? w.mamba_heads : w.mamba_inner);
  cut("output_groups", w.output_groups);
}

}  // namespace moesim
