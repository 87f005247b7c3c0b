// Sums over the kernels of a layer, and the workloads that between them have every kind of layer.
#pragma once

#include <functional>

#include "model/layer_ops.hpp"

namespace moesim {

inline constexpr Pass all_passes[] = {Pass::forward, Pass::backward_data, Pass::backward_weight};

inline Shard one_sequence(const ModelShape& shape, int64_t length) {
  Shard shard;
  shard.sequence_length = length;
  shard.local_experts = shape.experts;
  return shard;
}

inline double balanced_rows(const ModelShape& shape, const Shard& shard) {
  return shard.local_tokens() * shape.top_k * shard.etp;
}

using Amount = std::function<double(const Kernel&, double rows)>;
inline double flops_of(const Kernel& kernel, double rows) {
  return kernel.flops + rows * kernel.flops_per_row;
}
inline double bytes_of(const Kernel& kernel, double rows) {
  return kernel.bytes + rows * kernel.bytes_per_row;
}

inline Kernels layer_kernels(const ModelShape& shape, int layer, const Shard& shard, Pass pass) {
  Kernels all;
  append(all, attention_in_ops(shape, layer, shard, pass));
  append(all, attention_core_ops(shape, layer, shard, pass));
  append(all, attention_out_ops(shape, layer, shard, pass));
  if (!has_experts(shape, layer)) {
    append(all, dense_ffn_ops(shape, shard, pass));
    return all;
  }
  append(all, router_ops(shape, shard, pass));
  append(all, shared_expert_ops(shape, shard, pass));
  append(all, expert_ops(shape, shard, pass));
  append(all, combine_ops(shape, shard, pass));
  return all;
}

inline double sum(const Kernels& kernels, double rows, const Amount& amount) {
  double total = 0;
  for (const Kernel& kernel : kernels) total += amount(kernel, rows);
  return total;
}

inline double layer_sum(const ModelShape& shape, int layer, const Shard& shard, Pass pass,
                        const Amount& amount) {
  return sum(layer_kernels(shape, layer, shard, pass), balanced_rows(shape, shard), amount);
}

inline double gemm_flops(const Kernel& kernel, double rows) {
  const bool gemm = kernel.kind == KernelKind::gemm || kernel.kind == KernelKind::grouped_gemm;
  return gemm ? flops_of(kernel, rows) : 0;
}

inline const char* const every_kind[] = {
    "deepseek-v3",  "deepseek-v2-lite", "qwen3-30b-a3b", "qwen3-next-80b-a3b",
    "gpt-oss-120b", "llama-4-maverick", "mixtral-8x7b",  "llama3-8b",
    "gptj-6b",      "qwen2-57b-a14b"};

}  // namespace moesim
