// Configs of the public model families, cut to the keys that matter (and a few that do not),
// written after the formats of the `transformers` configuration classes.
#include "config/huggingface.hpp"

#include <tuple>

#include "catch.hpp"
#include "config/fixture.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

ModelShape import(const std::string& json, const std::string& file = "models/M/config.json") {
  return load_workload(file, {}, {}, one_file(file, json));
}

std::string error_of(const std::string& json) {
  return input_error([&] { import(json); });
}

const std::string kLlama =
    R"("model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "vocab_size": 128256,
  "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336)";

}  // namespace

TEST_CASE("DeepSeek-V3: MLA, dense first layers, groups, prediction layer") {
  const ModelShape s = import(R"({
  "architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config"}, "ep_size": 1, "first_k_dense_replace": 3,
  "hidden_act": "silu", "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512,
  "model_type": "deepseek_v3", "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8,
  "n_routed_experts": 256, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 128,
  "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
  "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
  "quantization_config": {"fmt": "e4m3", "weight_block_size": [128, 128]}, "routed_scaling_factor": 2.5,
  "scoring_func": "sigmoid", "tie_word_embeddings": false, "topk_group": 4, "topk_method": "noaux_tc",
  "v_head_dim": 128, "vocab_size": 129280})");
  CHECK(s.name == "M");
  CHECK(std::tuple(s.layers, s.hidden, s.vocab) == std::tuple(61, 7168, 129280));
  CHECK(s.attention == AttentionKind::mla);
  CHECK(s.heads == 128);
  CHECK(s.q_lora_rank == 1536);
  CHECK(s.kv_lora_rank == 512);
  CHECK(s.qk_nope_dim == 128);
  CHECK(s.qk_rope_dim == 64);
  CHECK(s.v_dim == 128);
  CHECK(s.dense_ffn == 18432);
  CHECK(s.first_dense_layers == 3);
  CHECK(s.moe_period == 1);
  CHECK(std::tuple(s.experts, s.top_k, s.moe_ffn) == std::tuple(256, 8, 2048));
  CHECK(std::pair(s.shared_experts, s.shared_ffn) == std::pair(1, 2048));
  CHECK(s.n_group == 8);
  CHECK(s.topk_group == 4);
  CHECK(s.mtp_layers == 1);
  CHECK_FALSE(s.tied_embeddings);
}

TEST_CASE("DeepSeek-V2-Lite: no query latent, two shared experts") {
  const ModelShape s =
      import(R"({"model_type": "deepseek_v2", "hidden_size": 2048, "num_hidden_layers": 27,
  "vocab_size": 102400, "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 64, "n_shared_experts": 2,
  "num_experts_per_tok": 6, "moe_intermediate_size": 1408, "intermediate_size": 10944, "first_k_dense_replace": 1,
  "moe_layer_freq": 1, "n_group": 1, "topk_group": 1, "topk_method": "greedy"})");
  CHECK(s.q_lora_rank == 0);
  CHECK(s.shared_experts == 2);
  CHECK(s.shared_ffn == 2816);
  CHECK(s.first_dense_layers == 1);
  CHECK(s.mtp_layers == 0);
}

TEST_CASE("Kimi-K2 is a DeepSeek-V3 of other sizes") {
  const ModelShape s =
      import(R"({"model_type": "kimi_k2", "hidden_size": 7168, "num_hidden_layers": 61,
  "vocab_size": 163840, "num_attention_heads": 64, "num_key_value_heads": 64, "q_lora_rank": 1536, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 384, "n_shared_experts": 1,
  "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "intermediate_size": 18432, "first_k_dense_replace": 1,
  "moe_layer_freq": 1, "n_group": 1, "topk_group": 1, "num_nextn_predict_layers": 0})");
  CHECK(s.attention == AttentionKind::mla);
  CHECK(s.experts == 384);
  CHECK(s.heads == 64);
  CHECK(s.first_dense_layers == 1);
  CHECK(s.mtp_layers == 0);
}

