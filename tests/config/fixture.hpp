// A small world of presets in memory, and scenarios loaded from text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "fixtures/input_error.hpp"

namespace moesim {

inline std::map<std::string, std::string> preset_files() {
  return {
      {"data/platforms/devices/gpu.yaml",
       "peak_bf16_flops: {value: 989.4 TFLOPS, source: data sheet}\n"
       "peak_fp8_flops: 1979 TFLOPS\n"
       "sms: 132\n"
       "memory_bytes: 80 GiB\n"
       "memory_bytes_per_s: 3.35 TB/s\n"
       "launch_s: 2 us\n"
       "gemm_efficiency: 0.8\n"
       "grouped_gemm_efficiency: 0.7\n"
       "fp8_efficiency: 0.6\n"
       "attention_efficiency: 0.6\n"
       "attention_backward_efficiency: 0.5\n"
       "memory_efficiency: 90 %\n"
       "sustained_efficiency: 0.8\n"},
      {"data/platforms/devices/old.yaml", "base: gpu\npeak_fp8_flops: 0\n"},
      {"data/platforms/pod.yaml",
       "title: a pod\n"
       "device: gpu\n"
       "gpus: 16\n"
       "nvlink_bytes_per_s: 450 GB/s\n"
       "nic_bytes_per_s: 400 Gbps\n"},
      {"data/workloads/tiny.yaml",
       "layers: 8\nhidden: 1024\nvocab: 32000\nheads: 16\nkv_heads: 4\nhead_dim: 64\n"
       "experts: 32\ntop_k: 4\nmoe_ffn: 512\n"},
      {"data/workloads/dense.yaml",
       "layers: 8\nhidden: 1024\nvocab: 32000\nheads: 16\nkv_heads: 4\nhead_dim: 64\ndense_ffn: "
       "4096\n"},
  };
}

inline MemoryFiles one_file(const std::string& path, const std::string& text) {
  return MemoryFiles(std::map<std::string, std::string>{{path, text}});
}

inline const std::string kBatch = "batch: {global_batch: 32, sequence_length: 4096}\n";
inline const std::string kScenario = "workload: tiny\nplatform: pod\n" + kBatch;

// `files` are added to the presets; the scenario is the file s.yaml.
inline ResolvedScenario load_text(const std::string& text,
                                  const std::vector<std::string>& sets = {},
                                  const std::map<std::string, std::string>& files = {}) {
  std::map<std::string, std::string> all = preset_files();
  all.insert(files.begin(), files.end());
  all["s.yaml"] = text;
  return load_scenario("s.yaml", sets, {{"data"}}, MemoryFiles(all));
}

// Returns what the user would read; "" when the scenario is sound.
inline std::string errors_of(const std::string& text, const std::vector<std::string>& sets = {},
                             const std::map<std::string, std::string>& files = {}) {
  return input_error([&] { load_text(text, sets, files); });
}

}  // namespace moesim
