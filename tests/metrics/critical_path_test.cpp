#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "metrics/summarize.hpp"

using namespace moesim;

namespace {

struct Traced {
  Program program;
  Fabric fabric = fabric_of(plain_pod(16));
  Execution done;
  explicit Traced(Program drafted)
      : program(std::move(drafted)), done(run_reference(program, fabric)) {}
  std::vector<CriticalPathEntry> path() const {
    return critical_path(program, fabric, done, nullptr);
  }
};

double seconds(const std::vector<CriticalPathEntry>& path) {
  double sum = 0;
  for (const CriticalPathEntry& entry : path) sum += entry.seconds;
  return sum;
}

Task compute_of(double seconds) {
  Task task;
  task.kind = TaskKind::compute;
  task.seconds = seconds;
  return task;
}

}  // namespace

TEST_CASE("the critical path of a chain is the chain") {
  Draft draft(16);
  const TaskId work = draft.compute(0, 1e-3);
  draft.compute(1, 0.5e-3);
  const TaskId sent = draft.transfer(send(0, 8, Port::nic, 100e6), {work}, Stream::pp);
  draft.compute(8, 4e-3, {draft.delay(1e-3, {sent})});
  const Traced traced(draft.one_block());
  CHECK(critical_rows(traced.done).size() == 4);
  const auto path = traced.path();
  CHECK(seconds(path) == Approx(traced.done.makespan_s).epsilon(1e-12));
  REQUIRE(path.size() == 3);
  CHECK(path[0].op == "work");
  CHECK(path[0].kind == "compute");
  CHECK(path[0].seconds == Approx(5e-3));
  CHECK(path[0].count == 2);
  CHECK(path[0].share == Approx(5.0 / 8));
  CHECK(path[1].op == "pp");
  CHECK(path[1].link == "nic");
  CHECK(path[1].seconds == Approx(2e-3));
  CHECK(path[2].seconds == Approx(1e-3));
}

TEST_CASE("a run of kernels is split on the path") {
  Program program;
  TaskGraphBuilder builder("run", 1);
  builder.add(compute_of(4e-3));
  program.chains.push_back({{{program.op("norm"), Phase::forward, 0, 1e-3},
                             {program.op("gemm"), Phase::forward, 0, 3e-3}}});
  program.templates.push_back(std::move(builder).freeze());
  program.add_block({});
  program.simulated_ranks = 1;
  const auto path = Traced(std::move(program)).path();
  REQUIRE(path.size() == 2);
  CHECK(path[0].op == "gemm");
  CHECK(path[0].seconds == Approx(3e-3));
  CHECK(path[1].seconds == Approx(1e-3));
}

TEST_CASE("random graphs: the path has no gaps and ends with the last task") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed, {});
    Draft draft(16);
    std::vector<TaskId> tasks;
    for (int i = 0; i < 60; ++i) {
      Draft::After after;
      for (int k = 0; k < 2 && i > 0; ++k)
        if (random.uniform() < 0.7)
          after.push_back(tasks[static_cast<size_t>(random.uniform() * i)]);
      const auto rank = static_cast<uint32_t>(16 * random.uniform());
      tasks.push_back(
          random.uniform() < 0.7
              ? draft.compute(rank, 1e-3 * random.uniform(), after)
              : draft.transfer(send(static_cast<int>(rank), static_cast<int>(rank + 8) % 16,
                                    Port::nic, 50e6 * random.uniform()),
                               after));
    }
    const Traced traced(draft.one_block());
    const auto rows = critical_rows(traced.done);
    REQUIRE(!rows.empty());
    CHECK(traced.done.record.start_s[rows.front()] == 0);
    CHECK(traced.done.record.end_s[rows.back()] == traced.done.makespan_s);
    for (size_t i = 0; i + 1 < rows.size(); ++i)
      CHECK(traced.done.record.end_s[rows[i]] == Approx(traced.done.record.start_s[rows[i + 1]]));
    CHECK(seconds(traced.path()) == Approx(traced.done.makespan_s).epsilon(1e-9));
  }
}

TEST_CASE("the path by layer and by link") {
  Program program;
  TaskGraphBuilder builder("layers", 16);
  const TaskId work = builder.add(compute_of(6e-3));
  program.chains.push_back({{{program.op("norm"), Phase::forward, 0, 1e-3},
                             {program.op("gemm"), Phase::forward, 1, 3e-3},
                             {program.op("loss"), Phase::forward, 9, 1e-3},
                             {program.op("adam"), Phase::optimizer, 0, 1e-3}}});
  Task sent;
  sent.kind = TaskKind::transfer;
  sent.stream = Stream::ep;
  sent.layer = 1;
  sent.op = program.op("dispatch");
  sent.payload = builder.add_transfer(send(0, 8, Port::nic, 100e6));
  builder.edge(work, builder.add(sent));
  program.templates.push_back(std::move(builder).freeze());
  Block block;
  block.first_layer = 4;
  program.add_block(std::move(block));
  program.simulated_ranks = 16;
  const Traced traced(std::move(program));
  const auto by_layer = critical_path_by_layer(traced.program, traced.done, 10);
  REQUIRE(by_layer.size() == 5);
  CHECK(seconds(by_layer) == Approx(traced.done.makespan_s));
  CHECK(by_layer[0].op == "layer 5");
  CHECK(by_layer[0].kind == "compute");
  CHECK(by_layer[0].seconds == Approx(3e-3));
  CHECK(by_layer[1].op == "layer 5");
  CHECK(by_layer[1].kind == "communication");
  CHECK(by_layer[1].seconds == Approx(2e-3));
  CHECK(by_layer[2].op == "layer 4");
  CHECK(by_layer[3].op == "after the last layer");
  CHECK(by_layer[4].op == "optimizer");
  const auto by_link = critical_path_by_link(traced.program, traced.fabric, traced.done, nullptr);
  REQUIRE(by_link.size() == 1);
  CHECK(by_link[0].op == "node0.gpu0.nic.out");
  CHECK(by_link[0].link == "nic");
  CHECK(by_link[0].kind == "ep");
  CHECK(by_link[0].seconds == Approx(2e-3));
}

TEST_CASE("nothing done, no path") {
  CHECK(critical_rows({}).empty());
  CHECK(critical_path({}, {}, {}, nullptr).empty());
}
