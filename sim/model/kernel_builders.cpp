#include "model/kernel_builders.hpp"

#include <cmath>

namespace moesim {
namespace {

// Quantising an activation or gradient from bf16: bytes moved per element and kernels launched.
struct Cast {
  double bytes_per_element = 0;
  int launches = 0;
};

// After TransformerEngine (general knowledge of its quantisers): the result is written twice,
// row-wise for the GEMM that follows and column-wise for the weight gradient. Per-tensor current
// scaling must know the maximum first, so it reads the tensor once more; so does NVFP4, for its
// second, per-tensor scale. Block scaling finds the maximum of a block in the same pass. The extra
// small kernel of MXFP8 and NVFP4 lays the scales out as the tensor cores want them.
Cast cast_of(PrecisionRecipe recipe) {
  const double write = 2 * operand_bytes(recipe);
  switch (recipe) {
    case PrecisionRecipe::bf16:
      return {};
    case PrecisionRecipe::fp8_delayed:
    case PrecisionRecipe::fp8_block:
      return {bf16_bytes + write, 1};
    case PrecisionRecipe::fp8_current:
      return {2 * bf16_bytes + write, 2};
    case PrecisionRecipe::mxfp8:
      return {bf16_bytes + write, 2};
    case PrecisionRecipe::nvfp4:
      return {2 * bf16_bytes + write, 3};
  }
  return {};
}

void add_cast(Kernels& kernels, double elements, Pass pass, PrecisionRecipe recipe) {
  const Cast cast = cast_of(recipe);
  if (cast.launches > 0) {
    kernels.push_back(
        memory_kernel(Op::cast, pass, elements * cast.bytes_per_element, cast.launches));
  }
}

void add_row_cast(Kernels& kernels, double width, Pass pass, PrecisionRecipe recipe, int parts) {
  const Cast cast = cast_of(recipe);
  if (cast.launches > 0) {
    kernels.push_back(
        row_kernel(Op::cast, pass, width * cast.bytes_per_element, cast.launches * parts));
    kernels.back().groups = parts;
  }
}

// One GEMM per expert: the host issues all of them, and with MXFP8 and NVFP4 one more kernel each
// that lays out the scales of the weights. TransformerEngine deals them to four streams
// (nvte_multi_stream_cublas_gemm), yet on the device they take as long as one after another
// (scenarios/validation/kernels-b200.csv).
void split_by_expert(Kernel& kernel, PrecisionRecipe recipe) {
  const bool swizzles = recipe == PrecisionRecipe::mxfp8 || recipe == PrecisionRecipe::nvfp4;
  kernel.per_expert = true;
  kernel.launches = kernel.groups;
  kernel.host_launches = kernel.groups * (swizzles ? 2 : 1);
}

// A product with weights, whose shape is still to be set.
Kernel product(KernelKind kind, const Linear& linear, Pass pass, PrecisionRecipe recipe) {
  Kernel kernel;
  kernel.kind = kind;
  kernel.op = linear.op;
  kernel.pass = pass;
  kernel.precision = gemm_precision(recipe);
  kernel.vector_scaled = recipe == PrecisionRecipe::fp8_block && pass == Pass::backward_weight;
  return kernel;
}

Kernel gemm(const Linear& linear, Pass pass, PrecisionRecipe recipe) {
  const double tokens = linear.tokens, in = linear.in, out = linear.out,
               operand = operand_bytes(recipe);
  Kernel kernel = product(KernelKind::gemm, linear, pass, recipe);
  kernel.flops = 2 * tokens * in * out;
  switch (pass) {
    case Pass::forward:
      kernel.m = linear.tokens, kernel.n = linear.out, kernel.k = linear.in;
      kernel.bytes = operand * (tokens * in + in * out) + bf16_bytes * tokens * out;
      break;
    case Pass::backward_data:
      kernel.m = linear.tokens, kernel.n = linear.in, kernel.k = linear.out;
      kernel.bytes = operand * (tokens * out + in * out) + bf16_bytes * tokens * in;
      break;
    case Pass::backward_weight:
      kernel.m = linear.out, kernel.n = linear.in, kernel.k = linear.tokens;
      kernel.bytes = operand * tokens * (in + out) + 2 * fp32_bytes * in * out;
      break;
  }
  return kernel;
}

Kernel grouped_gemm(const Linear& linear, int groups, Pass pass, PrecisionRecipe recipe) {
  const double in = linear.in, out = linear.out, operand = operand_bytes(recipe);
  Kernel kernel = product(KernelKind::grouped_gemm, linear, pass, recipe);
  kernel.groups = groups;
  kernel.flops_per_row = 2 * in * out;
  switch (pass) {
    case Pass::forward:
      kernel.n = linear.out, kernel.k = linear.in;
      kernel.bytes = groups * operand * in * out;
      kernel.bytes_per_row = operand * in + bf16_bytes * out;
      break;
    case Pass::backward_data:
      kernel.n = linear.in, kernel.k = linear.out;
      kernel.bytes = groups * operand * in * out;
      kernel.bytes_per_row = operand * out + bf16_bytes * in;
      break;
    case Pass::backward_weight:
      kernel.m = linear.out, kernel.n = linear.in;
      kernel.rows_are_k = true;
      kernel.bytes = groups * 2 * fp32_bytes * in * out;
      kernel.bytes_per_row = operand * (in + out);
      break;
  }
  return kernel;
}

}  // namespace

double operand_bytes(PrecisionRecipe recipe) {
  switch (recipe) {
    case PrecisionRecipe::bf16:
      return bf16_bytes;
    case PrecisionRecipe::fp8_delayed:
    case PrecisionRecipe::fp8_current:
      return 1;
    case PrecisionRecipe::fp8_block:
      return 1 +
             fp32_bytes /
                 128;  // one fp32 scale per 1 x 128 (DeepSeek-V3, arXiv:2412.19437 section 3.3.2)
    case PrecisionRecipe::mxfp8:
      return 1 + 1.0 / 32;  // one byte of scale per 32 elements (OCP Microscaling Formats 1.0)
    case PrecisionRecipe::nvfp4:
      return 0.5 + 1.0 / 16;  // one byte of scale per 16 elements (arXiv:2509.25149)
  }
  return bf16_bytes;
}

Precision gemm_precision(PrecisionRecipe recipe) {
  switch (recipe) {
    case PrecisionRecipe::bf16:
      return Precision::bf16;
    case PrecisionRecipe::nvfp4:
      return Precision::fp4;
    default:
      return Precision::fp8;
  }
}

Kernel memory_kernel(Op op, Pass pass, double bytes, int launches) {
  Kernel kernel;
  kernel.op = op;
  kernel.pass = pass;
  kernel.bytes = bytes;
  kernel.launches = launches;
  return kernel;
}

Kernel row_kernel(Op op, Pass pass, double bytes_per_row, int launches) {
  Kernel kernel = memory_kernel(op, pass, 0, launches);
  kernel.bytes_per_row = bytes_per_row;
  return kernel;
}

Kernel unfused(Kernel kernel, double factor) {
  kernel.bytes *= factor;
  kernel.bytes_per_row *= factor;
  kernel.launches = static_cast<int>(std::ceil(kernel.launches * factor));
  return kernel;
}

void add_linear(Kernels& kernels, const Linear& linear, Pass pass, PrecisionRecipe recipe) {
  if (pass == Pass::forward) add_cast(kernels, linear.tokens * linear.in, pass, recipe);
  if (pass == Pass::backward_data) add_cast(kernels, linear.tokens * linear.out, pass, recipe);
  kernels.push_back(gemm(linear, pass, recipe));
  // The bias is added in the GEMM's epilogue; its gradient is a sum over dy, part of the cast where
  // there is one.
  if (linear.bias && pass == Pass::backward_weight && recipe == PrecisionRecipe::bf16) {
    kernels.push_back(memory_kernel(linear.op, pass, bf16_bytes * linear.tokens * linear.out));
  }
}

void add_grouped_linear(Kernels& kernels, const Linear& linear, int groups, Pass pass,
                        PrecisionRecipe recipe, bool per_expert) {
  const int parts = per_expert ? groups : 1;
  if (pass == Pass::forward) add_row_cast(kernels, linear.in, pass, recipe, parts);
  if (pass == Pass::backward_data) add_row_cast(kernels, linear.out, pass, recipe, parts);
  kernels.push_back(grouped_gemm(linear, groups, pass, recipe));
  if (per_expert) split_by_expert(kernels.back(), recipe);
  if (linear.bias && pass == Pass::backward_weight && recipe == PrecisionRecipe::bf16) {
    kernels.push_back(row_kernel(linear.op, pass, bf16_bytes * linear.out));
  }
}

void add_norm(Kernels& kernels, double elements, Pass pass) {
  if (pass == Pass::forward)
    kernels.push_back(memory_kernel(Op::norm, pass, 2 * bf16_bytes * elements));
  if (pass == Pass::backward_data)
    kernels.push_back(memory_kernel(Op::norm, pass, 3 * bf16_bytes * elements, 2));
}

void add_residual(Kernels& kernels, double elements, Pass pass) {
  if (pass == Pass::backward_weight) return;
  kernels.push_back(memory_kernel(Op::residual, pass, 3 * bf16_bytes * elements));
}

double activation_bytes(bool gated, double width, Pass pass) {
  const double one = bf16_bytes * width;
  if (pass == Pass::forward) return one * (gated ? 3 : 2);
  if (pass == Pass::backward_data) return one * (gated ? 5 : 3);
  return 0;
}

}  // namespace moesim
