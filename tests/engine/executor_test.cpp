#include "engine/executor.hpp"

#include <algorithm>
#include <set>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

namespace {

// A chain of blocks of one template: each rank computes between its entry and its exit.
Program chain(int blocks, uint32_t ranks, double seconds) {
  Draft draft(ranks, "link of a chain");
  for (uint32_t rank = 0; rank < ranks; ++rank)
    draft.exit(rank, 0, {draft.compute(rank, seconds * (rank + 1), {draft.entry(rank)})});
  TaskGraph graph = draft.freeze();
  Program program = draft.take_program();
  program.templates.push_back(std::move(graph));
  for (int i = 0; i < blocks; ++i) program.add_block({});
  for (int i = 0; i + 1 < blocks; ++i) program.connect(i, 0, i + 1, 0);
  return program;
}

// Every task starts when its last predecessor ends, which its cause names.
void check_order(const Program& program, const Execution& done) {
  const TaskGraph& graph = program.templates[0];
  std::vector<double> start(graph.tasks.size(), -1), end(graph.tasks.size(), -1);
  for (size_t row = 0; row < done.record.rows(); ++row) {
    start[done.record.task[row]] = done.record.start_s[row];
    end[done.record.task[row]] = done.record.end_s[row];
    const uint32_t cause = done.record.cause[row];
    if (cause != kNoRow)
      CHECK(done.record.start_s[row] == Approx(done.record.end_s[cause]).margin(1e-12));
  }
  for (TaskId task = 0; task < graph.tasks.size(); ++task) {
    CHECK(end[task] >= start[task]);
    for (const TaskId next : graph.successors(task)) CHECK(start[next] >= end[task] - 1e-12);
  }
}

Program random_graph(uint64_t seed) {
  Random random(seed, {});
  Draft draft(8);
  std::vector<TaskId> tasks;
  for (int i = 0; i < 120; ++i) {
    Draft::After after;
    for (int k = 0; k < 3 && !tasks.empty(); ++k)
      if (random.uniform() < 0.6)
        after.push_back(
            tasks[static_cast<size_t>(random.uniform() * static_cast<double>(tasks.size()))]);
    const auto rank = static_cast<uint32_t>(8 * random.uniform());
    const double kind = random.uniform();
    if (kind < 0.6)
      tasks.push_back(draft.compute(rank, 1e-4 * random.uniform(), after));
    else if (kind < 0.7)
      tasks.push_back(draft.delay(1e-4 * random.uniform(), after));
    else
      tasks.push_back(draft.transfer(send(static_cast<int>(rank), static_cast<int>(rank + 1) % 8,
                                          Port::nvlink, 2e7 * random.uniform()),
                                     after));
  }
  return draft.one_block();
}

}  // namespace

TEST_CASE("tasks run in the order of the graph, and each names what let it start") {
  const Fabric fabric = fabric_of(plain_pod(8));
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const Program program = random_graph(seed);
    const Execution done = run_reference(program, fabric);
    CHECK(done.record.rows() == 120);
    CHECK(done.tasks == 120);
    check_order(program, done);
  }
}

TEST_CASE("SimGrid keeps the order of the graph") {
  const Fabric fabric = fabric_of(plain_pod(8));
  const Program program = random_graph(3);
  const Execution done = run_simgrid(program, fabric);
  CHECK(done.record.rows() == 120);
  check_order(program, done);
  CHECK(done.makespan_s >= run_reference(program, fabric).makespan_s);
}

TEST_CASE("blocks follow each other rank by rank") {
  const Execution done = run_reference(chain(10, 2, 1e-3), fabric_of(plain_pod(8)));
  // Rank 0 does not wait for rank 1: it is done with ten blocks of 1 ms when rank 1 is with five of
  // 2 ms.
  std::vector<double> last(10, 0.0);
  std::vector<double> first_rank_ends;
  for (size_t row = 0; row < done.record.rows(); ++row)
    if (done.record.end_s[row] - done.record.start_s[row] < 1.5e-3)
      first_rank_ends.push_back(done.record.end_s[row]);
  REQUIRE(first_rank_ends.size() == 10);
  CHECK(first_rank_ends.back() == Approx(10e-3));
  CHECK(done.makespan_s == Approx(20e-3));
}

TEST_CASE("a block that several others enter waits for all of them, port by port") {
  Draft draft(1, "two doors");
  const TaskId early = draft.compute(0, 1e-3, {draft.entry(0, 0)});
  const TaskId late = draft.compute(0, 1e-3, {draft.entry(0, 1), early});
  draft.exit(0, 0, {early});
  draft.exit(0, 1, {late});
  TaskGraph graph = draft.freeze();
  Program program = draft.take_program();
  program.templates.push_back(std::move(graph));
  for (int i = 0; i < 3; ++i) program.add_block({});
  program.connect(0, 0, 2, 0);  // 2 may begin when both others have passed their first exit,
  program.connect(1, 0, 2, 0);
  program.connect(0, 1, 2, 1);  // and go on when the first has passed its second.
  const Execution done = run_reference(program, fabric_of(plain_pod(8)));
  // Every block of the reference executor runs at nominal speed: 0 and 1 end at 2 ms; 2 begins at 1
  // ms.
  CHECK(done.makespan_s == Approx(3e-3));
  for (size_t row = 0; row < done.record.rows(); ++row) {
    if (done.record.block[row] == 2 && done.record.task[row] == early)
      CHECK(done.record.start_s[row] == Approx(1e-3));
  }
}

