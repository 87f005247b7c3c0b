// The operators that run once a step rather than once a microbatch.
#include "model/kernel_builders.hpp"
#include "model/layer_ops.hpp"

namespace moesim {

Kernels gradient_pass_ops(double parameters, double gradient_bytes_per_parameter, int passes) {
  if (parameters <= 0 || passes <= 0) return {};
  return {memory_kernel(Op::optimizer, Pass::forward,
                        passes * gradient_bytes_per_parameter * parameters, passes)};
}

Kernels optimizer_ops(double parameters, double gradient_bytes_per_parameter, double moment_bytes,
                      int norm_passes) {
  Kernels kernels;
  if (parameters <= 0) return kernels;
  const Pass pass = Pass::forward;
  // Norm of the gradients: read them; clip: read and write them.
  kernels.push_back(memory_kernel(Op::optimizer, pass,
                                  norm_passes * gradient_bytes_per_parameter * parameters,
                                  2 * norm_passes));
  kernels.push_back(
      memory_kernel(Op::optimizer, pass, 2 * gradient_bytes_per_parameter * parameters));
  // Adam reads the gradient and reads and writes the fp32 master weight and both moments; the bf16
  // weight is then copied out of the master weight.
  const double adam = gradient_bytes_per_parameter + 2 * fp32_bytes + 4 * moment_bytes;
  kernels.push_back(memory_kernel(Op::optimizer, pass, adam * parameters, 2));
  kernels.push_back(memory_kernel(Op::optimizer, pass, (fp32_bytes + bf16_bytes) * parameters));
  return kernels;
}

Kernels weight_cast_ops(double parameters, PrecisionRecipe recipe) {
  Kernels kernels;
  if (recipe == PrecisionRecipe::bf16 || parameters <= 0) return kernels;
  const bool finds_maximum_first =
      recipe == PrecisionRecipe::fp8_current || recipe == PrecisionRecipe::nvfp4;
  const double read = bf16_bytes * (finds_maximum_first ? 2 : 1);
  kernels.push_back(
      memory_kernel(Op::cast, Pass::forward, (read + 2 * operand_bytes(recipe)) * parameters));
  return kernels;
}

}  // namespace moesim
