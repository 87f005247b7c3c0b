#include "metrics/goodput_report.hpp"

namespace moesim {

void visit(FigureVisitor& v, Goodput& g) {
  v({"checkpoint_interval_s", "time between checkpoints, a whole number of steps", Shown::seconds},
    g.checkpoint_interval_s);
  v({"steps_per_checkpoint", "steps between checkpoints", Shown::count}, g.steps_per_checkpoint);
  v({"goodput", "part of the time spent on steps that were kept", Shown::percent}, g.fraction);
  v({"ci95_low", "of goodput's mean", Shown::percent}, g.ci95_low);
  v({"ci95_high", "of goodput's mean", Shown::percent}, g.ci95_high);
  v({"formula_goodput", "Daly's closed form for the same interval", Shown::percent},
    g.formula_fraction);
  v({"checkpoint_fraction", "part of the time spent on checkpoints", Shown::percent},
    g.checkpoint_fraction);
  v({"lost_fraction", "part of the time spent on work that was lost", Shown::percent},
    g.lost_fraction);
  v({"restart_fraction", "part of the time spent on restarts", Shown::percent}, g.restart_fraction);
  v({"failures_per_day", "failures per day", Shown::count}, g.failures_per_day);
  v({"tokens_per_day", "tokens per day of steps that were kept", Shown::count}, g.tokens_per_day);
}

void visit(FigureVisitor& v, GoodputReport& r) {
  v({"system_mtbf_s", "mean time between failures of any device", Shown::seconds}, r.system_mtbf_s);
  v({"duration_s", "time simulated per trial", Shown::seconds}, r.duration_s);
  v({"trials", "trials", Shown::count}, r.trials);
  visit(v, r.asked);
  v({"young_interval_s", "Young's optimum", Shown::seconds}, r.young_interval_s);
  v({"daly_interval_s", "Daly's optimum", Shown::seconds}, r.daly_interval_s);
  v.section({"optimum", "the same figures at Daly's interval"}, r.optimum);
}

}  // namespace moesim
