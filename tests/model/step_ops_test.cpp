#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "model/kernel_sums.hpp"
#include "model/layer_ops.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

TEST_CASE("the optimizer's bytes follow its shard") {
  const Kernels kernels = optimizer_ops(1e9, 4);
  // Norm 4, clip 8, Adam 4 + 24, copy 4 + 2.
  CHECK(sum(kernels, 0, bytes_of) == Approx(46e9));
  CHECK(sum(optimizer_ops(2e9, 4), 0, bytes_of) == Approx(92e9));
  CHECK(optimizer_ops(0, 4).empty());
  CHECK(sum(optimizer_ops(1e9, 4, 4, 2), 0, bytes_of) == Approx(50e9));  // one norm more
}

TEST_CASE("passes over the gradients that a rank holds") {
  CHECK(sum(gradient_pass_ops(1e9, 4, 3), 0, bytes_of) == Approx(12e9));
  CHECK(gradient_pass_ops(1e9, 4, 3).front().launches == 3);
  CHECK(gradient_pass_ops(1e9, 4, 0).empty());
  CHECK(gradient_pass_ops(0, 4, 3).empty());
}
