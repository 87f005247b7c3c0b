#include "capacity/cost.hpp"

#include <algorithm>
#include <cmath>

#include "run/goodput.hpp"
#include "run/step_energy.hpp"

namespace moesim {

namespace {

constexpr double kDay = 86400, kHour = 3600, kJoulesOfMwh = 3.6e9;

Estimate times(const Estimate& e, double factor) {
  return {e.value * factor, e.low * factor, e.high * factor};
}

// Parts of the wall time by what devices do in them.
struct Shares {
  double kept = 1, stepping = 1, waiting = 0;
};

Shares shares_of(const CapacityRow& row, const Scenario& scenario, uint64_t seed) {
  if (!scenario.goodput.asked()) return {};
  const StepReport& r = row.report;
  const Goodput goodput = simulate_goodput(scenario.goodput, failing_parts(scenario.platform),
                                           r.step_time_s, r.tokens_per_step, seed)
                              .asked;
  return {goodput.fraction, goodput.fraction + goodput.lost_fraction,
          goodput.checkpoint_fraction + goodput.restart_fraction};
}

// Adds up all that the file names: devices that step or wait, nodes, switches, and the building.
double watts(const CapacityRow& row, const Machine& machine, const Scenario& scenario,
             const Shares& shares, double pue) {
  const double device_w =
      shares.stepping * row.report.power_w + shares.waiting * idle_power_w(scenario.platform);
  const bool pod = !scenario.platform.is_wafer_system();
  const int per_node = pod ? scenario.platform.pod().gpus_per_node : 1;
  const double nodes = std::ceil(static_cast<double>(row.devices) / per_node);
  return pue * (row.devices * (device_w + machine.network_power_w) + nodes * machine.node_power_w);
}

bool beats(const CapacityRow& a, const CapacityRow& b, bool tokens_given) {
  bool no_worse = true, better = false;
  const auto compare = [&](double of_a, double of_b) {
    no_worse = no_worse && of_a <= of_b;
    better = better || of_a < of_b;
  };
  if (tokens_given)
    compare(a.planned_days().value, b.planned_days().value);
  else
    compare(-a.tokens, -b.tokens);
  if (a.cost && b.cost) compare(a.cost->value, b.cost->value);
  if (a.energy_mwh > 0 && b.energy_mwh > 0) compare(a.energy_mwh, b.energy_mwh);
  return no_worse && better;
}

}  // namespace

void fill_costs(CapacityRow& row, const CapacityFile& file, const Machine& machine,
                const Scenario& scenario, uint64_t seed) {
  const StepReport& r = row.report;
  const Shares shares = shares_of(row, scenario, seed);
  const bool given = file.tokens > 0;
  // Without tokens the deadline is the time, whatever a step takes.
  const double low = given && r.band ? r.band->low_s / r.step_time_s : 1,
               high = given && r.band ? r.band->high_s / r.step_time_s : 1;
  row.tokens = given ? file.tokens : r.tokens_per_s * shares.kept * file.deadline_s;
  const double seconds = row.tokens / r.tokens_per_s;
  row.days = {seconds / kDay, seconds / kDay * low, seconds / kDay * high};
  if (scenario.goodput.asked()) {
    row.goodput = shares.kept;
    row.days_with_failures = times(row.days, 1 / shares.kept);
  }
  const Estimate& days = row.planned_days();
  if (machine.price) {
    const double device_hours = row.devices * kDay / kHour;
    row.cost = Estimate{days.value * device_hours * machine.price->middle(),
                        days.low * device_hours * machine.price->low,
                        days.high * device_hours * machine.price->high};
  }
  if (r.power_w > 0)
    row.energy_mwh =
        watts(row, machine, scenario, shares, file.pue) * days.value * kDay / kJoulesOfMwh;
  if (file.carbon_kg_per_kwh > 0 && row.energy_mwh > 0)
    row.co2_t = row.energy_mwh * file.carbon_kg_per_kwh;
  if (given && file.deadline_s > 0) {
    row.margin_days = file.deadline_s / kDay - days.value;
    row.meets_deadline = row.margin_days >= 0;
  }
}

std::vector<size_t> pareto_front(const std::vector<CapacityRow>& rows, bool tokens_given) {
  std::vector<size_t> front;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].feasible()) continue;
    const bool beaten = std::any_of(rows.begin(), rows.end(), [&](const CapacityRow& other) {
      return other.feasible() && beats(other, rows[i], tokens_given);
    });
    if (!beaten) front.push_back(i);
  }
  return front;
}

std::optional<size_t> smallest_in_time(const std::vector<CapacityRow>& rows,
                                       const std::string& platform) {
  std::optional<size_t> smallest;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].feasible() || !rows[i].meets_deadline.value_or(false)) continue;
    if (!platform.empty() && rows[i].platform != platform) continue;
    const auto key = [&](size_t row) {
      return std::pair(rows[row].devices, rows[row].planned_days().value);
    };
    if (!smallest || key(i) < key(*smallest)) smallest = i;
  }
  return smallest;
}

std::optional<size_t> best_row(const std::vector<CapacityRow>& rows) {
  const auto among = [&](const auto& allowed, const auto& key) {
    std::optional<size_t> best;
    for (size_t i = 0; i < rows.size(); ++i)
      if (rows[i].feasible() && allowed(rows[i]) && (!best || key(rows[i]) < key(rows[*best])))
        best = i;
    return best;
  };
  const bool deadline = std::any_of(rows.begin(), rows.end(), [](const CapacityRow& row) {
    return row.meets_deadline.has_value();
  });
  const auto in_time = [&](const CapacityRow& row) {
    return !deadline || row.meets_deadline.value_or(false);
  };
  // Rows with a price go by it; where none has one, all go by energy, if that of all is known.
  const auto allowed = [&](const CapacityRow& row) { return row.feasible() && in_time(row); };
  const bool priced = std::any_of(rows.begin(), rows.end(), [&](const CapacityRow& row) {
    return allowed(row) && row.cost.has_value();
  });
  const bool powered = std::all_of(rows.begin(), rows.end(), [&](const CapacityRow& row) {
    return !allowed(row) || row.energy_mwh > 0;
  });
  // Where tokens are not given, a cheap row may train few.
  const auto found = among(
      [&](const CapacityRow& row) { return in_time(row) && (!priced || row.cost.has_value()); },
      [&](const CapacityRow& row) {
        const double spent = priced ? row.cost->value : powered ? row.energy_mwh : 0;
        return std::pair(spent / row.tokens, row.planned_days().value);
      });
  if (found) return found;
  return among([](const CapacityRow&) { return true; },
               [](const CapacityRow& row) { return row.planned_days().value; });
}

}  // namespace moesim
