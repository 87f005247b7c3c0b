#include "capacity/cost.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

// 16 devices in 2 nodes, 1000 tokens per second, 600 W each.
Scenario scenario() {
  Scenario s;
  Pod pod;
  pod.gpus = 16;
  pod.gpus_per_node = 8;
  pod.device.power_w = 700;
  pod.device.static_power_w = 150;
  s.platform.system = pod;
  return s;
}

CapacityRow row() {
  CapacityRow r;
  r.platform = "pod";
  r.devices = 16;
  r.report.devices = 16;
  r.report.step_time_s = 10;
  r.report.tokens_per_step = 10000;
  r.report.tokens_per_s = 1000;
  r.report.power_w = 600;
  return r;
}

CapacityFile file() {
  CapacityFile f;
  f.tokens = 864e6;  // 10 days
  return f;
}

}  // namespace

TEST_CASE("days, money and energy by hand") {
  CapacityFile f = file();
  f.deadline_s = 12 * 86400;
  f.pue = 1.25;
  f.carbon_kg_per_kwh = 0.4;
  Machine m;
  m.price = PriceRange{2, 3};
  m.node_power_w = 1600;
  m.network_power_w = 100;
  CapacityRow r = row();
  fill_costs(r, f, m, scenario(), 1);
  CHECK(r.days.value == Approx(10));
  CHECK_FALSE(r.days_with_failures);
  CHECK(r.cost->value == Approx(10 * 24 * 16 * 2.5));
  CHECK(r.cost->low == Approx(10 * 24 * 16 * 2));
  CHECK(r.cost->high == Approx(10 * 24 * 16 * 3));
  CHECK(r.cost_per_ttokens() == Approx(9600 / 864e-6));
  // (16 x 700 W + 2 x 1600 W) x 1.25 for 240 hours
  CHECK(r.energy_mwh == Approx(14400 * 1.25 * 240 / 1e6));
  CHECK(*r.co2_t == Approx(4.32 * 0.4));
  CHECK(*r.meets_deadline);
  CHECK(r.margin_days == Approx(2));
}

TEST_CASE("a price changes money and nothing else; without one there is no money") {
  const auto priced = [](std::optional<PriceRange> price) {
    CapacityRow r = row();
    Machine m;
    m.price = price;
    fill_costs(r, file(), m, scenario(), 1);
    return r;
  };
  const CapacityRow one = priced(PriceRange{2, 2}), two = priced(PriceRange{4, 4}),
                    none = priced(std::nullopt);
  CHECK(two.cost->value == Approx(2 * one.cost->value));
  CHECK(two.cost_per_ttokens() == Approx(2 * one.cost_per_ttokens()));
  CHECK(two.days.value == one.days.value);
  CHECK(two.energy_mwh == one.energy_mwh);
  CHECK_FALSE(none.cost);
  CHECK(none.days.value == one.days.value);
  CHECK(none.energy_mwh == one.energy_mwh);
}

TEST_CASE("a deadline is missed by what failures take") {
  CapacityFile f = file();
  f.deadline_s = 10.5 * 86400;
  Scenario s = scenario();
  CapacityRow sound = row(), failing = row();
  fill_costs(sound, f, {}, s, 1);
  CHECK(*sound.meets_deadline);
  s.goodput.device_mtbf_s = 16 * 36000;  // the pod fails every ten hours
  s.goodput.checkpoint_interval_s = 3600;
  s.goodput.checkpoint_write_s = 60;
  s.goodput.restart_s = 3600;
  fill_costs(failing, f, {}, s, 1);
  // An hour of restart and half an hour of lost work in ten: some 85 % are kept.
  CHECK(*failing.goodput == Approx(0.84).epsilon(0.03));
  CHECK(failing.days_with_failures->value == Approx(10 / *failing.goodput));
  CHECK_FALSE(*failing.meets_deadline);
  // Waiting devices draw 150 W, not 600: less energy than the days alone would say.
  CHECK(failing.energy_mwh > sound.energy_mwh);
  CHECK(failing.energy_mwh < sound.energy_mwh / *failing.goodput);
}

TEST_CASE("the band of prediction widens days and money") {
  CapacityRow r = row();
  r.report.band = Band{8, 12.5, 10, "any"};
  Machine m;
  m.price = PriceRange{1, 1};
  fill_costs(r, file(), m, scenario(), 1);
  CHECK(r.days.low == Approx(8));
  CHECK(r.days.high == Approx(12.5));
  CHECK(r.cost->low == Approx(0.8 * r.cost->value));
  CHECK(r.cost->high == Approx(1.25 * r.cost->value));
}

TEST_CASE("a deadline without tokens asks how many tokens fit into it") {
  CapacityFile f;
  f.deadline_s = 86400;
  CapacityRow r = row();
  fill_costs(r, f, {}, scenario(), 1);
  CHECK(r.tokens == Approx(86.4e6));
  CHECK(r.days.value == Approx(1));
  CHECK_FALSE(r.meets_deadline);
}

TEST_CASE("the Pareto front, the smallest in time and the best of four rows") {
  std::vector<CapacityRow> rows(4);
  const auto set = [&](size_t i, int devices, double days, double cost, double mwh) {
    rows[i].platform = i < 3 ? "a" : "b";
    rows[i].devices = devices;
    rows[i].tokens = 1;
    rows[i].days = {days, days, days};
    rows[i].cost = Estimate{cost, cost, cost};
    rows[i].energy_mwh = mwh;
    rows[i].meets_deadline = days <= 50;
  };
  set(0, 64, 80, 100, 10);   // slow, cheap
  set(1, 128, 45, 110, 11);  // in time
  set(2, 256, 30, 120, 12);  // faster
  set(3, 128, 46, 130, 12);  // beaten by row 1
  CHECK(pareto_front(rows, true) == std::vector<size_t>{0, 1, 2});
  CHECK(smallest_in_time(rows) == 1u);
  CHECK(smallest_in_time(rows, "b") == 3u);
  CHECK(best_row(rows) == 1u);
  rows[1].reason = "out of memory";
  CHECK(smallest_in_time(rows) == 3u);
  CHECK(best_row(rows) == 2u);
  CHECK(pareto_front(rows, true) == std::vector<size_t>{0, 2});
  rows[2].meets_deadline = rows[3].meets_deadline = false;
  CHECK_FALSE(smallest_in_time(rows));
  CHECK(best_row(rows) == 2u);  // none is in time: the fastest
  rows[2].cost.reset();         // its money is not known, and does not count against it
  CHECK(pareto_front(rows, true) == std::vector<size_t>{0, 2});
}
