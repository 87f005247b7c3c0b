// Reads the committed workload descriptions as far as these tests need it: flat "key: value" lines,
// a value may be {value: X, source: "..."}. The program itself reads them through config/.
#pragma once

#include <fstream>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>

#include "model/shape.hpp"

namespace moesim {

inline std::map<std::string, std::string> read_flat_yaml(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  const std::regex plain(R"((\w+): *([^{].*))"), with_source(R"((\w+): *\{value: *([^,}]+).*)");
  std::map<std::string, std::string> values;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (line.empty() || line[0] == '#') continue;
    if (!std::regex_match(line, match, with_source) && !std::regex_match(line, match, plain)) {
      throw std::runtime_error(path + ": cannot read " + line);
    }
    if (!values.emplace(match[1], match[2]).second)
      throw std::runtime_error(path + ": twice " + match[1].str());
  }
  return values;
}

// workloads/NAME.yaml of the source tree; throws on a key that ModelShape does not have.
inline ModelShape workload(const std::string& name) {
  using Shape = ModelShape;
  static const std::map<std::string, int Shape::*> integers = {
      {"layers", &Shape::layers},
      {"hidden", &Shape::hidden},
      {"vocab", &Shape::vocab},
      {"heads", &Shape::heads},
      {"kv_heads", &Shape::kv_heads},
      {"head_dim", &Shape::head_dim},
      {"q_lora_rank", &Shape::q_lora_rank},
      {"kv_lora_rank", &Shape::kv_lora_rank},
      {"qk_nope_dim", &Shape::qk_nope_dim},
      {"qk_rope_dim", &Shape::qk_rope_dim},
      {"v_dim", &Shape::v_dim},
      {"sliding_window", &Shape::sliding_window},
      {"sliding_window_period", &Shape::sliding_window_period},
      {"linear_attention_period", &Shape::linear_attention_period},
      {"linear_key_heads", &Shape::linear_key_heads},
      {"linear_value_heads", &Shape::linear_value_heads},
      {"linear_head_dim", &Shape::linear_head_dim},
      {"dense_ffn", &Shape::dense_ffn},
      {"first_dense_layers", &Shape::first_dense_layers},
      {"moe_period", &Shape::moe_period},
      {"experts", &Shape::experts},
      {"top_k", &Shape::top_k},
      {"moe_ffn", &Shape::moe_ffn},
      {"shared_experts", &Shape::shared_experts},
      {"shared_ffn", &Shape::shared_ffn},
      {"n_group", &Shape::n_group},
      {"topk_group", &Shape::topk_group},
      {"mtp_layers", &Shape::mtp_layers},
  };
  static const std::map<std::string, bool Shape::*> flags = {
      {"tied_embeddings", &Shape::tied_embeddings},
      {"qk_norm", &Shape::qk_norm},
      {"attention_bias", &Shape::attention_bias},
      {"attention_gate", &Shape::attention_gate},
      {"expert_bias", &Shape::expert_bias},
      {"shared_gate", &Shape::shared_gate},
      {"gated_ffn", &Shape::gated_ffn},
  };
  Shape shape;
  for (const auto& [key, value] :
       read_flat_yaml(std::string(MOESIM_SOURCE_DIR) + "/workloads/" + name + ".yaml")) {
    if (integers.contains(key)) {
      shape.*integers.at(key) = std::stoi(value);
    } else if (flags.contains(key)) {
      shape.*flags.at(key) = value == "true";
    } else if (key == "name") {
      shape.name = value;
    } else if (key == "attention") {
      shape.attention = value == "mla" ? AttentionKind::mla : AttentionKind::gqa;
    } else if (key == "published_total_parameters") {
      shape.published_total_parameters = std::stod(value);
    } else if (key == "published_active_parameters") {
      shape.published_active_parameters = std::stod(value);
    } else if (key != "source") {
      throw std::runtime_error(name + ": no such field: " + key);
    }
  }
  return shape;
}

}  // namespace moesim
