// A small model on 16 GPUs, whose mappings are searched.
#pragma once

#include <string>
#include <vector>

#include "config/scenario.hpp"

namespace moesim {

inline const std::string kSearched = R"(
workload: {layers: 8, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64,
           experts: 16, top_k: 4, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
batch: {global_batch: 256, sequence_length: 2048}
)";

inline Scenario load(const std::vector<std::string>& sets) {
  const MemoryFiles files({{"s.yaml", kSearched}}, &disk_files());
  return load_scenario("s.yaml", sets, {{MOESIM_SOURCE_DIR}}, files).scenario;
}

}  // namespace moesim
