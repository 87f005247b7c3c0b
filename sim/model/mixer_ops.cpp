#include "model/mixer_ops.hpp"

#include <algorithm>

#include "model/kernel_builders.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

// Tokens that share one state in memory: flash-linear-attention's chunk, and Mamba-2's
// (mamba_ssm ssd_chunk_scan_combined, chunk_size 256) (general knowledge).
constexpr double linear_chunk = 64, mamba_chunk = 256;

// A recurrence computes its states again backward and moves every tensor with its gradient.
constexpr double backward_bytes = 2.5;

double with_pass(double forward_flops, Pass pass) {
  return forward_flops * (pass == Pass::forward ? 1 : 2);
}

// Bytes per token that the kernels of a recurrence move forward, unsharded, and their number.
struct Scan {
  double bytes = 0;
  double flops = 0;
  int launches = 1;
};

// Chunk by chunk: inputs, two transformed copies of keys and values where the delta rule corrects
// them, one state a chunk, the output.
Scan linear_scan(const ModelShape& shape) {
  const double dim = shape.linear_head_dim, heads = shape.linear_value_heads;
  const double key = shape.linear_key_heads * dim, value = heads * dim;
  const bool delta = shape.linear_kind != LinearKind::lightning;
  const double inputs = bf16_bytes * (2 * key + value) + (delta ? fp32_bytes * value : 0);
  const double transformed = delta ? 2 * bf16_bytes * 2 * value : 0;
  const double states = 2 * bf16_bytes * value * dim / linear_chunk;
  return {inputs + transformed + states + bf16_bytes * value,
          delta ? linear_scan_flops(shape) : 4 * heads * dim * dim, delta ? 6 : 3};
}

// Mamba-2's five kernels: sums of steps, states of chunks, states passed on, products within a
// chunk, the scan; Mamba-1 is one kernel that keeps its state on chip.
Scan mamba_scan(const ModelShape& shape) {
  const double inner = shape.mamba_inner, state = shape.mamba_state;
  const double flops = 7 * inner * state;
  if (shape.mamba_heads == 0)
    return {bf16_bytes * (4 * inner + 2 * state), flops, 1};  // x, step, gate, output; B and C
  const double groups = 2.0 * shape.mamba_groups * state;
  const double inputs = bf16_bytes * (inner + groups) + 2 * fp32_bytes * shape.mamba_heads;
  const double states = 4 * fp32_bytes * inner * state / mamba_chunk;  // written and read twice
  const double within = 2 * bf16_bytes * shape.mamba_groups * mamba_chunk;
  return {2 * inputs + states + within + bf16_bytes * inner, flops, 5};
}

// Two gates around a convolution.
Scan gates(const ModelShape& shape) {
  return {2 * 3 * bf16_bytes * shape.hidden, 2.0 * shape.hidden, 2};
}

Scan scan_of(const ModelShape& shape, Mixer mixer) {
  if (mixer == Mixer::mamba) return mamba_scan(shape);
  return mixer == Mixer::linear ? linear_scan(shape) : gates(shape);
}

void add_convolution(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                     Pass pass) {
  const double width = convolution_width(shape, mixer) / shard.tp;
  if (width <= 0 || pass == Pass::backward_weight) return;
  const double elements = shard.gemm_tokens() * width;
  const double tensors = pass == Pass::forward ? 2 : 3;
  kernels.push_back(memory_kernel(Op::linear_attention, pass, tensors * bf16_bytes * elements));
  kernels.back().flops = with_pass(2 * convolution_taps(shape, mixer) * elements, pass);
}

// Queries of this rank and keys they choose from, for the share of tokens it holds.
Kernel attention_kernel(const Shard& shard, Pass pass) {
  Kernel kernel;
  kernel.op = Op::attention;
  kernel.pass = pass;
  kernel.kind = KernelKind::attention;
  kernel.sequences = shard.sequences;
  kernel.query_length = shard.sequence_length / shard.cp;
  kernel.key_length = shard.sequence_length;
  return kernel;
}

