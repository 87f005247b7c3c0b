#include "run/pod_program.hpp"

#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

std::unique_ptr<LoweredProgram> lowered(const Plan& plan, int gpus) {
  return lower_for_pod(scenario_of(moe_model(4), ideal_pod(gpus), plan, tiny_batch(64)), 1);
}

Plan plan_of(int pp, int ep) {
  Plan plan;
  plan.pp = pp;
  plan.ep = ep;
  return plan;
}

}  // namespace

TEST_CASE("the facts of a pod: devices, batch, what was folded") {
  const auto program = lowered(plan_of(1, 8), 32);
  const ProgramFacts facts = program->facts();
  CHECK(facts.device_noun == "GPU");
  CHECK(facts.devices == 32);
  CHECK(facts.global_batch == 64);
  CHECK(facts.peak_flops == ideal_device().peak_bf16_flops);
  CHECK(facts.fidelity == "all-to-all auto, transport adaptive");
  CHECK(facts.folded.find(" of 32 devices") != std::string::npos);
  CHECK(program->program().simulated_ranks < 32);
  Plan all = plan_of(1, 8);
  all.simulated_replicas = 0;
  CHECK(lowered(all, 32)->facts().folded == "");
}

TEST_CASE("ranks are known by their global number and their coordinates") {
  const auto program = lowered(plan_of(2, 4), 16);
  const uint32_t last = program->program().simulated_ranks - 1;
  CHECK(program->rank_label(0) == "rank 0 · pp0 ep0 · node 0 gpu 0");
  CHECK(program->rank_number(0) == 0);
  CHECK(program->rank_label(last).starts_with("rank " + std::to_string(program->rank_number(last)) +
                                              " · pp1 ep"));
}

TEST_CASE("the sample of ranks: one per stage, or one per node where there is one stage") {
  const auto stages = lowered(plan_of(4, 4), 16);
  CHECK(stages->sample_ranks().size() == 4);
  for (const uint32_t rank : stages->sample_ranks())
    CHECK(stages->rank_label(rank).find(" ep0 ") != std::string::npos);
  Plan wide = plan_of(1, 8);
  wide.simulated_replicas = 0;
  const auto nodes = lowered(wide, 32);
  CHECK(nodes->sample_ranks() == std::vector<uint32_t>{0, 8, 16, 24});
  CHECK(nodes->drawn_always().empty());
}

TEST_CASE("a row of memory per stage, which fits on an ideal device") {
  const auto program = lowered(plan_of(2, 4), 16);
  const auto rows = program->memory(program->loads());
  REQUIRE(rows.size() == 2);
  for (const StageMemory& row : rows) {
    CHECK(row.fits);
    CHECK(row.capacity_bytes == ideal_device().memory_bytes);
    CHECK(row.total_bytes ==
          Approx(row.parameters_bytes + row.gradients_bytes + row.optimizer_bytes +
                 row.buffers_bytes + row.activations_bytes));
  }
}