TEST_CASE(
    "Qwen3-MoE: head width apart from hidden, norms on heads, a step between layers with experts") {
  const std::string config = R"({"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false,
  "decoder_sparse_step": 1, "head_dim": 128, "hidden_size": 2048, "intermediate_size": 6144, "max_window_layers": 48,
  "mlp_only_layers": [], "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true,
  "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
  "num_key_value_heads": 4, "rope_scaling": null, "sliding_window": null, "tie_word_embeddings": false,
  "use_sliding_window": false, "vocab_size": 151936})";
  const ModelShape s = import(config);
  CHECK(s.attention == AttentionKind::gqa);
  CHECK(s.head_dim == 128);
  CHECK(s.kv_heads == 4);
  CHECK(s.qk_norm);
  CHECK_FALSE(s.attention_bias);
  CHECK(s.sliding_window == 0);
  CHECK(std::tuple(s.experts, s.moe_ffn, s.first_dense_layers, s.shared_experts) ==
        std::tuple(128, 768, 0, 0));
  std::string stepped = config;
  stepped.replace(stepped.find("\"decoder_sparse_step\": 1"), 24, "\"decoder_sparse_step\": 2");
  CHECK(import(stepped).moe_period == 2);
  CHECK(import(stepped).dense_ffn == 6144);
  std::string first = config;
  first.replace(first.find("\"mlp_only_layers\": []"), 21, "\"mlp_only_layers\": [0, 1]");
  CHECK(import(first).first_dense_layers == 2);
  std::string odd = config;
  odd.replace(odd.find("\"mlp_only_layers\": []"), 21, "\"mlp_only_layers\": [5]");
  CHECK(import(odd).ffns.size() == 48);
  CHECK(import(odd).ffns[5] == Ffn::dense);
  CHECK(import(odd).ffns[6] == Ffn::experts);
  CHECK(import(odd).dense_ffn == 6144);
}

TEST_CASE("Qwen2-MoE: gated shared expert, biases on queries, keys and values") {
  const ModelShape s =
      import(R"({"model_type": "qwen2_moe", "hidden_size": 3584, "num_hidden_layers": 28,
  "vocab_size": 151936, "num_attention_heads": 28, "num_key_value_heads": 4, "num_experts": 64,
  "num_experts_per_tok": 8, "moe_intermediate_size": 2560, "shared_expert_intermediate_size": 20480,
  "intermediate_size": 18944, "decoder_sparse_step": 1, "sliding_window": 65536, "use_sliding_window": false})");
  CHECK(s.head_dim == 128);
  CHECK(s.attention_bias);
  CHECK(s.shared_experts == 1);
  CHECK(s.shared_ffn == 20480);
  CHECK(s.shared_gate);
  CHECK(s.sliding_window == 0);
}

TEST_CASE("Qwen3-Next: linear attention in three of four layers") {
  const ModelShape s =
      import(R"({"model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48,
  "vocab_size": 151936, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
  "full_attention_interval": 4, "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
  "linear_value_head_dim": 128, "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512,
  "shared_expert_intermediate_size": 512, "intermediate_size": 5120, "decoder_sparse_step": 1})");
  CHECK(std::tuple(s.linear_attention_period, s.linear_key_heads, s.linear_value_heads,
                   s.linear_head_dim) == std::tuple(4, 16, 32, 128));
  CHECK(s.attention_gate);
  CHECK(s.qk_norm);
}

TEST_CASE("Mixtral: intermediate_size is an expert's width") {
  const ModelShape s =
      import(R"({"model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32,
  "vocab_size": 32000, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
  "num_experts_per_tok": 2, "intermediate_size": 14336, "sliding_window": null, "router_aux_loss_coef": 0.02})");
  CHECK(std::tuple(s.experts, s.top_k, s.moe_ffn, s.dense_ffn) == std::tuple(8, 2, 14336, 0));
  CHECK(s.head_dim == 128);
  CHECK_FALSE(s.qk_norm);
}

TEST_CASE("gpt-oss: sliding window in every second layer, biases") {
  const std::string config =
      R"("model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 4,
  "vocab_size": 201088, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "num_local_experts": 32,
  "num_experts_per_tok": 4, "experts_per_token": 4, "intermediate_size": 2880, "sliding_window": 128,
  "attention_bias": true)";
  for (const std::string types :
       {R"(, "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
     "full_attention"])",
        ""}) {
    const ModelShape s = import("{" + config + types + "}");
    CHECK(s.sliding_window == 128);
    CHECK(s.sliding_window_period == 2);
    CHECK(s.attention_bias);
    CHECK(s.expert_bias);
    CHECK(s.moe_ffn == 2880);
    CHECK(s.head_dim == 64);
  }
  const ModelShape first = import("{" + config + R"(, "layer_types": ["full_attention",
     "sliding_attention", "full_attention", "full_attention"]})");
  CHECK(first.mixers ==
        std::vector{Mixer::attention, Mixer::window, Mixer::attention, Mixer::attention});
  CHECK(error_of("{" + config + R"(, "layer_types": ["full_attention", "full_attention"]})") ==
        "models/M/config.json:4:42: layer_types needs an entry for each of the 4 layers");
  CHECK(import("{" + config + R"(, "layer_types": ["full_attention", "full_attention",
     "full_attention", "full_attention"]})")
            .sliding_window == 0);
}

