// Configs of the public model families, cut to the keys that matter (and a few that do not),
// written after the formats of the `transformers` configuration classes.
#include "config/huggingface.hpp"

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
  CHECK(s.layers == 61);
  CHECK(s.hidden == 7168);
  CHECK(s.vocab == 129280);
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
  CHECK(s.experts == 256);
  CHECK(s.top_k == 8);
  CHECK(s.moe_ffn == 2048);
  CHECK(s.shared_experts == 1);
  CHECK(s.shared_ffn == 2048);
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
  CHECK(s.experts == 128);
  CHECK(s.moe_ffn == 768);
  CHECK(s.first_dense_layers == 0);
  CHECK(s.shared_experts == 0);
  std::string stepped = config;
  stepped.replace(stepped.find("\"decoder_sparse_step\": 1"), 24, "\"decoder_sparse_step\": 2");
  CHECK(import(stepped).moe_period == 2);
  CHECK(import(stepped).dense_ffn == 6144);
  std::string first = config;
  first.replace(first.find("\"mlp_only_layers\": []"), 21, "\"mlp_only_layers\": [0, 1]");
  CHECK(import(first).first_dense_layers == 2);
  std::string odd = config;
  odd.replace(odd.find("\"mlp_only_layers\": []"), 21, "\"mlp_only_layers\": [5]");
  CHECK(error_of(odd) ==
        "models/M/config.json:1:1: the layers with experts do not follow a period "
        "(first_dense_layers, moe_period)");
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
  CHECK(s.linear_attention_period == 4);
  CHECK(s.linear_key_heads == 16);
  CHECK(s.linear_value_heads == 32);
  CHECK(s.linear_head_dim == 128);
  CHECK(s.attention_gate);
  CHECK(s.qk_norm);
}

TEST_CASE("Mixtral: intermediate_size is an expert's width") {
  const ModelShape s =
      import(R"({"model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32,
  "vocab_size": 32000, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
  "num_experts_per_tok": 2, "intermediate_size": 14336, "sliding_window": null, "router_aux_loss_coef": 0.02})");
  CHECK(s.experts == 8);
  CHECK(s.top_k == 2);
  CHECK(s.moe_ffn == 14336);
  CHECK(s.dense_ffn == 0);
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
  CHECK(error_of("{" + config +
                 R"(, "layer_types": ["full_attention", "sliding_attention", "full_attention",
     "full_attention"]})") ==
        "models/M/config.json:1:1: layer_types is not periodic: the last layer of every so many "
        "should be "
        "full_attention");
  CHECK(import("{" + config + R"(, "layer_types": ["full_attention", "full_attention"]})")
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
        "models/M/config.json:1:1: this HuggingFace config has no num_attention_heads, n_head or "
        "n_heads\n"
        "models/M/config.json:1:1: this HuggingFace config has no num_experts_per_tok, "
        "num_experts_per_token, moe_topk "
        "or ffn_config.moe_top_k\n"
        "models/M/config.json:1:1: this HuggingFace config has no moe_intermediate_size, "
        "expert_ffn_hidden_size, "
        "intermediate_size or ffn_config.ffn_hidden_size");
  std::string wrong = "{" + kLlama + "}";
  wrong.replace(wrong.find("32, \"vocab"), 2, "-5");
  CHECK(error_of(wrong) == "models/M/config.json:1:67: layers: must be from 1 to 10000, got -5");
}
