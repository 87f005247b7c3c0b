// The keys of the model. What they should be is in NVIDIA/Megatron-LM,
// megatron/training/arguments.py and megatron/core/transformer/moe/moe_layer.py; the vocabulary's
// padding in its tokenizers.
#include "import_fixture.hpp"
#include "model/parameters.hpp"

using namespace moesim;

TEST_CASE("a dense model: heads that are not grouped, widths that are not said") {
  const ImportedScenario s = imported(kModel);
  CHECK(value(s, "workload.kv_heads") == "16");
  CHECK(value(s, "workload.head_dim") == "64");
  CHECK(value(s, "workload.dense_ffn") == "4096");
  CHECK(value(s, "workload.tied_embeddings") == "false");
  CHECK(value(s, "workload.attention_bias") == "");
  CHECK(value(s, "workload.experts") == "");
  const Scenario scenario = loaded(s);
  // By hand: embedding and logits 2 x 32768 x 1024; each layer 4 x 1024^2 and 3 x 1024 x 4096, and
  // two norms; a last norm.
  CHECK(total_parameters(scenario.workload) ==
        2.0 * 32768 * 1024 + 8.0 * (4.0 * 1024 * 1024 + 3.0 * 1024 * 4096 + 2048) + 1024);
}

TEST_CASE("grouped-query attention with experts") {
  const ImportedScenario s =
      imported(kModel + kExperts +
               "--group-query-attention --num-query-groups 4 --kv-channels 128 "
               "--qk-layernorm --moe-shared-expert-intermediate-size 1024");
  CHECK(value(s, "workload.kv_heads") == "4");
  CHECK(value(s, "workload.head_dim") == "128");
  CHECK(value(s, "workload.qk_norm") == "true");
  CHECK(value(s, "workload.experts") == "16");
  CHECK(value(s, "workload.top_k") == "2");
  CHECK(value(s, "workload.shared_ffn") == "1024");
  CHECK(value(s, "workload.dense_ffn") == "");
  CHECK(loaded(s).workload.moe_ffn == 512);
}

TEST_CASE("latent attention, and its defaults") {
  const Scenario s = loaded(imported(kModel + kExperts +
                                     "--multi-latent-attention --q-lora-rank 512 "
                                     "--kv-lora-rank 256 --qk-layernorm"));
  CHECK(s.workload.attention == AttentionKind::mla);
  CHECK(s.workload.q_lora_rank == 512);
  CHECK(s.workload.kv_lora_rank == 256);
  CHECK(s.workload.qk_nope_dim == 128);
  CHECK(s.workload.qk_rope_dim == 64);
  CHECK(s.workload.v_dim == 128);
}

TEST_CASE("which layers have experts") {
  const auto ffns = [](const std::string& freq) {
    return imported(kModel + kExperts + "--moe-layer-freq " + freq);
  };
  CHECK(value(ffns("'([0]*3+[1]*5)'"), "workload.first_dense_layers") == "3");
  CHECK(value(ffns("'([0]*3+[1]*5)'"), "workload.dense_ffn") == "4096");
  CHECK(value(ffns("1"), "workload.ffns") == "");
  CHECK(value(ffns("\"([1]*8)\""), "workload.dense_ffn") == "");
  CHECK(value(ffns("2"), "workload.ffns") ==
        "[experts, dense, experts, dense, experts, dense, experts, dense]");
  CHECK(value(ffns("[1,0]*4"), "workload.ffns") == value(ffns("2"), "workload.ffns"));
  CHECK(fault(kModel + kExperts + "--moe-layer-freq [1]*7") ==
        "run.sh:2: --moe-layer-freq: has 7 entries for 8 layers");
}

TEST_CASE("windows and linear attention") {
  const Scenario window =
      loaded(imported(kModel + "--window-size 127,0 --window-attn-skip-freq 2"));
  CHECK(window.workload.sliding_window == 128);
  CHECK(window.workload.sliding_window_period == 2);
  const Scenario everywhere = loaded(imported(kModel + "--sliding-window 4096"));
  CHECK(everywhere.workload.sliding_window == 4096);
  CHECK(everywhere.workload.sliding_window_period == 0);
  const Scenario linear = loaded(
      imported(kModel +
               "--linear-attention-freq 4 --linear-num-key-heads 16 --linear-num-value-heads 32 "
               "--linear-value-head-dim 128 --attention-output-gate"));
  CHECK(linear.workload.linear_attention_period == 4);
  CHECK(linear.workload.linear_value_heads == 32);
  CHECK(linear.workload.attention_gate);
  CHECK(value(imported(kModel + "--linear-attention-freq [1,1,1,0]*2"), "workload.mixers") ==
        "[linear, linear, linear, attention, linear, linear, linear, attention]");
}

TEST_CASE("a pattern of Mamba, attention and FFNs") {
  const ImportedScenario s =
      imported(kModel +
               "--hybrid-override-pattern M-M*- --mamba-state-dim 128 --mamba-head-dim 64 "
               "--mamba-num-groups 8");
  CHECK(value(s, "workload.layers") == "5");
  CHECK(value(s, "workload.mixers") == "[mamba, none, mamba, attention, none]");
  CHECK(value(s, "workload.ffns") == "[none, dense, none, none, dense]");
  CHECK(value(s, "workload.mamba_heads") == "32");
  CHECK(loaded(s).workload.mamba_inner == 2048);
}

TEST_CASE("the vocabulary is padded, or follows from the tokenizer, said loudly") {
  const auto vocab = [](const std::string& arguments) {
    return value(imported("--tensor-model-parallel-size 2 " + kModel + arguments),
                 "workload.vocab");
  };
  CHECK(vocab("--vocab-size 32000") == "32000");
  CHECK(vocab("--vocab-size 32001") == "32256");
  CHECK(vocab("--padded-vocab-size 32001") == "32001");
  CHECK(vocab("--vocab-size 151936 --make-vocab-size-divisible-by 1187") == "151936");
  CHECK(vocab("--vocab-size 32767 --tokenizer-type NullTokenizer") == "32768");
  std::string unsized = kModel;
  unsized.erase(unsized.find("--vocab-size 32768"), 18);
  const ImportedScenario s = imported(unsized + "--tokenizer-type GPT2BPETokenizer");
  CHECK(value(s, "workload.vocab") == "50304");
  REQUIRE(s.assumed.size() == 1);
  CHECK(s.assumed[0].find("a vocabulary of 50257") == 0);
}

TEST_CASE("sizes that are missing or are no numbers are named with their place") {
  CHECK(fault("train.py --num-layers 8 --bf16 --swiglu").find("--hidden-size is missing") !=
        std::string::npos);
  CHECK(fault(kModel + "--num-layers eight") ==
        "run.sh:2: --num-layers: expected a whole number, got \"eight\"");
  CHECK(fault(kModel + "--num-layers ${LAYERS}") ==
        "run.sh:2: --num-layers: the value is not known: ${LAYERS}; say --var LAYERS=VALUE");
  CHECK(fault(kModel + "--hidden-size 99999999999") ==
        "run.sh:2: --hidden-size: expected a whole number, got \"99999999999\"");
}
