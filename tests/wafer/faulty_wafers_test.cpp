#include "wafer/faulty_wafers.hpp"

#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"
#include "wafer/step.hpp"

using namespace moesim;

namespace {

WaferSystem tree_of(int systems, int fan_out = 4) {
  WaferSystem system = cs2_systems(systems);
  system.swarmx.fan_out = fan_out;
  return system;
}

struct Ran {
  std::unique_ptr<LoweredWaferStep> step;
  Execution execution;

  // Seconds of all tasks of a stream on a rank; of any where it is -1.
  double seconds(Stream stream, int rank = -1) const {
    double sum = 0;
    const Record& record = execution.record;
    for (size_t row = 0; row < record.rows(); ++row) {
      const Block& block = step->program.blocks[record.block[row]];
      const Task& task = step->program.templates[block.graph].tasks[record.task[row]];
      const bool works = task.kind == TaskKind::compute || task.kind == TaskKind::transfer;
      if (works && task.stream == stream && (rank < 0 || static_cast<int>(task.rank) == rank))
        sum += record.end_s[row] - record.start_s[row];
    }
    return sum;
  }
};

Ran run(WaferSystem system, FaultSpec faults, Batch batch, Plan plan = {}, uint64_t seed = 1) {
  Ran ran;
  ran.step =
      lower_wafer_step({moe_model(3), std::move(system), plan, {}, batch, seed, std::move(faults)});
  ran.execution =
      execute_reference(ran.step->program, ran.step->context.fabric.fabric, *ran.step->work);
  return ran;
}

FaultSpec wafer_at(int rank, double speed) {
  FaultSpec faults;
  faults.devices = {{{.rank = rank}, speed}};
  return faults;
}
FaultSpec branch_at(int level, int node, double bandwidth) {
  FaultSpec faults;
  faults.swarmx = {{level, node, bandwidth}};
  return faults;
}
FaultSpec store_at(double speed) {
  FaultSpec faults;
  faults.memoryx = {{3, speed}};
  return faults;
}

}  // namespace

TEST_CASE("the tree over 20 wafers, four below a node") {
  const WaferSystem system = tree_of(20);
  CHECK(swarmx_levels(system) == 3);
  CHECK(wafers_below(system, 0) == 64);
  CHECK(wafers_below(system, 2) == 4);
  CHECK(swarmx_nodes(system, 0) == 1);
  CHECK(swarmx_nodes(system, 1) == 2);
  CHECK(swarmx_nodes(system, 2) == 5);
  CHECK(swarmx_nodes(system) == 8);
}

TEST_CASE("a lost branch takes the wafers below it") {
  const WaferSystem system = tree_of(20);
  CHECK(with_faults(system, branch_at(1, 0, 0)).working() == 4);
  CHECK(with_faults(system, branch_at(1, 1, 0)).working() == 16);
  CHECK(with_faults(system, branch_at(2, 1, 0)).working() == 16);
  CHECK(with_faults(system, branch_at(2, 1, 0.5)).working() == 20);
  CHECK(with_faults(system, wafer_at(7, 0)).working() == 19);
  CHECK(is_lost(system, branch_at(2, 1, 0), 7));
  CHECK_FALSE(is_lost(system, branch_at(2, 1, 0), 8));
}

TEST_CASE("MemoryX of twelve nodes ends with its slowest, and does with eleven what one left") {
  const MemoryX sound = tree_of(1).memoryx;
  REQUIRE(sound.nodes == 12);
  const MemoryX slow = with_faults(tree_of(1), store_at(0.5)).memoryx;
  CHECK(slow.egress_bytes_per_s == Approx(sound.egress_bytes_per_s / 2));
  CHECK(slow.update_bytes_per_s == Approx(sound.update_bytes_per_s / 2));
  CHECK(slow.capacity_bytes == sound.capacity_bytes);
  const MemoryX lost = with_faults(tree_of(1), store_at(0)).memoryx;
  CHECK(lost.ingress_bytes_per_s == Approx(sound.ingress_bytes_per_s * 11 / 12));
  CHECK(lost.capacity_bytes == Approx(sound.capacity_bytes * 11 / 12));
}

TEST_CASE("named wafers are simulated, and one sound one for all others") {
  const WaferSystem system = tree_of(20);
  const ChosenWafers sound = choose_wafers(system, {}, 3, 1);
  CHECK(sound.wafers == std::vector<int>{0, 1, 2});
  CHECK(sound.weights.empty());
  const ChosenWafers one = choose_wafers(system, wafer_at(7, 0.5), 1, 1);
  CHECK(one.wafers == std::vector<int>{0, 7});
  CHECK(one.weights == std::vector<double>{19, 1});
  const ChosenWafers branch = choose_wafers(system, branch_at(2, 3, 0.5), 1, 1);
  CHECK(branch.wafers == std::vector<int>{0, 12});
  // Lost wafers are not there; 4 to 7 hang on the lost node.
  const ChosenWafers left = choose_wafers(system, branch_at(2, 1, 0), 20, 1);
  CHECK(left.wafers.size() == 16);
  CHECK(left.wafers[4] == 8);
}

