#include "lower/chain_cost.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"
#include "model/kernel_builders.hpp"

using namespace moesim;

namespace {

Kernel kernel_of(Op op, double bytes, int launches = 1, int host_launches = 0) {
  Kernel kernel = memory_kernel(op, Pass::forward, bytes, launches);
  kernel.host_launches = host_launches;
  return kernel;
}

// 1 byte takes 1 us, the host needs 10 us a kernel.
Device slow_host() {
  Device device = ideal_device();
  device.memory_bytes_per_s = 1e6;
  device.host_launch_s = 10e-6;
  return device;
}

}  // namespace

TEST_CASE("A run waits for the host kernel by kernel") {
  const Device device = slow_host();
  const Plan plan;
  const ChainCost cost(device, plan);
  CHECK(cost.seconds(std::vector{kernel_of(Op::norm, 2)}) == Approx(12e-6));
  // Short then long: the host is past the short one's issue before the long one can start.
  CHECK(cost.seconds(std::vector{kernel_of(Op::norm, 2), kernel_of(Op::rope, 50)}) ==
        Approx(70e-6));
  // Long then short: issued in the long one's shadow.
  CHECK(cost.seconds(std::vector{kernel_of(Op::rope, 50), kernel_of(Op::norm, 2)}) ==
        Approx(62e-6));
  // Ten kernels of an entry: the last starts when it has been issued.
  CHECK(cost.seconds(std::vector{kernel_of(Op::top_k, 10, 10)}) == Approx(101e-6));
  CHECK(cost.seconds(std::vector{kernel_of(Op::top_k, 10, 1, 10)}) == Approx(110e-6));
}

TEST_CASE("The host's time for collectives and checkpoints, which graphs and pieces hold") {
  const Device device = slow_host();
  Plan plan;
  plan.software.collective_launch_s = 80e-6;
  plan.software.checkpoint_s = 300e-6;
  const ChainCost cost(device, plan);
  CHECK(cost.collective_s() == Approx(80e-6));
  CHECK(cost.checkpoints_s(3) == Approx(900e-6));
  // A run of 52 us of device time, whose host has 20 us of launches and then the collective.
  const std::vector kernels{kernel_of(Op::rope, 50), kernel_of(Op::norm, 2)};
  CHECK(cost.seconds(kernels, {}, cost.collective_s()) == Approx(100e-6));
  plan.ep_overlap = true;
  CHECK(cost.collective_s() == 0);
  plan.ep_overlap = false;
  plan.cuda_graph = true;
  CHECK(cost.checkpoints_s(3) == 0);
}

TEST_CASE("Parts of a run sum to it") {
  const Device device = slow_host();
  const Plan plan;
  const ChainCost cost(device, plan);
  const std::vector kernels{kernel_of(Op::norm, 2), kernel_of(Op::rope, 50),
                            kernel_of(Op::top_k, 3, 4)};
  Program program;
  std::vector<ChainPart> parts;
  cost.parts(program, kernels, 0, Phase::forward, {}, parts);
  double sum = 0;
  for (const ChainPart& part : parts) sum += part.seconds;
  CHECK(parts.size() == 3);
  CHECK(sum == Approx(cost.seconds(kernels)));
}

TEST_CASE("What a CUDA graph holds does not wait for the host") {
  const Device device = slow_host();
  Plan plan;
  plan.cuda_graph = true;
  const ChainCost cost(device, plan);
  const std::vector attention{kernel_of(Op::norm, 2)}, gate{kernel_of(Op::router, 2)},
      expert{kernel_of(Op::expert_fc1, 2)};
  for (const auto& kernels : {attention, gate, expert})
    CHECK(cost.seconds(kernels) == Approx(2e-6));
  plan.cuda_graph_scope = GraphScope::layers;
  CHECK(cost.seconds(attention) == Approx(2e-6));
  CHECK(cost.seconds(gate) == Approx(2e-6));
  CHECK(cost.seconds(expert) == Approx(12e-6));
  plan.cuda_graph_scope = GraphScope::router;
  CHECK(cost.seconds(attention) == Approx(12e-6));
  CHECK(cost.seconds(gate) == Approx(2e-6));
}

TEST_CASE("Overlapping two microbatches costs the host more, per launch and per piece") {
  const Device device = slow_host();
  Plan plan;
  CHECK(ChainCost(device, plan).piece_s() == 0);
  plan.ep_overlap = true;
  plan.software.overlap_piece_s = 0.7e-3;
  plan.software.overlap_launch_factor = 1.35;
  const ChainCost cost(device, plan);
  const std::vector short_one{kernel_of(Op::norm, 2)}, long_one{kernel_of(Op::norm, 500)};
  CHECK(cost.seconds(short_one) == Approx(15.5e-6));
  CHECK(cost.piece_s() == Approx(0.7e-3));
  // The host does it while the device computes, and binds where that is shorter.
  CHECK(cost.seconds(short_one, {}, 50e-6) == Approx(63.5e-6));
  CHECK(cost.seconds(long_one, {}, 50e-6) == Approx(cost.seconds(long_one)));
  plan.cuda_graph = true;
  CHECK(ChainCost(device, plan).piece_s() == 0);
  plan.cuda_graph_scope = GraphScope::layers;
  CHECK(ChainCost(device, plan).piece_s() > 0);
}