int keys_per_entry(const ModelShape& shape, Mixer mixer) {
  if (mixer == Mixer::sparse) return 1;
  return mixer == Mixer::compressed_sparse ? shape.compression : shape.heavy_compression;
}

// Pairs of a query and one of `entries` keys, each of which stands for some tokens, of which a
// query takes `limit` at most (0: all), under the causal mask.
double causal_pairs(const Shard& shard, int tokens_per_key, int limit) {
  const int64_t entries = shard.sequence_length / tokens_per_key;
  return shard.sequences * attended_keys(entries, limit) * tokens_per_key / shard.cp;
}

// Every rank of a tensor-parallel group scores the tokens it holds, with all heads of the indexer.
void add_indexer(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                 Pass pass) {
  const int per_key = keys_per_entry(shape, mixer);
  const double share = shard.local_tokens() / shard.gemm_tokens();
  const double pairs = causal_pairs(shard, per_key, 0) * share;
  Kernel scores = attention_kernel(shard, pass);
  scores.op = Op::indexer;
  scores.heads = shape.index_heads;
  scores.kv_heads = 1;
  scores.qk_dim = shape.index_dim;
  scores.key_length = shard.sequence_length / per_key;
  scores.query_length = std::min(scores.query_length, scores.key_length);
  const double times = pass == Pass::forward ? 1 : 3;  // again, and the gradients of both sides
  scores.flops = times * 2 * pairs * shape.index_heads * shape.index_dim;
  const double operands = bf16_bytes * shape.index_dim *
                          (shard.local_tokens() * shape.index_heads +
                           static_cast<double>(scores.key_length) * shard.sequences);
  scores.bytes = times * operands + fp32_bytes * pairs;
  kernels.push_back(scores);
  if (pass != Pass::forward) return;
  // The choice reads every score and writes the numbers of the chosen keys.
  kernels.push_back(memory_kernel(
      Op::indexer, pass,
      fp32_bytes * (pairs + shard.local_tokens() * static_cast<double>(shape.index_topk))));
}

}  // namespace

CoreWidths core_widths(const ModelShape& shape, Mixer mixer) {
  const AttentionHeads heads = attention_heads(shape, mixer);
  if (mixer == Mixer::sparse && shape.attention == AttentionKind::mla)
    return {static_cast<double>(shape.kv_lora_rank + shape.qk_rope_dim),
            static_cast<double>(shape.kv_lora_rank)};
  return {static_cast<double>(heads.qk_dim), static_cast<double>(heads.v_dim)};
}

void add_projection(Kernels& kernels, const Projection& matrix, Op op, Cut cut, const Shard& shard,
                    Pass pass) {
  Linear linear = {op, shard.gemm_tokens(), matrix.in, matrix.out};
  // A matrix that is not cut serves the tokens that the rank holds.
  if (!matrix.sharded) {
    linear.tokens = shard.local_tokens();
  } else if (cut == Cut::out) {
    linear.out = std::floor(matrix.out / shard.tp);
  } else {
    linear.in = std::floor(matrix.in / shard.tp);
  }
  add_linear(kernels, linear, pass, shard.recipe);
}

void add_recurrence_in(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                       Pass pass) {
  for (const Projection& matrix : mixer_projections(shape, mixer).before)
    add_projection(kernels, matrix, Op::qkv_projection, Cut::out, shard, pass);
  add_convolution(kernels, shape, mixer, shard, pass);
}

void add_recurrence_core(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                         Pass pass) {
  if (pass == Pass::backward_weight || mixer == Mixer::none) return;
  const Scan scan = scan_of(shape, mixer);
  const bool forward = pass == Pass::forward;
  const double tokens = shard.gemm_tokens() / shard.tp;
  kernels.push_back(memory_kernel(Op::linear_attention, pass,
                                  scan.bytes * tokens * (forward ? 1 : backward_bytes),
                                  forward ? scan.launches : 2 * scan.launches));
  kernels.back().flops = with_pass(scan.flops * tokens, pass);
}