TEST_CASE("OLMoE, GLM-4.5 and DBRX") {
  const ModelShape olmoe =
      import(R"({"model_type": "olmoe", "hidden_size": 2048, "num_hidden_layers": 16,
  "vocab_size": 50304, "num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 64,
  "num_experts_per_tok": 8, "intermediate_size": 1024, "clip_qkv": null, "norm_topk_prob": false})");
  CHECK(olmoe.moe_ffn == 1024);
  CHECK(olmoe.qk_norm);
  CHECK(olmoe.experts == 64);
  const ModelShape glm =
      import(R"({"model_type": "glm4_moe", "hidden_size": 5120, "num_hidden_layers": 92,
  "vocab_size": 151552, "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "attention_bias": true,
  "use_qk_norm": true, "n_routed_experts": 160, "num_experts_per_tok": 8, "n_shared_experts": 1,
  "moe_intermediate_size": 1536, "intermediate_size": 12288, "first_k_dense_replace": 3, "n_group": 1, "topk_group": 1,
  "num_nextn_predict_layers": 1, "partial_rotary_factor": 0.5})");
  CHECK(glm.qk_norm);
  CHECK(glm.attention_bias);
  CHECK(glm.first_dense_layers == 3);
  CHECK(glm.shared_ffn == 1536);
  CHECK(glm.mtp_layers == 1);
  const ModelShape dbrx =
      import(R"({"model_type": "dbrx", "d_model": 6144, "n_layers": 40, "n_heads": 48,
  "vocab_size": 100352, "attn_config": {"kv_n_heads": 8, "clip_qkv": 8},
  "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4}})");
  CHECK(dbrx.kv_heads == 8);
  CHECK(dbrx.experts == 16);
  CHECK(dbrx.top_k == 4);
  CHECK(dbrx.moe_ffn == 10752);
}

TEST_CASE("Llama-4: the text model of a multi-modal config, experts in every second layer") {
  const auto config = [](const std::string& step) {
    return R"({"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "vision_config": {"hidden_size": 1408},
  "text_config": {"model_type": "llama4_text", "hidden_size": 5120, "num_hidden_layers": 48, "vocab_size": 202048,
  "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 128,
  "num_experts_per_tok": 1, "intermediate_size": 8192, "intermediate_size_mlp": 16384, "use_qk_norm": false,
  "attention_chunk_size": 8192, )" +
           step + "}}";
  };
  const ModelShape maverick = import(config("\"interleave_moe_layer_step\": 2"));
  CHECK(maverick.experts == 128);
  CHECK(maverick.top_k == 1);
  CHECK(maverick.moe_ffn == 8192);
  CHECK(maverick.dense_ffn == 16384);
  CHECK(maverick.shared_ffn == 8192);
  CHECK(maverick.moe_period == 2);
  CHECK(maverick.first_dense_layers == 0);
  CHECK(maverick.sliding_window == 8192);
  CHECK(maverick.sliding_window_period == 4);
  CHECK(import(config("\"interleave_moe_layer_step\": 1")).moe_period == 1);
  std::string odd = "\"moe_layers\": [1";
  for (int i = 3; i < 48; i += 2) odd += ", " + std::to_string(i);
  CHECK(import(config(odd + "]")).moe_period == 2);
}

TEST_CASE("a dense model, inline or in a file, with overrides") {
  const ModelShape s = import("{" + kLlama + "}");
  CHECK(s.experts == 0);
  CHECK(s.dense_ffn == 14336);
  CHECK(s.head_dim == 128);
  const Scenario scenario =
      load_text("workload: {" + kLlama + "}\nplatform: pod\n" + kBatch, {"workload.layers=16"})
          .scenario;
  CHECK(scenario.workload.name == "llama");
  CHECK(scenario.workload.layers == 16);
  CHECK(scenario.workload.vocab == 128256);
  const ResolvedScenario file =
      load_text("workload: {base: hf/L/config.json, vocab: 1000}\nplatform: pod\n" + kBatch, {},
                {{"hf/L/config.json", "{" + kLlama + "}"}});
  CHECK(file.scenario.workload.name == "L");
  CHECK(file.scenario.workload.vocab == 1000);
  CHECK(file.sources.at("workload.layers").origin == "hf/L/config.json:1");
}

