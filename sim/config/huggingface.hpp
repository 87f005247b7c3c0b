// HuggingFace config.json -> the keys of a workload. The result keeps the places of the JSON
// values, so that the strict reader reports a bad number where it stands. Keys that do not shape
// the model are ignored: such files hold many.
#pragma once

#include <string>

#include "base/diagnostics.hpp"
#include "config/tree.hpp"

namespace moesim {

// A map with `model_type` or `architectures`.
bool is_huggingface(const YamlNode& node);

// Understands the DeepSeek-V2/V3 (also Kimi-K2), Qwen2-MoE, Qwen3-MoE, Qwen3-Next, Mixtral,
// gpt-oss, OLMoE, GLM-4.5, Llama-4, DBRX and dense Llama-like families by their keys; key names
// follow the configuration classes of the `transformers` library. A needed key that is missing is
// reported with all its synonyms under `path`.
YamlNode from_huggingface(const YamlNode& config, const std::string& path, Problems& problems);

}  // namespace moesim