TEST_CASE("where wafers draw their speed, the slowest are simulated") {
  FaultSpec faults;
  faults.device_spread = 0.1;
  const ChosenWafers chosen = choose_wafers(tree_of(20), faults, 1, 5);
  REQUIRE(chosen.wafers.size() == 1);
  for (int wafer = 0; wafer < 20; ++wafer)
    CHECK(device_speed(faults, 1, chosen.wafers[0], 5) <= device_speed(faults, 1, wafer, 5));
}

TEST_CASE("a SwarmX branch at half speed doubles the streams, its own and so all") {
  WaferSystem system = tree_of(16);
  system.swarmx.latency_s = 0;
  const Batch batch{64, 4, 1024};
  const Ran sound = run(system, {}, batch);
  for (const FaultSpec& faults : {branch_at(0, 0, 0.5), branch_at(1, 2, 0.5)}) {
    const Ran slow = run(system, faults, batch);
    CHECK(slow.seconds(Stream::weights) == Approx(2 * sound.seconds(Stream::weights)));
    CHECK(slow.seconds(Stream::gradients) == Approx(2 * sound.seconds(Stream::gradients)));
    CHECK(slow.seconds(Stream::compute, 0) == Approx(sound.seconds(Stream::compute, 0)));
    CHECK(slow.execution.makespan_s > sound.execution.makespan_s);
  }
  FaultSpec io;
  io.links = {{{.rank = 9}, 0.25}};
  CHECK(run(system, io, batch).seconds(Stream::weights) ==
        Approx(4 * sound.seconds(Stream::weights)));
  const Ran store = run(system, store_at(0.5), batch);
  CHECK(store.seconds(Stream::weights) == Approx(2 * sound.seconds(Stream::weights)));
  CHECK(store.seconds(Stream::optimizer) == Approx(2 * sound.seconds(Stream::optimizer)));
}

TEST_CASE("a wafer at half speed computes twice as long, and the others wait for it") {
  const Batch batch{64, 4, 8192};
  const Ran sound = run(tree_of(16), {}, batch), slow = run(tree_of(16), wafer_at(9, 0.5), batch);
  Plan all;
  all.simulated_replicas = 0;
  const Ran whole = run(tree_of(16), wafer_at(9, 0.5), batch, all);
  CHECK(slow.step->context.chosen.wafers == std::vector<int>{0, 9});
  CHECK(slow.seconds(Stream::compute, 0) == Approx(sound.seconds(Stream::compute, 0)));
  CHECK(slow.seconds(Stream::compute, 1) == Approx(2 * sound.seconds(Stream::compute, 0)));
  CHECK(slow.execution.makespan_s == Approx(whole.execution.makespan_s).epsilon(1e-9));
  CHECK(slow.execution.makespan_s > slow.seconds(Stream::compute, 1));
}

TEST_CASE("the sequences of a lost wafer go to the others") {
  // 60 sequences over 16 wafers less one: 4 each. With 64, some have 5.
  CHECK(run(tree_of(16), wafer_at(3, 0), {60, 8, 1024}).step->context.plan.microbatches ==
        std::vector<int>{4});
  const Ran lost = run(tree_of(16), wafer_at(3, 0), {64, 8, 1024});
  CHECK(lost.step->context.plan.microbatches == std::vector<int>{5});
  CHECK(lost.step->context.plan.global_batch == 64);
  CHECK(lost.seconds(Stream::compute, 0) ==
        Approx(run(tree_of(1), {}, {5, 8, 1024}).seconds(Stream::compute, 0)));
}

TEST_CASE("jitter varies the wafers' kernels and nothing of MemoryX") {
  FaultSpec faults;
  faults.kernel_jitter = 0.2;
  Plan all;
  all.simulated_replicas = 0;
  const Batch batch{32, 4, 1024};
  const Ran sound = run(tree_of(8), {}, batch, all), other = run(tree_of(8), faults, batch, all, 2),
            varied = run(tree_of(8), faults, batch, all);
  CHECK(varied.seconds(Stream::optimizer) == Approx(sound.seconds(Stream::optimizer)));
  for (int wafer = 0; wafer < 8; ++wafer) {
    CHECK(varied.seconds(Stream::compute, wafer) != sound.seconds(Stream::compute, wafer));
    CHECK(varied.seconds(Stream::compute, wafer) ==
          Approx(sound.seconds(Stream::compute, wafer)).epsilon(0.15));
  }
  CHECK(varied.execution.makespan_s != other.execution.makespan_s);
}
