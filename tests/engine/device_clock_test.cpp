// Shares of a device, through the interface that the rest of the program uses: in timers (the
// default) and in SimGrid Execs.
#include "catch.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

namespace {

// End dates of the compute tasks, in the order they were drafted.
std::vector<double> compute_ends(const std::function<Program()>& program,
                                 const EngineOptions& options) {
  const Fabric fabric = fabric_of(plain_pod(8));
  const Program drafted = program();
  NoRouting source;
  const Execution done = execute_simgrid(drafted, fabric, source, options);
  std::vector<double> ends(drafted.templates[0].tasks.size(), -1);
  for (size_t row = 0; row < done.record.rows(); ++row)
    ends[done.record.task[row]] = done.record.end_s[row];
  std::vector<double> of_compute;
  for (size_t task = 0; task < ends.size(); ++task)
    if (drafted.templates[0].tasks[task].kind == TaskKind::compute)
      of_compute.push_back(ends[task]);
  return of_compute;
}

void check_ends(const std::function<Program()>& program, const std::vector<double>& expected,
                std::vector<double> device_speed = {}) {
  std::vector<std::function<std::vector<double>()>> works;
  for (const bool all_activities : {false, true})
    works.push_back([&, all_activities] {
      EngineOptions options;
      options.all_activities = all_activities;
      options.device_speed = device_speed;
      return compute_ends(program, options);
    });
  const auto numbers = numbers_in_children(works);
  for (size_t way = 0; way < 2; ++way) {
    INFO((way == 0 ? "timers" : "SimGrid Execs"));
    CHECK(numbers[way].error == "");
    REQUIRE(numbers[way].values.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      CHECK(numbers[way].at(i) == Approx(expected[i]).epsilon(1e-6));
  }
}

// 10 ms over NVLink, holding a share of the SMs of ranks 0 and 1.
Transfer communication_kernel(double share) {
  Transfer transfer = send(0, 1, Port::nvlink, 4.5e9);
  transfer.ranks = {0, 1};
  transfer.sm_share = share;
  return transfer;
}

}  // namespace

TEST_CASE("two computes on one device take twice as long, on two devices they do not") {
  check_ends(
      [] {
        Draft draft(8);
        draft.compute(0, 1e-3);
        draft.compute(0, 1e-3);
        draft.compute(1, 1e-3);
        return draft.one_block();
      },
      {2e-3, 2e-3, 1e-3});
}

TEST_CASE("who comes later shares from then on") {
  check_ends(
      [] {
        Draft draft(8);
        draft.compute(0, 3e-3);
        draft.compute(0, 1e-3, {draft.delay(1e-3)});
        return draft.one_block();
      },
      // 1 ms alone, then 2 ms for both halves of the second, then the rest of the first.
      {4e-3, 3e-3});
}

TEST_CASE("a communication kernel slows compute by its share of SMs") {
  for (const double share : {0.15, 0.5})
    check_ends(
        [share] {
          Draft draft(8);
          draft.transfer(communication_kernel(share));
          draft.compute(0, 2e-3);
          draft.compute(1, 4e-3);
          draft.compute(2, 2e-3);  // takes no part
          return draft.one_block();
        },
        {2e-3 / (1 - share), 4e-3 / (1 - share), 2e-3});
}

TEST_CASE("the share is given back when the transfer ends") {
  check_ends(
      [] {
        Draft draft(8);
        draft.transfer(communication_kernel(0.5));
        draft.compute(0, 8e-3);
        return draft.one_block();
      },
      {10e-3 + (8e-3 - 5e-3)});
}

TEST_CASE("a slow device takes longer") {
  check_ends(
      [] {
        Draft draft(8);
        draft.compute(0, 1e-3);
        draft.compute(1, 1e-3);
        return draft.one_block();
      },
      {1e-3, 2e-3}, {1, 0.5, 1, 1, 1, 1, 1, 1});
}
