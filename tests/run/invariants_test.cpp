#include "run/invariants.hpp"

#include <limits>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

StepReport sound() {
  StepReport report;
  report.seed = 7;
  report.step_time_s = 10;
  report.tokens_per_s = 1e6;
  report.mfu = 0.4;
  report.breakdown_s.compute = 6;
  report.breakdown_s.bubble = 4;
  report.lower_bound_s = 5;
  report.resources.push_back({"leaf0", "leaf", 0.9, 1e9});
  report.pipeline.push_back({.stage = 0, .bubble_s = 4});
  return report;
}

using Sentences = std::vector<std::string>;

}  // namespace

TEST_CASE("a sound report breaks nothing, and rounding is no break") {
  StepReport report = sound();
  CHECK(broken_invariants(report).empty());
  report.breakdown_s.bubble += 1e-7;
  report.pipeline[0].bubble_s = -1e-7;
  CHECK(broken_invariants(report).empty());
  CHECK_NOTHROW(check_invariants(report));
}

TEST_CASE("figures that cannot be are named with their value and range") {
  StepReport report = sound();
  report.mfu = 303882;
  CHECK(broken_invariants(report) == Sentences{"mfu is 303882, not from 0 to 1"});
  report = sound();
  report.resources[0].busy_fraction = 1.6;
  CHECK(broken_invariants(report) ==
        Sentences{"busy_fraction of leaf0 is 1.6, not from 0 to 1.000001"});
  report = sound();
  report.breakdown_s.bubble = -2;
  report.lower_bound_s = 10.1;
  CHECK(broken_invariants(report).size() == 3);  // the part, the sum, the bound
  report = sound();
  report.mfu = std::numeric_limits<double>::quiet_NaN();
  CHECK(broken_invariants(report).size() == 1);
  report = sound();
  report.memory.push_back({.activations_bytes = -1});
  CHECK(broken_invariants(report) == Sentences{"memory of stage 0 is -1, not from 0 to 1e+18"});
}

TEST_CASE("parts of a long run are fractions") {
  StepReport report = sound();
  report.goodput.emplace();
  report.goodput->asked.fraction = 0.9;
  CHECK(broken_invariants(report).empty());
  report.goodput->asked.lost_fraction = 0.3;
  report.goodput->optimum.ci95_low = -0.1;
  CHECK(broken_invariants(report).size() == 2);
}

TEST_CASE("the error has what a bug report needs") {
  StepReport report = sound();
  report.moesim_version = "1.2";
  report.mfu = 2;
  try {
    check_invariants(report);
    FAIL("no error");
  } catch (const RunError& error) {
    CHECK(std::string(error.what()) ==
          "the result cannot be right, so it is not shown: mfu is 2, not from 0 to 1. This is a "
          "bug of moesim: please report it with the scenario, its --set options, seed 7 and "
          "version 1.2");
  }
}
