#include "run/step_energy.hpp"

#include "catch.hpp"
#include "config/scenario.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/tiny.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

StepReport report() {
  StepReport r;
  r.devices = 16;
  r.step_time_s = 10;
  r.breakdown_s.compute = 6;
  r.breakdown_s.optimizer = 1;
  r.breakdown_s.bubble = 3;
  return r;
}

// One rank that runs a kernel of 40 J twice, and one of 5 J.
Program program() {
  Program p;
  p.simulated_ranks = 1;
  KernelUse big, small;
  big.shape = "big", big.joules = 40;
  small.shape = "small", small.joules = 5;
  const uint32_t a = p.kernel(big), b = p.kernel(small);
  p.chains.push_back({{{0, Phase::forward, 0, 1, a}, {0, Phase::forward, 0, 1, kNoKernel}}});
  p.chains.push_back({{{0, Phase::forward, 0, 1, b}}});
  TaskGraphBuilder one("one", 1), two("two", 1);
  Task task;
  task.kind = TaskKind::compute;
  task.payload = 0;
  one.add(task);
  task.payload = 1;
  two.add(task);
  p.templates.push_back(std::move(one).freeze());
  p.templates.push_back(std::move(two).freeze());
  for (const uint32_t graph : {0u, 0u, 1u}) {
    Block block;
    block.graph = graph;
    p.add_block(block);
  }
  return p;
}

Platform pod(double power_w, double static_w) {
  Platform platform;
  Pod p = two_nodes();
  p.device.power_w = power_w;
  p.device.static_power_w = static_w;
  platform.system = p;
  return platform;
}

}  // namespace

TEST_CASE("energy by hand: what is drawn anyway, and the kernels that ran") {
  StepReport r = report();
  CHECK(kernel_joules_of(program()) == 85);
  fill_energy(r, pod(700, 150), program());
  CHECK(r.energy_j == Approx(16 * (150 * 10 + 85)));
  CHECK(r.power_w == Approx(158.5));
}

TEST_CASE("without energies of kernels the limit is drawn while the device computes") {
  StepReport r = report();
  fill_energy(r, pod(700, 150), Program{});
  CHECK(r.power_w == Approx((700 * 7 + 150 * 3) / 10.0));
}

TEST_CASE("where only the limit is known, it counts for the whole step; without it nothing does") {
  StepReport r = report();
  fill_energy(r, pod(750, 0), Program{});
  CHECK(r.power_w == 750);
  Platform wafers;
  WaferSystem system;
  system.wafer.power_w = 23e3;
  wafers.system = system;
  fill_energy(r, wafers, Program{});
  CHECK(r.power_w == 23e3);
  CHECK(idle_power_w(wafers) == 23e3);
  fill_energy(r, pod(0, 0), Program{});
  CHECK(r.energy_j == 0);
}

TEST_CASE("attention in steps of a ring costs as much as in one") {
  const auto energies = in_children({[] {
    const auto energy = [](const std::string& cp) {
      const MemoryFiles files(
          {{"s.yaml",
            "workload: {base: qwen3-30b-a3b, layers: 2}\nplatform: {base: h100-sxm, gpus: 8}\n"
            "plan: {ep: 8}\nrouting: {kind: balanced}\n"
            "batch: {global_batch: 8, sequence_length: 32768}\n"}},
          &disk_files());
      const auto lowered = lower(
          load_scenario("s.yaml", {"plan.cp=" + cp}, {{MOESIM_SOURCE_DIR}}, files).scenario, 1);
      return std::to_string(kernel_joules_of(lowered->program()));
    };
    return energy("1") + " " + energy("2");
  }});
  const double one = std::stod(energies[0]),
               two = std::stod(energies[0].substr(energies[0].find(' ')));
  CHECK(two == Approx(one).epsilon(0.05));
}

TEST_CASE("a simulated step draws what its kernels' FLOPs and bytes cost, less than the limit") {
  // 0.8 pJ of each FLOP that the model needs is a lower bound; 700 W is an upper one.
  const auto figures = in_children({[] {
    const MemoryFiles files(
        {{"s.yaml",
          "workload: {base: qwen3-30b-a3b, layers: 4}\nplatform: {base: h100-sxm, gpus: 16}\n"
          "plan: {ep: 8}\nrouting: {kind: balanced}\n"
          "batch: {global_batch: 64, sequence_length: 4096}\n"}},
        &disk_files());
    const StepReport r =
        run_step(load_scenario("s.yaml", {}, {{MOESIM_SOURCE_DIR}}, files).scenario, {}).report;
    const double model_j = r.model_flops_per_step * 0.79e-12;
    const double idle_j = 150 * r.step_time_s * r.devices;
    return std::to_string((r.energy_j - idle_j) / model_j) + " " + std::to_string(r.power_w);
  }});
  const double over = std::stod(figures[0]),
               power = std::stod(figures[0].substr(figures[0].find(' ')));
  INFO(figures[0]);
  CHECK(over > 1);
  CHECK(over < 2.5);  // bytes, and what the formula of model FLOPs leaves out
  CHECK(power > 200);
  CHECK(power < 700);
}
