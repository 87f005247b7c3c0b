#include "config/hf_families.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr HfFamily kFamilies[] = {
    // Dense decoders with SwiGLU.
    {"llama internlm3 smollm3 seed_oss granite", {}},
    {"ministral ministral3 mistral mistral3", {.window = HfWindow::all}},
    {"phi3", {.window = HfWindow::all}},
    {"qwen2", {.qkv_bias = true}},
    {"qwen3 qwen3_vl_text", {.qk_norm = true}},
    {"hunyuan_v1_dense", {.qk_norm = true}},
    {"exaone4", {.window = HfWindow::pattern, .window_period = 4, .qk_norm = true}},
    {"ernie4_5", {.tied = true}},
    {"olmo2 olmo3", {.qk_norm = true}},
    {"glm glm4", {}},
    {"mimo", {.qkv_bias = true}},
    {"gemma2", {.window = HfWindow::alternate, .gated_gelu = true, .tied = true}},
    {"gemma3 gemma3_text",
     {.window = HfWindow::pattern,
      .window_period = 6,
      .qk_norm = true,
      .gated_gelu = true,
      .tied = true}},
    {"gemma4 gemma4_text",
     {.window = HfWindow::pattern,
      .window_period = 6,
      .qk_norm = true,
      .dense_beside_experts = true,
      .gated_gelu = true,
      .tied = true}},
    {"cohere cohere2", {.window = HfWindow::pattern, .window_period = 4, .tied = true}},
    // Dense decoders whose FFN has two matrices.
    {"nemotron apertus arcee", {.two_matrices = true}},
    {"starcoder2", {.window = HfWindow::all, .two_matrices = true}},
    // Experts after every attention.
    {"mixtral", {.window = HfWindow::all, .expert_is_intermediate = true}},
    {"phimoe", {.window = HfWindow::all, .expert_is_intermediate = true}},
    {"grok-1 grok1", {.expert_is_intermediate = true, .gated_gelu = true}},
    {"dbrx", {.expert_is_intermediate = true}},
    {"olmoe flex_olmo", {.qk_norm = true, .expert_is_intermediate = true}},
    {"qwen2_moe", {.qkv_bias = true, .shared_gate = true}},
    {"qwen3_moe qwen3_vl_moe_text qwen3_omni_moe_text", {.qk_norm = true, .shared_gate = true}},
    {"gpt_oss",
     {.window = HfWindow::alternate,
      .qkv_bias = true,
      .expert_bias = true,
      .expert_is_intermediate = true}},
    {"llama4 llama4_text",
     {.window = HfWindow::no_rope, .expert_is_intermediate = true, .shared_like_expert = true}},
    {"granitemoe granitemoeshared", {.expert_is_intermediate = true}},
    {"deepseek deepseek_v2 deepseek_v3 kimi_k2 kimi_k25 kimi_vl glm4_moe_lite", {}},
    {"deepseek_v32 glm_moe_dsa", {}},
    {"glm4_moe", {}},
    {"glm4v_moe_text", {.qkv_bias = true}},
    {"dots1 solar_open", {.qk_norm = true}},
    {"ernie4_5_moe", {.tied = true}},
    {"hunyuan_v1_moe hunyuan", {.qk_norm = true, .expert_is_intermediate = true}},
    {"minimax_m2", {.qk_norm = true, .expert_is_intermediate = true}},
    {"bailing_moe bailing_moe_v2", {}},
    {"exaone_moe", {.window = HfWindow::pattern, .window_period = 4, .qk_norm = true}},
    {"afmoe",
     {.window = HfWindow::global_every,
      .window_period = 4,
      .qk_norm = true,
      .attention_gate = true}},
    {"mimo_v2_flash mimo_v2", {.window = HfWindow::hybrid_pattern}},
    {"step3p5", {.qk_norm = true}},
    // Layers of several kinds.
    {"qwen3_next qwen3_5_text qwen3_5 qwen3_5_moe_text qwen3_5_moe",
     {.layout = HfLayout::delta, .qk_norm = true, .attention_gate = true, .shared_gate = true}},
    {"kimi_linear", {.layout = HfLayout::kimi_linear}},
    {"minimax minimax_text_01 minimax_m1",
     {.layout = HfLayout::lightning, .expert_is_intermediate = true}},
    {"bailing_moe_linear", {.layout = HfLayout::lightning, .qk_norm = true}},
    {"jamba", {.layout = HfLayout::jamba, .expert_is_intermediate = true, .conv_taps = 4}},
    {"granitemoehybrid",
     {.layout = HfLayout::keys, .expert_is_intermediate = true, .conv_taps = 4}},
    {"nemotron_h", {.layout = HfLayout::nemotron, .two_matrices = true, .conv_taps = 4}},
    {"lfm2 lfm2_moe", {.layout = HfLayout::short_conv, .qk_norm = true, .tied = true}},
    {"longcat_flash", {.layout = HfLayout::two_attention}},
    {"deepseek_v4", {.layout = HfLayout::compressed}},
};

}  // namespace

const HfFamily* find_family(std::string_view model_type) {
  if (model_type.empty() || model_type.find(' ') != std::string_view::npos) return nullptr;
  for (const HfFamily& family : kFamilies)
    for (std::string_view rest = family.types; !rest.empty();) {
      const size_t space = rest.find(' ');
      if (rest.substr(0, space) == model_type) return &family;
      rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
    }
  return nullptr;
}

std::vector<std::string> family_types() {
  std::vector<std::string> types;
  for (const HfFamily& family : kFamilies)
    for (std::string_view rest = family.types; !rest.empty();) {
      const size_t space = rest.find(' ');
      types.emplace_back(rest.substr(0, space));
      rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
    }
  std::sort(types.begin(), types.end());
  return types;
}

}  // namespace moesim
