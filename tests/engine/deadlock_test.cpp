#include "engine/deadlock.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/draft.hpp"

using namespace moesim;

namespace {

// Computes, sends on a result (exit 1), and lets the next block of the stage begin (exit 0).
TaskGraph stage_work(Program& program, const std::string& name) {
  Draft draft(1, name);
  const TaskId work = draft.compute(0, 1e-3, {draft.entry(0)});
  const TaskId sent = draft.transfer(send(0, 0, Port::nic, 0), {work}, Stream::pp);
  draft.exit(0, 0, {work});
  draft.exit(0, 1, {sent});
  TaskGraph graph = draft.freeze();
  const Program names = draft.take_program();
  program.op_names = names.op_names;
  program.chains.insert(program.chains.end(), names.chains.begin(), names.chains.end());
  return graph;
}

BlockId add(Program& program, uint32_t graph, uint16_t stage, uint32_t microbatch) {
  Block block;
  block.graph = graph;
  block.stage = stage;
  block.microbatch = microbatch;
  return program.add_block(std::move(block));
}

}  // namespace

TEST_CASE("a schedule in which two stages wait for each other: the blocked blocks and the cycle") {
  Program program;
  program.templates.push_back(stage_work(program, "forward"));
  program.templates.push_back(stage_work(program, "backward"));
  program.simulated_ranks = 1;
  const BlockId f0 = add(program, 0, 0, 0), b0 = add(program, 1, 0, 0), f1 = add(program, 0, 1, 0),
                b1 = add(program, 1, 1, 0);
  program.connect(f0, 1, f1, 0);
  program.connect(b1, 1, b0, 0);
  // In the wrong order on the first stage: the backward before the forward that it needs.
  program.connect(b0, 0, f0, 0);
  program.connect(f1, 0, b1, 0);
  CHECK(run_error(program) ==
        "the graph cannot progress: 0 of 4 blocks done; blocked:\n"
        "  block 0 'forward' (stage 0, microbatch 0): 5 tasks left, the start on rank 0 waits for "
        "1 more\n"
        "  block 1 'backward' (stage 0, microbatch 0): 5 tasks left, the start on rank 0 waits for "
        "1 more\n"
        "  block 2 'forward' (stage 1, microbatch 0): 5 tasks left, the start on rank 0 waits for "
        "1 more\n"
        "  block 3 'backward' (stage 1, microbatch 0): 5 tasks left, the start on rank 0 waits for "
        "1 more\n"
        "the cycle among them:\n"
        "  exit 0 on rank 0 of block 1 'backward' (stage 0, microbatch 0) waits for\n"
        "  exit 1 on rank 0 of block 3 'backward' (stage 1, microbatch 0) waits for\n"
        "  exit 0 on rank 0 of block 2 'forward' (stage 1, microbatch 0) waits for\n"
        "  exit 1 on rank 0 of block 0 'forward' (stage 0, microbatch 0) waits for\n"
        "  the first of these");
}

TEST_CASE("blocks outside the cycle that wait for it are named, not taken for part of it") {
  Program program;
  program.templates.push_back(stage_work(program, "work"));
  program.simulated_ranks = 1;
  for (uint32_t i = 0; i < 12; ++i) add(program, 0, 0, i);
  for (BlockId i = 0; i + 1 < 12; ++i) program.connect(i, 0, i + 1, 0);
  program.connect(11, 0, 10, 0);
  program.connect(9, 1, 0, 0);  // a second cycle, of the first ten
  const std::string text = run_error(program);
  CHECK(text.find("0 of 12 blocks done") != std::string::npos);
  CHECK(text.find("and 4 more") != std::string::npos);
  CHECK(text.find("exit 1 on rank 0 of block 9") != std::string::npos);
  CHECK(text.find("block 11 'work'") == std::string::npos);
}
