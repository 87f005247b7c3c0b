#include "graph/program.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

TaskGraph two_ranks() {
  TaskGraphBuilder builder("two ranks", 2);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    Task task;
    task.kind = TaskKind::entry;
    task.rank = rank;
    const TaskId entry = builder.add(task);
    task.kind = TaskKind::compute;
    task.payload = 0;
    builder.edge(entry, builder.add(task));
  }
  Task wait;
  wait.kind = TaskKind::delay;
  builder.add(wait);
  return std::move(builder).freeze();
}

}  // namespace

TEST_CASE("operation names are numbered once") {
  Program program;
  CHECK(program.op("attention") == 0);
  CHECK(program.op("dispatch") == 1);
  CHECK(program.op("attention") == 0);
  CHECK(program.op_names == std::vector<std::string>{"attention", "dispatch"});
}

TEST_CASE("connections are counted at the port where they arrive") {
  Program program;
  program.templates.push_back(two_ranks());
  const BlockId first = program.add_block({}), second = program.add_block({}),
                third = program.add_block({});
  program.connect(first, 0, third, 0);
  program.connect(second, 1, third, 0);
  CHECK(program.blocks[first].inputs == std::vector<uint32_t>{0});
  CHECK(program.blocks[third].inputs == std::vector<uint32_t>{2});
  REQUIRE(program.blocks[second].outputs.size() == 1);
  CHECK(program.blocks[second].outputs[0].from_port == 1);
  CHECK(program.blocks[second].outputs[0].to == third);
}

TEST_CASE("tasks and kernels are counted over all blocks") {
  Program program;
  program.templates.push_back(two_ranks());
  program.chains.push_back(
      {{{0, Phase::forward, 0, 1}, {0, Phase::forward, 0, 2}, {0, Phase::forward, 0, 3}}});
  for (int i = 0; i < 5; ++i) program.add_block({});
  CHECK(program.task_count() == 5 * 3);              // two computes and a delay
  CHECK(program.kernel_count() == 5 * (3 + 3 + 1));  // runs of three kernels
}
