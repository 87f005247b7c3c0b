// How often devices fail and what a failure costs a training run, for run/goodput.hpp.
#pragma once

namespace moesim {

struct Reliability {
  double device_mtbf_s =
      0;  // mean time between failures of one device that stop the run; 0: no goodput asked
  double swarmx_mtbf_s = 0;   // of one node of the SwarmX tree of a wafer system; 0: none fails
  double memoryx_mtbf_s = 0;  // of one node of its MemoryX; 0: none fails
  double checkpoint_interval_s = 0;  // training between two checkpoints; 0: the Young/Daly optimum
  double checkpoint_write_s = 0;     // that training stands still for one checkpoint
  double restart_s = 0;  // from a failure to the first new step: noticing, replacing, loading
  double duration_s = 30 * 86400.0;  // of the run that is simulated
  int trials = 100;                  // runs simulated, each with failures of its own

  bool asked() const { return device_mtbf_s > 0 || swarmx_mtbf_s > 0 || memoryx_mtbf_s > 0; }
};

}  // namespace moesim