TEST_CASE("a graph that cannot progress says what is blocked") {
  Program program = chain(3, 1, 1e-3);
  program.connect(2, 0, 1, 0);  // block 1 waits for block 2, which waits for block 1
  CHECK(run_error(program) ==
        "the graph cannot progress: 1 of 3 blocks done; blocked:\n"
        "  block 1 'link of a chain' (stage 0, microbatch 0): 3 tasks left, the start on rank 0 "
        "waits for 1 more\n"
        "  block 2 'link of a chain' (stage 0, microbatch 0): 3 tasks left, the start on rank 0 "
        "waits for 1 more\n"
        "the cycle among them:\n"
        "  exit 0 on rank 0 of block 2 'link of a chain' (stage 0, microbatch 0) waits for\n"
        "  exit 0 on rank 0 of block 1 'link of a chain' (stage 0, microbatch 0) waits for\n"
        "  the first of these");
}

TEST_CASE("SimGrid too says what is blocked") {
  Program program = chain(2, 1, 1e-3);
  program.connect(1, 0, 0, 0);
  const auto results = in_children({[&] {
    try {
      run_simgrid(program, fabric_of(plain_pod(8)));
    } catch (const RunError& error) {
      return std::string(error.what());
    }
    return std::string("done");
  }});
  CHECK(results[0].find("the graph cannot progress: 0 of 2 blocks done") == 0);
}

TEST_CASE("what takes no time passes at once") {
  Draft draft(8);
  const TaskId none = draft.compute(0, 0);
  const TaskId empty = draft.transfer({}, {none});
  const TaskId nothing = draft.transfer(send(0, 1, Port::nic, 0), {empty});
  const TaskId wait = draft.delay(0, {nothing});
  const TaskId both = draft.join({wait, draft.compute(1, 1e-12)});
  draft.compute(0, 1e-3, {both});
  const Program program = draft.one_block();
  const Fabric fabric = fabric_of(plain_pod(8));
  CHECK(run_reference(program, fabric).makespan_s == Approx(1e-3));
  const auto numbers = numbers_in_children(
      {[&] { return std::vector{run_simgrid(program, fabric).makespan_s}; },
       [&] { return std::vector{run_simgrid(program, fabric, true).makespan_s}; }});
  for (const Numbers& one : numbers) {
    CHECK(one.error == "");
    CHECK(one.at(0) == Approx(1e-3).epsilon(1e-6));
  }
}

TEST_CASE("a program of nothing but what takes no time ends at 0") {
  Draft draft(1);
  draft.compute(0, 0, {draft.join({draft.compute(0, 0)})});
  const Execution done = run_simgrid(draft.one_block(), fabric_of(plain_pod(8)));
  CHECK(done.makespan_s == 0);
  CHECK(done.tasks == 2);
}

TEST_CASE("a second simulation in one process is refused") {
  Draft draft(1);
  draft.compute(0, 1e-3);
  const Program program = draft.one_block();
  const Fabric fabric = fabric_of(plain_pod(8));
  const auto results = in_children({[&] {
    run_simgrid(program, fabric);
    try {
      run_simgrid(program, fabric);
    } catch (const RunError& error) {
      return std::string(error.what());
    }
    return std::string("ran twice");
  }});
  CHECK(results[0] == "SimGrid has already run in this process");
}

// Only what runs now is live: amounts drawn for an instance go when its block is done.
TEST_CASE("blocks come to life late and leave early") {
  struct Counting : InstanceSource {
    mutable int filled = 0;  // not pure, to see when it is asked
    void fill(const Block&, const TaskGraph&, InstanceData& out) const override {
      ++filled;
      out.seconds[0] = 1e-3 * filled;
    }
  };
  Draft draft(1, "drawn");
  draft.exit(0, 0, {draft.compute(0, 0, {draft.entry(0)})});
  TaskGraph graph = draft.freeze();
  graph.drawn_computes = 1;
  graph.tasks[1].draw = 0;
  Program program = draft.take_program();
  program.templates.push_back(std::move(graph));
  for (int i = 0; i < 4; ++i) program.add_block({});
  for (int i = 0; i + 1 < 4; ++i) program.connect(i, 0, i + 1, 0);

  Counting source;
  const Fabric fabric = fabric_of(plain_pod(8));
  Execution execution;
  execution.link_bytes.assign(fabric.links.size(), 0);
  struct Manual : Backend {
    double time = 0;
    std::vector<TaskToken> started;
    std::vector<double> seconds;
    double now() const override { return time; }
    void start_compute(TaskToken token, uint32_t, double amount) override {
      started.push_back(token);
      seconds.push_back(amount);
    }
    void start_delay(TaskToken, double) override {}
    double start_transfer(TaskToken, uint32_t, const Transfer&, const std::vector<Flow>&,
                          double) override {
      return 0;
    }
  } backend;
  Executor executor(program, source, backend, execution);
  executor.begin();
  std::set<uint32_t> draws;
  for (int i = 0; i < 4; ++i) {
    CHECK(source.filled == i + 1);  // not before it is needed
    CHECK(executor.blocks_done() == static_cast<uint64_t>(i));
    REQUIRE(backend.started.size() == static_cast<size_t>(i + 1));
    CHECK(backend.seconds.back() == Approx(1e-3 * (i + 1)));
    draws.insert(backend.started.back().live);
    backend.time += 1e-3;
    executor.complete(backend.started.back());
  }
  executor.require_done();
  CHECK(draws.size() <= 2);  // a finished block's place is taken by the next but one
}