TEST_CASE("missing and unusable keys are reported with their synonyms and places") {
  CHECK(error_of(R"({"model_type": "mixtral", "num_local_experts": 8})") ==
        "models/M/config.json:1:1: this HuggingFace config has no num_hidden_layers, n_layer, "
        "n_layers or num_layers\n"
        "models/M/config.json:1:1: this HuggingFace config has no hidden_size, n_embd or d_model\n"
        "models/M/config.json:1:1: this HuggingFace config has no vocab_size\n"
        "models/M/config.json:1:1: this HuggingFace config has no num_attention_heads, n_head, "
        "n_heads or num_heads\n"
        "models/M/config.json:1:1: this HuggingFace config has no num_experts_per_tok, "
        "num_experts_per_token, moe_topk, moe_top_k, moe_k, top_k_experts, num_selected_experts "
        "or ffn_config.moe_top_k\n"
        "models/M/config.json:1:1: this HuggingFace config has no moe_intermediate_size, "
        "expert_ffn_hidden_size, "
        "intermediate_size or ffn_config.ffn_hidden_size");
  std::string wrong = "{" + kLlama + "}";
  wrong.replace(wrong.find("32, \"vocab"), 2, "-5");
  CHECK(error_of(wrong) == "models/M/config.json:1:67: layers: must be from 1 to 10000, got -5");
}

namespace {

// The smallest model that each of these reads: what is added to it is in `more`.
std::string small(const std::string& type, const std::string& more,
                  const std::string& experts = R"("num_experts": 64, "num_experts_per_tok": 8,
  "moe_intermediate_size": 768)") {
  return R"({"model_type": ")" + type + R"(", "hidden_size": 2048, "num_hidden_layers": 4,
  "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 32000,
  "intermediate_size": 6144, )" +
         experts + (more.empty() ? "" : ", ") + more + "}";
}

ModelShape as_qwen(const std::string& json) {
  const std::string file = "m.json";
  return load_workload(file, {"like=qwen3_moe"}, {}, one_file(file, json));
}

std::string error_as_qwen(const std::string& json) {
  return input_error([&] { as_qwen(json); });
}

bool names(const std::string& error, const std::string& key) {
  return error.find(key) != std::string::npos;
}

}  // namespace

TEST_CASE("an unknown model_type is refused with the keys that shape it, unless likened") {
  const std::string unknown = error_of(small("x_moe", R"("mtp_num_hidden_layers": 1)"));
  CHECK(
      unknown.starts_with("models/M/config.json:1:16: model_type \"x_moe\" is not known, so what "
                          "these keys mean is not either: hidden_size, "));
  CHECK(names(unknown, "moe_intermediate_size, mtp_num_hidden_layers. If it is built like"));
  CHECK(names(unknown, "--assume like=TYPE"));
  CHECK(as_qwen(small("x_moe", "")).experts == 64);
  CHECK(as_qwen(small("x_moe", "")).qk_norm);
  CHECK(input_error([] {
          load_workload("m.json", {"like=qwen3moe"}, {}, one_file("m.json", small("x_moe", "")));
        })
            .starts_with("m.json:1:1: like: \"qwen3moe\" is not a known model_type (did you mean "
                         "\"qwen3_moe\"?)"));
  const std::map<std::string, std::string> files = {{"x/config.json", small("x_moe", "")}};
  const std::string scenario =
      "workload: {base: x/config.json, like: qwen3_moe}\nplatform: pod\n" + kBatch;
  CHECK(load_text(scenario, {}, files).scenario.workload.experts == 64);
  CHECK(load_text("workload: x/config.json\nplatform: pod\n" + kBatch,
                  {"workload.like=qwen3_moe", "plan.ep=8"}, files)
            .scenario.workload.experts == 64);
}

