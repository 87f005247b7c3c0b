#include "config/hf_families.hpp"

#include <algorithm>

#include "config/reader.hpp"
#include "config/tree.hpp"

namespace moesim {

// The text of workloads/huggingface/families.yaml, compiled in.
extern const char* const kFamiliesYaml;

void visit(Visitor& v, HfFamily& f) {
  HfTraits& t = f.traits;
  v.texts("types", f.types, "values of model_type", Need::required);
  v.choice("layout", t.layout, "how layers of several kinds follow one another");
  v.choice("window", t.window, "which layers have the window, without layer_types");
  v.integer("window_period", t.window_period, {0, 1000}, "of pattern, without a key for it");
  v.flag("qk_norm", t.qk_norm, "norms on the heads of queries and keys");
  v.flag("qkv_bias", t.qkv_bias, "biases of queries, keys and values, where no key says otherwise");
  v.flag("attention_gate", t.attention_gate, "the query projection is twice as wide");
  v.flag("shared_gate", t.shared_gate, "the shared experts are gated");
  v.flag("expert_bias", t.expert_bias, "the experts' matrices have biases");
  v.flag("expert_is_intermediate", t.expert_is_intermediate,
         "intermediate_size is the width of an expert");
  v.flag("shared_like_expert", t.shared_like_expert, "one shared expert without a key");
  v.flag("dense_beside_experts", t.dense_beside_experts,
         "layers with experts have the dense FFN too");
  v.flag("two_matrices", t.two_matrices, "FFNs without a gate");
  v.flag("gated_gelu", t.gated_gelu, "three matrices whatever the activation");
  v.flag("tied", t.tied, "tied embeddings where no key says otherwise");
  v.integer("conv_taps", t.conv_taps, {0, 1000}, "of Mamba, where no key says otherwise");
}

namespace {

struct Families {
  std::vector<HfFamily> rows;
};

void visit(Visitor& v, Families& f) { v.sections("families", f.rows, "groups of types"); }

const std::vector<HfFamily>& families() {
  static const std::vector<HfFamily> rows = [] {
    Problems problems;
    Families read;
    const YamlNode root = parse_yaml(kFamiliesYaml, {"families.yaml", "", "", true}, problems);
    StructReader(root, "", problems).read(read);
    MOESIM_CHECK(problems.empty(), "families.yaml: {}", problems.text());
    return read.rows;
  }();
  return rows;
}

}  // namespace

const HfFamily* find_family(std::string_view model_type) {
  for (const HfFamily& family : families())
    for (const std::string& type : family.types)
      if (type == model_type) return &family;
  return nullptr;
}

std::vector<std::string> family_types() {
  std::vector<std::string> types;
  for (const HfFamily& family : families())
    types.insert(types.end(), family.types.begin(), family.types.end());
  std::sort(types.begin(), types.end());
  return types;
}

}  // namespace moesim
