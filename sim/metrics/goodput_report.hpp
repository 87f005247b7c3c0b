// Reports print with this what failures leave of a long training run. Filled by
// run/goodput.hpp.
#pragma once

#include <cstdint>

#include "metrics/figures.hpp"

namespace moesim {

// With one checkpoint interval. Fractions of the run's wall time; means over the trials.
struct Goodput {
  int64_t steps_per_checkpoint = 0;
  double checkpoint_interval_s = 0;  // a whole number of steps
  double fraction = 0;               // spent on steps that were kept
  double ci95_low = 0, ci95_high = 0;
  double checkpoint_fraction = 0, lost_fraction = 0, restart_fraction = 0;
  double failures_per_day = 0;
  double tokens_per_day = 0;    // of steps that were kept
  double formula_fraction = 0;  // what the closed form says of the same interval
};

struct GoodputReport {
  double system_mtbf_s = 0;
  double duration_s = 0;
  int trials = 0;
  Goodput asked;
  double young_interval_s = 0, daly_interval_s = 0;
  Goodput optimum;  // at Daly's interval
};

void visit(FigureVisitor& v, Goodput& goodput);
void visit(FigureVisitor& v, GoodputReport& report);

}  // namespace moesim
