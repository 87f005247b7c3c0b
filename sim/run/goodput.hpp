// A long training run with failures, checkpoints and restarts, as a simulation of its events: how
// much of the time goes to steps that are kept. Beside it the closed forms of Young and Daly, which
// hold for the same assumptions.
#pragma once

#include <cstdint>

#include "cluster/reliability.hpp"
#include "config/platform.hpp"
#include "metrics/goodput_report.hpp"

namespace moesim {

// Young (1974, Comm. ACM 17): sqrt(2 C M) for a checkpoint that costs C and a mean time between
// failures M.
double young_interval_s(double checkpoint_s, double mtbf_s);
// Daly (2006, Future Generation Computer Systems 22, eq. 37), the higher-order estimate; M where C
// >= 2 M.
double daly_interval_s(double checkpoint_s, double mtbf_s);
// Expected part of the time spent on work that is kept, exponential failures, also in checkpoints
// and restarts (Daly, eq. 20): interval / (M e^(R/M) (e^((interval + C)/M) - 1)).
double daly_goodput(double interval_s, double checkpoint_s, double restart_s, double mtbf_s);

// The parts of a machine that fail, each at the rate of its kind.
struct FailingParts {
  double devices = 0;
  double swarmx_nodes = 0, memoryx_nodes = 0;  // of a wafer system
};
FailingParts failing_parts(const Platform& platform);
// Returns the mean time between failures of any part.
double system_mtbf_s(const Reliability& reliability, const FailingParts& parts);

// One trial after another; a function of its arguments only. Training stands still while a
// checkpoint is written and goes back to the last complete one after a failure; checkpoints are
// taken between steps.
GoodputReport simulate_goodput(const Reliability& reliability, const FailingParts& parts,
                               double step_s, double tokens_per_step, uint64_t seed);

}  // namespace moesim
