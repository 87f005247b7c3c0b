#include "engine/reference.hpp"

#include "catch.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

TEST_CASE("the reference is the longest path at nominal durations") {
  Pod pod = plain_pod(16);
  const Fabric fabric = fabric_of(pod);
  Draft draft(16);
  // Contention is not seen: both computes on rank 0 take their nominal time.
  const TaskId a = draft.compute(0, 3e-3), b = draft.compute(0, 1e-3);
  Transfer message = send(0, 8, Port::nic, 50e6);
  message.latency_s = 5e-6;
  const TaskId sent = draft.transfer(message, {a});
  draft.delay(1e-3, {sent, b});
  const Execution done = run_reference(draft.one_block(), fabric);
  CHECK(done.makespan_s == Approx(3e-3 + 5e-6 + 1e-3 + 1e-3));
  CHECK(done.tasks == 4);
  CHECK(done.link_bytes[fabric.ranks[0].nic_out] == 50e6);
  CHECK(done.link_bytes[fabric.ranks[8].nic_in] == 50e6);
  CHECK(done.link_bytes[fabric.ranks[0].nvlink_out] == 0);
}

TEST_CASE("rates below the links' stretch a transfer in every executor") {
  const Fabric fabric = fabric_of(plain_pod(16));
  const auto program = [] {
    Draft draft(16);
    Transfer transfer = send(0, 8, Port::nic, 50e6);
    transfer.flows.push_back({endpoint(0, Port::nvlink), endpoint(1, Port::nvlink), 450e6});
    transfer.nic_rate = 0.5;
    transfer.nvlink_rate = 0.8;
    draft.transfer(transfer);
    return draft.one_block();
  };
  CHECK(run_reference(program(), fabric).makespan_s == Approx(2e-3));
  const auto numbers = numbers_in_children(
      {[&] { return std::vector{run_simgrid(program(), fabric).makespan_s}; },
       [&] { return std::vector{run_simgrid(program(), fabric, true).makespan_s}; }});
  CHECK(numbers[0].at(0) == Approx(2e-3).epsilon(1e-6));
  CHECK(numbers[1].at(0) == Approx(2e-3).epsilon(1e-6));
}

TEST_CASE("what replicas send and receive loads the rank's own port only") {
  const Fabric fabric = fabric_of(plain_pod(8));
  Draft draft(8);
  Transfer reduce;
  reduce.ranks = {0};
  reduce.flows = {{endpoint(0, Port::nic), endpoint(0, Port::far_nic), 100e6},
                  {endpoint(0, Port::far_nic), endpoint(0, Port::nic), 50e6}};
  draft.transfer(reduce);
  const Program program = draft.one_block();
  CHECK(run_reference(program, fabric).makespan_s == Approx(2e-3));
  const Execution done = run_simgrid(program, fabric, true);
  CHECK(done.makespan_s == Approx(2e-3).epsilon(1e-6));
  CHECK(done.link_bytes[fabric.ranks[0].nic_out] == 100e6);
  CHECK(done.link_bytes[fabric.ranks[0].nic_in] == 50e6);
}