TEST_CASE("an unread key that may shape the model is an error that names it") {
  for (const char* key :
       {"routed_expert_hidden_size", "mamba_d_state", "hybrid_override_pattern", "compress_ratio",
        "ngram_size", "linear_num_value_heads", "conv_L_cache", "attn_layer_period"})
    CHECK(names(error_as_qwen(small("x_moe", std::string("\"") + key + "\": 2")), key));
  // What is off, and what does not shape a model, is no concern.
  CHECK(as_qwen(small("x_moe", R"("mamba_d_state": null, "use_ngram_heads": false,
      "index_topk": 0, "router_aux_loss_coef": 0.1, "rope_theta": 1e6)"))
            .layers == 4);
}

TEST_CASE("synonyms and forms of values") {
  CHECK(as_qwen(small("x", "", R"("moe_num_experts": 64, "moe_k": 6,
      "moe_intermediate_size": 768)"))
            .top_k == 6);
  CHECK(as_qwen(small("x", "", R"("num_experts": [64, 64, 64, 64], "moe_topk": [8, 8, 8, 8],
      "moe_intermediate_size": [768, 768, 768, 768])"))
            .moe_ffn == 768);
  CHECK(names(error_as_qwen(small("x", "", R"("num_experts": [64, 32, 64, 64], "moe_topk": 8,
      "moe_intermediate_size": 768)")),
              "num_experts"));
  CHECK(as_qwen(small("x", R"("moe_layer_freq": [false, true, true, true])")).first_dense_layers ==
        1);
  CHECK(as_qwen(small("x", R"("first_k_dense_replace": null)")).first_dense_layers == 0);
  CHECK(as_qwen(small("x", R"("num_dense_layers": 2)")).first_dense_layers == 2);
  CHECK(as_qwen(small("x", R"("moe_layers_enum": "2,3")")).first_dense_layers == 2);
  CHECK(as_qwen(small("x", R"("mtp_num_hidden_layers": 1)")).mtp_layers == 1);
  CHECK(as_qwen(small("x", R"("shared_expert_intermediate_size": 0)")).shared_experts == 0);
  CHECK(as_qwen(small("x", R"("share_expert_dim": 3072)")).shared_ffn == 3072);
  CHECK(as_qwen(small("x", R"("n_shared_experts": 1,
      "moe_shared_expert_intermediate_size": 3072)"))
            .shared_ffn == 3072);
  CHECK(as_qwen(small("x", R"("tie_word_embeddings": true)")).tied_embeddings);
  CHECK(names(error_as_qwen(small("x", R"("hidden_act": "gelu")")), "hidden_act"));
  CHECK(names(error_as_qwen(small("x", R"("mlp_hidden_act": "relu2")")), "mlp_hidden_act"));
  CHECK(names(error_as_qwen(small("x", R"("layer_types": ["conv", "conv", "full_attention",
      "conv"])")),
              "layer_types names \"conv\""));
  // Synonyms may agree; where they do not, the second is a problem.
  CHECK(as_qwen(small("x", R"("n_routed_experts": 64)")).experts == 64);
  CHECK(names(error_as_qwen(small("x", R"("n_routed_experts": 32)")), "num_experts"));
}

TEST_CASE("the language model inside others, and where its embeddings are tied") {
  const std::string inner = small("qwen3_moe", "");
  for (const char* key : {"text_config", "language_config", "llm_config"})
    CHECK(import(std::string(R"({"model_type": "v", ")") + key + "\": " + inner + "}").experts ==
          64);
  CHECK(import(R"({"thinker_config": {"text_config": )" + inner + "}}").experts == 64);
  CHECK(import(R"({"model_type": "v", "tie_word_embeddings": true, "text_config": )" + inner + "}")
            .tied_embeddings);
  CHECK(names(error_of(R"({"tie_word_embeddings": true, "text_config": )" +
                       small("qwen3_moe", R"("tie_word_embeddings": false)") + "}"),
              "tie_word_embeddings differs from that of the nested config"));
}

TEST_CASE("zero-computation experts leave the mean number of the others to choose") {
  const ModelShape s = as_qwen(small("x", "", R"("n_routed_experts": 64, "zero_expert_num": 32,
      "moe_topk": 6, "moe_intermediate_size": 768)"));
  CHECK(s.experts == 64);
  CHECK(s.zero_experts == 32);
  CHECK(s.top_k == 4);
  CHECK(names(error_as_qwen(small("x", "", R"("n_routed_experts": 64, "zero_expert_num": 32,
      "moe_topk": 8, "moe_intermediate_size": 768)")),
              "zero_expert_num = 32 leaves no whole number of 8 choices among 64 experts"));
}

TEST_CASE("a config where a scenario belongs is answered with what to write") {
  CHECK(input_error(
            [] { load_scenario("c.json", {}, {}, one_file("c.json", small("qwen3_moe", ""))); }) ==
        "c.json:1:1: is a HuggingFace config, not a scenario: write a scenario with the keys "
        "workload: c.json, platform, plan and batch");
}
