#include "catch.hpp"
#include "fixtures/draft.hpp"
#include "metrics/summarize.hpp"

using namespace moesim;

namespace {

// Over NVLink among all these ranks, for so long.
Transfer collective(std::vector<uint32_t> ranks, double seconds) {
  Transfer transfer;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const auto from = static_cast<int>(ranks[i]),
               to = static_cast<int>(ranks[(i + 1) % ranks.size()]);
    transfer.flows.push_back(
        {endpoint(from, Port::nvlink), endpoint(to, Port::nvlink), seconds * 450e9});
  }
  transfer.ranks = std::move(ranks);
  return transfer;
}

std::vector<Breakdown> breakdown_of(const Program& program) {
  const Fabric fabric = fabric_of(plain_pod(8));
  const Execution done = run_reference(program, fabric);
  const auto ranks = breakdown_by_rank(program, done);
  for (const Breakdown& rank : ranks) CHECK(rank.total() == Approx(done.makespan_s).epsilon(1e-12));
  return ranks;
}

}  // namespace

TEST_CASE("compute, then a collective, then compute") {
  Draft draft(2);
  const TaskId a = draft.compute(0, 1e-3), b = draft.compute(1, 3e-3);
  const TaskId all = draft.transfer(collective({0, 1}, 2e-3), {a, b});
  draft.compute(0, 1e-3, {all});
  draft.compute(1, 1e-3, {all});
  const auto ranks = breakdown_of(draft.one_block());
  CHECK(ranks[0].compute == Approx(2e-3));
  CHECK(ranks[0].exposed_ep == Approx(4e-3));  // rank 0 waits 2 ms for rank 1 to join
  CHECK(ranks[1].compute == Approx(4e-3));
  CHECK(ranks[1].exposed_ep == Approx(2e-3));
  CHECK(ranks[0].bubble == Approx(0).margin(1e-12));
}

TEST_CASE("collectives that follow each other count for their own time") {
  Draft draft(2);
  const TaskId first =
      draft.transfer(collective({0, 1}, 2e-3), {draft.compute(0, 1e-3), draft.compute(1, 1e-3)});
  const TaskId second = draft.transfer(collective({0, 1}, 3e-3), {first}, Stream::tp);
  draft.compute(0, 1e-3, {second});
  draft.compute(1, 1e-3, {second});
  for (const Breakdown& rank : breakdown_of(draft.one_block())) {
    CHECK(rank.compute == Approx(2e-3));
    CHECK(rank.exposed_ep == Approx(2e-3));
    CHECK(rank.exposed_tp == Approx(3e-3));
  }
}

TEST_CASE("hidden communication is not exposed") {
  Draft draft(2);
  const TaskId work = draft.compute(0, 1e-3), other = draft.compute(1, 1e-3);
  const TaskId all = draft.transfer(collective({0, 1}, 2e-3), {work, other}, Stream::cp);
  const TaskId meanwhile = draft.compute(0, 1.5e-3, {work});
  draft.compute(0, 1e-3, {meanwhile, all});
  const auto ranks = breakdown_of(draft.one_block());
  CHECK(ranks[0].compute == Approx(3.5e-3));
  CHECK(ranks[0].exposed_cp == Approx(0.5e-3));
}

TEST_CASE("a message is exposed while it travels; before that the pipeline waits") {
  Draft draft(2);
  const TaskId work = draft.compute(0, 2e-3);
  const TaskId sent = draft.transfer(send(0, 1, Port::nvlink, 450e6), {work}, Stream::pp);
  draft.compute(1, 1e-3, {sent});
  const auto ranks = breakdown_of(draft.one_block());
  CHECK(ranks[1].bubble == Approx(2e-3));
  CHECK(ranks[1].exposed_pp == Approx(1e-3));
  CHECK(ranks[1].compute == Approx(1e-3));
  CHECK(ranks[0].compute == Approx(2e-3));
  CHECK(ranks[0].bubble == Approx(2e-3));  // nothing more to do until the end
}

TEST_CASE("gradients still on their way at the end are exposed; the optimizer is its own part") {
  Draft draft(2);
  const TaskId work = draft.compute(0, 2e-3);
  draft.transfer(collective({0, 1}, 3e-3), {work}, Stream::dp);
  Draft optimizer(1);
  const auto ranks = breakdown_of(draft.one_block());
  CHECK(ranks[0].exposed_dp == Approx(3e-3));
  CHECK(ranks[0].compute == Approx(2e-3));

  TaskGraphBuilder builder("optimizer", 1);
  Task task;
  task.kind = TaskKind::compute;
  task.phase = Phase::optimizer;
  task.seconds = 1e-3;
  builder.add(task);
  Program program;
  program.chains.push_back({});
  program.templates.push_back(std::move(builder).freeze());
  program.add_block({});
  program.simulated_ranks = 1;
  CHECK(breakdown_of(program)[0].optimizer == Approx(1e-3));
}

TEST_CASE("what takes no time counts nothing twice") {
  Draft draft(2);
  const TaskId late = draft.compute(0, 2e-3);
  const TaskId none = draft.compute(1, 0, {late});
  draft.compute(1, 1e-3, {none});
  const auto ranks = breakdown_of(draft.one_block());
  CHECK(ranks[1].bubble == Approx(2e-3));
  CHECK(ranks[1].compute == Approx(1e-3));
}

TEST_CASE("the mean of no ranks is nothing, of two their mean") {
  CHECK(mean({}).total() == 0);
  Breakdown a, b;
  a.compute = 1, a.exposed_stream = 4, b.compute = 3, b.other = 2;
  const Breakdown both[] = {a, b};
  CHECK(mean(both).compute == 2);
  CHECK(mean(both).other == 1);
  CHECK(mean(both).total() == Approx(5));
}
