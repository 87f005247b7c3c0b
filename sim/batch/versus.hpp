// Sets machines side by side for a decision: the same model and batch on each, then one setting
// after another varied on all of them. Takes a study whose list names the machines and whose grid
// holds what is varied; returns reports with what they say of speed and power.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "batch/process_pool.hpp"
#include "batch/sweep.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// One machine with one set of settings. `reason` says why there is no report.
struct VersusRun {
  StepReport report;
  std::string platform;
  double power_w = 0;  // of all devices, as published; 0: not known
  std::string reason;
  bool broken = false;  // it crashed, failed or ran out of time; else it cannot be

  bool done() const { return reason.empty(); }
  bool fits() const { return done() && report.fits(); }
  double tokens_per_joule() const {
    return done() && power_w > 0 ? report.tokens_per_s / power_w : 0;
  }
};

// A setting with its values; runs[value][machine].
struct VersusAxis {
  std::string key;
  std::vector<std::string> values;
  std::vector<std::vector<VersusRun>> runs;
};

struct Versus {
  std::string title;
  std::vector<std::string> machines;
  std::vector<VersusRun> base;  // of each machine
  std::vector<VersusAxis> axes;
  bool interrupted = false;
};

struct VersusOptions {
  std::vector<std::string> sets;  // laid over each machine, before what is varied
  uint64_t seed = 1;
  std::string version;
  PoolOptions pool;
};

inline constexpr size_t kMostVersusMachines = 4;

// Throws InputError for a study without two to four named machines. A setting that does not fit a
// machine is that run's reason.
Versus versus(const Study& study, const VersusOptions& options);

// Returns tokens per joule of a machine over those of the first; nothing where either is not known
// or does not fit in memory.
std::optional<double> advantage(const std::vector<VersusRun>& runs, size_t machine);

// Returns the value at which the advantage of a machine passes 1, between two neighbouring values
// on a logarithmic scale; nothing where it does not, or values are no numbers.
std::optional<double> crossover(const VersusAxis& axis, size_t machine);

}  // namespace moesim
