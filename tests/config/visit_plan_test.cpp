#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

TEST_CASE("keys of the plan reach their members") {
  const Plan p =
      load_text(kScenario,
                {"plan.pp=2", "plan.vpp=2", "plan.schedule=interleaved", "plan.ep=8",
                 "plan.recompute=selective", "plan.recompute_modules=[mlp, core_attn]",
                 "plan.gradient_bytes=2 B", "plan.dispatcher=deepep", "plan.all_to_all=flat",
                 "plan.communication_sms=20", "plan.zero_stage=0", "plan.overlap_grad_reduce=false",
                 "plan.transport=flows"})
          .scenario.plan;
  CHECK(p.pp == 2);
  CHECK(p.vpp == 2);
  CHECK(p.schedule == ScheduleKind::interleaved);
  CHECK(p.ep == 8);
  CHECK(p.recompute == Recompute::selective);
  CHECK(p.recompute_modules ==
        std::vector<RecomputeModule>{RecomputeModule::mlp, RecomputeModule::core_attn});
  CHECK(p.gradient_bytes == 2);
  CHECK(p.dispatcher == Dispatcher::deepep);
  CHECK(p.all_to_all == CollectiveAlgorithm::flat);
  CHECK(p.communication_sms == 20);
  CHECK(p.zero_stage == 0);
  CHECK_FALSE(p.overlap_grad_reduce);
  CHECK(p.transport == Transport::flows);
}

TEST_CASE("what is out of range or misspelt is told with what is accepted") {
  CHECK(errors_of(kScenario, {"plan.zero_stage=4"}) ==
        "--set plan.zero_stage=4: plan.zero_stage: must be from 0 to 3, got 4");
  CHECK(errors_of(kScenario, {"plan.transport=flow"}).find("(did you mean \"flows\"?)") !=
        std::string::npos);
}
