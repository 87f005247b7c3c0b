// The same storm of activities twice: through moesim's engine, and as a bare SimGrid program.
// `ranks` devices run `layers` times five kernels each and then an all-to-all in its port-balanced
// form.
#pragma once

#include "metrics/figures.hpp"

namespace moesim::bench {

struct Storm {
  int ranks = 64;
  int layers = 40;
  int kernels = 5;
  double kernel_s = 1e-3;
  double bytes_per_rank = 64e6;
};

struct StormResult {
  double cpu_s = 0;       // of building and running the simulation
  double makespan_s = 0;  // both must agree
  double activities = 0;
};

inline void visit(FigureVisitor& v, StormResult& result) {
  v({"cpu_s"}, result.cpu_s);
  v({"makespan_s"}, result.makespan_s);
  v({"activities"}, result.activities);
}

StormResult run_with_engine(const Storm& storm);
StormResult run_bare(const Storm& storm);

}  // namespace moesim::bench
