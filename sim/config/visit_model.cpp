#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr NumberRange kWidth{0, 1'048'576};
constexpr NumberRange kRequiredWidth{1, 1'048'576};
constexpr NumberRange kCount{0, 10'000};
constexpr NumberRange kFromOne{1, 10'000};

void visit_attention(Visitor& v, ModelShape& s) {
  v.choice("attention", s.attention,
           "gqa: multi-head and grouped-query; mla: multi-head latent attention");
  v.integer("heads", s.heads, kFromOne, "query heads", Need::required);
  v.integer("kv_heads", s.kv_heads, kCount, "key and value heads (gqa)");
  v.integer("head_dim", s.head_dim, kWidth, "width of one head (gqa)");
  v.flag("qk_norm", s.qk_norm, "RMSNorm on each query and key head");
  v.flag("attention_bias", s.attention_bias, "the attention projections have biases");
  v.integer("q_lora_rank", s.q_lora_rank, kWidth,
            "rank of the query's latent; 0: projected directly");
  v.integer("kv_lora_rank", s.kv_lora_rank, kWidth, "mla: rank of the latent of keys and values");
  v.integer("qk_nope_dim", s.qk_nope_dim, kWidth, "mla: width of a head's part without position");
  v.integer("qk_rope_dim", s.qk_rope_dim, kWidth,
            "mla: width of a head's part with rotary position");
  v.integer("v_dim", s.v_dim, kWidth, "width of a value head; gqa: 0 is head_dim");
  v.flag("key_is_value", s.key_is_value, "gqa: one projection is both key and value");
  v.integer("output_groups", s.output_groups, kCount,
            "groups of heads, each with a latent in the output projection; 0: none");
  v.integer("output_rank", s.output_rank, kWidth, "width of such a latent");
  v.integer("sliding_window", s.sliding_window, {0, 1e9},
            "tokens a query looks back on; 0: the whole sequence");
  v.integer(
      "sliding_window_period", s.sliding_window_period, kCount,
      "with a window: the last layer of every so many attends to the whole sequence; 0: none does");
  v.integer("linear_attention_period", s.linear_attention_period, kCount,
            "all layers but the last of every so many are linear attention; 0: none");
  v.choice("linear_kind", s.linear_kind, "which linear attention");
  v.integer("linear_key_heads", s.linear_key_heads, kCount, "linear attention: key heads");
  v.integer("linear_value_heads", s.linear_value_heads, kCount, "linear attention: value heads");
  v.integer("linear_head_dim", s.linear_head_dim, kWidth, "linear attention: width of one head");
  v.flag("attention_gate", s.attention_gate,
         "gated attention output: the query projection is twice as wide");
  v.flag("head_gate", s.head_gate, "attention output gated by one number per head");
}

void visit_other_mixers(Visitor& v, ModelShape& s) {
  v.choices("mixers", s.mixers, "what mixes the tokens, layer by layer, instead of the periods");
  v.integer("window_heads", s.window_heads, kCount,
            "query heads of layers with a window; 0: as the others");
  v.integer("window_kv_heads", s.window_kv_heads, kCount, "their key and value heads; 0: the same");
  v.integer("window_head_dim", s.window_head_dim, kWidth, "width of their heads; 0: the same");
  v.integer("window_v_dim", s.window_v_dim, kWidth, "width of their value heads; 0: the same");
  v.integer("index_heads", s.index_heads, kCount, "sparse attention: heads of the indexer");
  v.integer("index_dim", s.index_dim, kWidth, "sparse attention: width of one such head");
  v.integer("index_topk", s.index_topk, {0, 1e9},
            "keys that the indexer chooses for a query; without mixers, above 0: in every layer");
  v.integer("compression", s.compression, kCount,
            "tokens behind one key of compressed-sparse layers");
  v.integer("heavy_compression", s.heavy_compression, kCount,
            "tokens behind one key of heavily-compressed layers");
  v.integer("mamba_inner", s.mamba_inner, kWidth, "mamba: inner width");
  v.integer("mamba_heads", s.mamba_heads, kCount, "mamba: heads of Mamba-2; 0: Mamba-1");
  v.integer("mamba_state", s.mamba_state, kWidth, "mamba: state of one channel");
  v.integer("mamba_groups", s.mamba_groups, kFromOne, "mamba: groups that share B and C");
  v.integer("mamba_taps", s.mamba_taps, kFromOne, "mamba: taps of the convolution");
  v.integer("mamba_dt_rank", s.mamba_dt_rank, kWidth, "Mamba-1: rank of the step's latent");
  v.integer("convolution_taps", s.convolution_taps, kCount, "convolution: its taps");
  v.integer("residual_streams", s.residual_streams, {1, 64},
            "streams of the residual, which hyper-connections mix");
}

void visit_ffn(Visitor& v, ModelShape& s) {
  v.integer("dense_ffn", s.dense_ffn, kWidth, "width of the FFN in layers without experts");
  v.integer("first_dense_layers", s.first_dense_layers, kCount,
            "layers at the start that have a dense FFN");
  v.integer("moe_period", s.moe_period, kFromOne,
            "of the other layers, the last of every so many has experts");
  v.integer("experts", s.experts, {0, 65'536}, "routed experts of a layer; 0: a dense model");
  v.integer("top_k", s.top_k, {0, 65'536}, "experts that each token goes to");
  v.integer("moe_ffn", s.moe_ffn, kWidth, "width of one expert");
  v.choices("ffns", s.ffns, "what follows the mixer, layer by layer, instead of the periods");
  v.integer("moe_latent", s.moe_latent, kWidth,
            "width in which the experts work, between two projections; 0: hidden");
  v.integer("zero_experts", s.zero_experts, {0, 65'536},
            "further choices of the router that compute nothing; top_k counts the others");
  v.flag("expert_bias", s.expert_bias, "the experts' projections have biases");
  v.integer("shared_experts", s.shared_experts, {0, 65'536}, "experts that see every token");
  v.integer("shared_ffn", s.shared_ffn, kWidth, "width of all shared experts together");
  v.flag("shared_gate", s.shared_gate, "the shared experts' output is gated per token");
  v.integer("n_group", s.n_group, {1, 256}, "node-limited routing: groups that the experts form");
  v.integer("topk_group", s.topk_group, kFromOne,
            "node-limited routing: groups that a token may use");
  v.flag("gated_ffn", s.gated_ffn, "SwiGLU (three matrices) rather than two matrices");
}

// Rows of four numbers rather than maps: traces are long.
void visit_recorded(Visitor& v, RoutingSpec& r) {
  std::vector<std::vector<double>> rows;
  // Counts that came from a file stay there.
  for (const RecordedCount& c : r.recorded_file.empty() ? r.recorded : std::vector<RecordedCount>())
    rows.push_back({static_cast<double>(c.layer), static_cast<double>(c.step),
                    static_cast<double>(c.expert), c.tokens});
  v.number_lists("recorded", rows, Unit::number, {0, 1e9},
                 "recorded: rows of [layer, step, expert, tokens]", 4);
  v.text("recorded_file", r.recorded_file,
         "recorded: CSV file with columns layer, step, expert, tokens instead; without step: one "
         "step");
  r.recorded.clear();
  for (const std::vector<double>& row : rows) {
    r.recorded.push_back(
        {static_cast<int>(row[0]), static_cast<int>(row[1]), static_cast<int>(row[2]), row[3]});
  }
}

}  // namespace

void visit(Visitor& v, ModelShape& s) {
  v.text("name", s.name, "for reports");
  v.integer("layers", s.layers, kFromOne, "transformer layers, without multi-token prediction",
            Need::required);
  v.integer("hidden", s.hidden, kRequiredWidth, "width of the residual stream", Need::required);
  v.integer("vocab", s.vocab, {1, 1e8}, "entries of the vocabulary", Need::required);
  v.flag("tied_embeddings", s.tied_embeddings, "embedding and logits share their matrix");
  visit_attention(v, s);
  visit_other_mixers(v, s);
  visit_ffn(v, s);
  v.integer("mtp_layers", s.mtp_layers, kCount, "multi-token-prediction layers after the last");
  v.number("published_total_parameters", s.published_total_parameters, Unit::number, {0, 1e18},
           "as published, to check the shapes against; 0: not known");
  v.number("published_active_parameters", s.published_active_parameters, Unit::number, {0, 1e18},
           "as published, per token; 0: not known");
}

void visit(Visitor& v, RoutingSpec& r) {
  v.choice("kind", r.kind,
           "popularity of the experts; balanced: forced, nothing is drawn; uniform: drawn");
  v.number("exponent", r.exponent, Unit::number, {0, 10},
           "zipf: the r-th most popular expert gets 1/r^exponent");
  v.number("concentration", r.concentration, Unit::number, above(0, 1e9),
           "dirichlet: small is skewed");
  v.number("target_overload", r.target_overload, Unit::number, {0, 65'536},
           "zipf, dirichlet: above 1, the skew is searched that gives this overload factor");
  v.numbers("histogram", r.histogram, Unit::number, {0, 1e18},
            "histogram: relative load of each expert");
  v.number_lists("layer_histograms", r.layer_histograms, Unit::number, {0, 1e18},
                 "histogram: one per layer instead");
  visit_recorded(v, r);
  v.integer("step", r.step, {0, 1 << 20}, "step of the training run that is simulated");
  v.number("drift", r.drift, Unit::number, {0, 10},
           "random walk of log popularity, deviation per step");
  v.number("jitter", r.jitter, Unit::number, {0, 10},
           "spread of one microbatch around the layer's popularity: log-normal sigma");
  v.number("source_correlation", r.source_correlation, Unit::number, {0, 1},
           "0: source ranks share a layer's popularity; 1: each has its own");
  v.number("capacity_factor", r.capacity_factor, Unit::number, {0, 65'536},
           "of an expert, per source; 0: dropless");
  v.flag("pad_to_capacity", r.pad_to_capacity,
         "every pair of source and expert exchanges exactly the capacity");
  v.integer("pad_rows_to", r.pad_rows_to, {1, 65'536},
            "rows of an expert are padded to a multiple of this");
  v.choice("placement", r.placement, "which expert-parallel rank holds which experts");
  v.integers(
      "expert_of_slot", r.expert_of_slot, {0, 65'535},
      "placement table: expert of each slot, rank by rank; more slots than experts: replicas");
  v.integer("redundant_experts", r.redundant_experts, {0, 65'536},
            "eplb: slots beyond one per expert, over all ranks");
  v.integer("placement_period", r.placement_period, {1, 1e9}, "eplb: steps between rearrangements");
}

}  // namespace moesim
