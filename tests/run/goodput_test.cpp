#include "run/goodput.hpp"

#include <cmath>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

// A device that fails every 50,000 hours, 10 s steps, a minute for a checkpoint, ten for a restart.
Reliability usual() {
  Reliability r;
  r.device_mtbf_s = 50'000 * 3600.0;
  r.checkpoint_interval_s = 1800;
  r.checkpoint_write_s = 60;
  r.restart_s = 600;
  return r;
}

constexpr double kStep = 10, kTokens = 1e6;

}  // namespace

TEST_CASE("intervals of Young and Daly") {
  // C = 60 s, M = 12 h: sqrt(2 * 60 * 43200).
  CHECK(young_interval_s(60, 43'200) == Approx(2276.84).epsilon(1e-5));
  CHECK(
      daly_interval_s(60, 43'200) ==
      Approx(2276.84 * (1 + std::sqrt(60 / 86'400.0) / 3 + 60 / 86'400.0 / 9) - 60).epsilon(1e-5));
  CHECK(daly_interval_s(100, 40) == 40);
}

TEST_CASE("the closed form: no failures leave the checkpoints, rare ones half an interval each") {
  CHECK(daly_goodput(900, 100, 0, 1e12) == Approx(0.9).epsilon(1e-6));
  // First order in the failure rate: each failure costs the restart and half of interval and
  // checkpoint.
  CHECK(daly_goodput(900, 100, 50, 1e6) == Approx(0.9 * (1 - (50 + 500) / 1e6)).epsilon(1e-5));
}

TEST_CASE("events agree with the closed form, from rare failures to several an hour") {
  for (const int devices : {64, 2048, 16'384, 131'072}) {
    Reliability r = usual();
    r.trials = 400;
    const GoodputReport report = simulate_goodput(r, {1.0 * devices}, kStep, kTokens, 1);
    INFO(devices);
    CHECK(report.system_mtbf_s == Approx(r.device_mtbf_s / devices));
    CHECK(report.asked.fraction == Approx(report.asked.formula_fraction).epsilon(0.004));
    CHECK(report.asked.ci95_low <= report.asked.fraction);
    CHECK(report.asked.failures_per_day ==
          Approx(86'400 / report.system_mtbf_s).epsilon(0.03).margin(0.003));
    const Goodput& g = report.asked;
    CHECK(g.fraction + g.checkpoint_fraction + g.lost_fraction + g.restart_fraction ==
          Approx(1).epsilon(0.001));
    CHECK(g.tokens_per_day == Approx(g.fraction * 8640 * kTokens));
  }
}

TEST_CASE("no interval does better than the optimum") {
  Reliability r = usual();
  r.trials = 400;
  double best = 0;
  for (const double interval : {100.0, 300.0, 700.0, 3000.0, 8000.0}) {
    r.checkpoint_interval_s = interval;
    const GoodputReport report = simulate_goodput(r, {16'384}, kStep, kTokens, 1);
    best = std::max(best, report.asked.fraction);
    CHECK(report.optimum.fraction >= report.asked.fraction - 0.002);
  }
  CHECK(best > 0.8);
}

TEST_CASE("checkpoints are taken between steps; an interval of 0 asks for the optimum") {
  Reliability r = usual();
  r.checkpoint_interval_s = 1;
  CHECK(simulate_goodput(r, {64}, kStep, kTokens, 1).asked.checkpoint_interval_s == kStep);
  r.checkpoint_interval_s = 0;
  const GoodputReport report = simulate_goodput(r, {2048}, kStep, kTokens, 1);
  CHECK(report.asked.fraction == report.optimum.fraction);
  CHECK(report.asked.checkpoint_interval_s == Approx(report.daly_interval_s).margin(kStep));
}

TEST_CASE("the same seed gives the same failures") {
  const auto fraction = [](uint64_t seed) {
    return simulate_goodput(usual(), {16'384}, kStep, kTokens, seed).asked.fraction;
  };
  CHECK(fraction(3) == fraction(3));
  CHECK(fraction(3) != fraction(4));
}

TEST_CASE("free checkpoints after every step, and failures by the million, take no time") {
  Reliability r = usual();
  r.checkpoint_interval_s = r.checkpoint_write_s = 0;
  const GoodputReport report = simulate_goodput(r, {8}, 1e-3, kTokens, 1);
  CHECK(report.asked.steps_per_checkpoint == 1);
  CHECK(report.asked.fraction == Approx(1).epsilon(1e-3));
  r.device_mtbf_s = 1e-30;
  CHECK_THROWS_AS(simulate_goodput(r, {8}, kStep, kTokens, 1), RunError);
  r.device_mtbf_s = 40;  // less than a checkpoint, and than a restart
  r.checkpoint_write_s = 60;
  const Goodput none = simulate_goodput(r, {1}, kStep, kTokens, 1).asked;
  CHECK(none.fraction < 0.01);
  CHECK(none.restart_fraction + none.lost_fraction > 0.99);
  CHECK(none.restart_fraction + none.lost_fraction <= 1);
}

TEST_CASE("confidence limits of a fraction are fractions") {
  Reliability r = usual();
  r.checkpoint_interval_s = 365210952;
  r.device_mtbf_s = 2e7;
  r.trials = 3;
  const Goodput g = simulate_goodput(r, {8}, kStep, kTokens, 1).asked;
  CHECK(g.ci95_low >= 0);
  CHECK(g.ci95_low <= g.fraction);
  CHECK(g.ci95_high >= g.fraction);
  CHECK(g.ci95_high <= 1);
}

TEST_CASE("a wafer system fails at the rates of its parts") {
  // 32 wafers, a tree of 1 + 2 nodes, 12 nodes of MemoryX; an hour is the unit.
  WaferSystem system;
  system.systems = 32;
  system.memoryx.nodes = 12;
  const FailingParts parts = failing_parts(Platform{system});
  CHECK(parts.devices == 32);
  CHECK(parts.swarmx_nodes == 3);
  CHECK(parts.memoryx_nodes == 12);
  Reliability r;
  r.device_mtbf_s = 6400 * 3600.0;
  CHECK(system_mtbf_s(r, parts) == Approx(200 * 3600.0));
  r.swarmx_mtbf_s = 600 * 3600.0;
  r.memoryx_mtbf_s = 1200 * 3600.0;
  CHECK(system_mtbf_s(r, parts) == Approx(3600.0 / (1 / 200.0 + 1 / 200.0 + 1 / 100.0)));
  r.device_mtbf_s = 0;
  CHECK(r.asked());
  CHECK(system_mtbf_s(r, parts) == Approx(3600.0 / (1 / 200.0 + 1 / 100.0)));
}
