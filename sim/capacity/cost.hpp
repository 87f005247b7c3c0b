// From a simulated step to what a whole training takes on a machine: days, money, energy, carbon.
// Takes the report of one step and the file's prices, powers and failures; simulates failures, but
// no step. The equations: docs/model/capacity.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "capacity/capacity_file.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// A figure with what its band of prediction (and of the price) makes of it.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

struct CapacityRow {
  std::string platform;
  int devices = 0;
  std::string reason;  // why there is no figure; empty: there are all that the file asks for
  std::vector<std::string> sets;  // the mapping, as --set takes it
  std::string mapping;            // the same in short
  StepReport report;

  double tokens = 0;  // trained: those asked for, or as many as the deadline allows
  Estimate days;      // without failures
  std::optional<Estimate> days_with_failures;  // where failures are known
  std::optional<double> goodput;               // part of the time spent on steps that are kept
  std::optional<Estimate> cost;                // where a price is known
  double energy_mwh = 0;                       // 0: the power of the devices is not known
  std::optional<double> co2_t;
  std::optional<bool> meets_deadline;  // where there is a deadline and a count of tokens
  double margin_days = 0;              // to the deadline; negative: too late

  bool feasible() const { return reason.empty(); }
  // Returns the days to plan with: with failures, where they are known.
  const Estimate& planned_days() const { return days_with_failures ? *days_with_failures : days; }
  double cost_per_ttokens() const { return cost->value / (tokens / 1e12); }
};

// Fills the row's figures from its report. `scenario`: what the report is of, with the file's
// failures in `goodput`.
void fill_costs(CapacityRow& row, const CapacityFile& file, const Machine& machine,
                const Scenario& scenario, uint64_t seed);

// Rows that no other beats in days (or tokens), money and energy together; money counts between two
// rows that both have it. In the order of the rows.
std::vector<size_t> pareto_front(const std::vector<CapacityRow>& rows, bool tokens_given);

// The row with the fewest devices that meets the deadline, of one platform where it is named; of
// equal counts the fastest.
std::optional<size_t> smallest_in_time(const std::vector<CapacityRow>& rows,
                                       const std::string& platform = "");

// The cheapest that meets the deadline (or of all, where there is none or none meets it: the
// fastest); without prices that with the least energy. Nothing where no row is feasible.
std::optional<size_t> best_row(const std::vector<CapacityRow>& rows);

}  // namespace moesim