void add_sparse_in(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                   Pass pass) {
  for (const Projection& matrix : indexer_projections(shape, mixer))
    add_projection(kernels, matrix, Op::indexer, Cut::out, shard, pass);
  for (const Projection& matrix : compressor_projections(shape, mixer))
    add_projection(kernels, matrix, Op::qkv_projection, Cut::out, shard, pass);
  if (!is_compressed(mixer) || pass == Pass::backward_weight) return;
  // Values and their weights are read, in both halves, and one entry in several tokens is written.
  double width = 0;
  for (const Projection& matrix : compressor_projections(shape, mixer)) width += matrix.out;
  kernels.push_back(memory_kernel(
      Op::qkv_projection, pass,
      (pass == Pass::forward ? 1.5 : 3) * bf16_bytes * shard.local_tokens() * width, 2));
}

void add_sparse_core(Kernels& kernels, const ModelShape& shape, Mixer mixer, const Shard& shard,
                     Pass pass) {
  if (pass == Pass::backward_weight) return;
  if (mixer != Mixer::heavily_compressed) add_indexer(kernels, shape, mixer, shard, pass);
  const AttentionHeads heads = attention_heads(shape, mixer, shard.tp);
  const CoreWidths widths = core_widths(shape, mixer);
  const int limit = mixer == Mixer::heavily_compressed ? 0 : shape.index_topk;
  double pairs = causal_pairs(shard, keys_per_entry(shape, mixer), limit);
  if (is_compressed(mixer)) pairs += causal_pairs(shard, 1, shape.sliding_window);
  Kernel kernel = attention_kernel(shard, pass);
  kernel.heads = heads.query;
  kernel.kv_heads = 1;
  kernel.qk_dim = static_cast<int>(widths.qk);
  kernel.v_dim = static_cast<int>(widths.v);
  kernel.window =
      std::max(1, static_cast<int>(pairs / (shard.gemm_tokens() > 0 ? shard.gemm_tokens() : 1)));
  const bool forward = pass == Pass::forward;
  kernel.flops =
      2 * pairs * heads.query * (forward ? widths.qk + widths.v : 3 * widths.qk + 2 * widths.v);
  // Queries gather their keys, which hold the values too, from the L2 cache: device memory gives
  // each key once. (FlashMLA's sparse prefill computes at 640 TFLOPS on an H800, 1,450 on a B200,
  // deepseek-ai/FlashMLA README: gathers from device memory would hold it to less.)
  const double queries = shard.gemm_tokens() * heads.query * (widths.qk + widths.v);
  const double keys = static_cast<double>(shard.sequences * shard.sequence_length) * widths.qk;
  kernel.bytes = (forward ? 1 : 3) * bf16_bytes * (queries + keys);
  if (!forward) kernel.launches = 3;
  kernels.push_back(kernel);
}

// Around each sublayer: all streams are read, one is written for the sublayer; its result and all
// streams are read, all are written. Backward the same tensors and their gradients move.
void add_stream_mixing(Kernels& kernels, const ModelShape& shape, int layer, const Shard& shard,
                       Pass pass) {
  if (shape.residual_streams <= 1 || pass == Pass::backward_weight) return;
  const double sublayers =
      (mixer_of(shape, layer) != Mixer::none) + (ffn_of(shape, layer) != Ffn::none);
  const double streams = shape.residual_streams, times = pass == Pass::forward ? 1 : 2;
  const double elements = shard.local_tokens() * shape.hidden;
  kernels.push_back(memory_kernel(Op::residual, pass,
                                  times * sublayers * (3 * streams + 2) * bf16_bytes * elements,
                                  static_cast<int>(4 * times * sublayers)));
  kernels.back().flops = times * 2 * sublayers * mixing_weights(shape) * streams * elements;
}

}  // namespace moesim
