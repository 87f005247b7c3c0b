#include "metrics/explanation.hpp"

namespace moesim {

namespace {

// The same entry by operation, layer or link; its name stands under another key.
auto path_entry(const char* name) {
  return [name](FigureVisitor& v, CriticalPathEntry& entry) {
    v({name, "what the entry is of"}, entry.op);
    v({"kind", "stream"}, entry.kind);
    v({"link", "busiest link of a transfer"}, entry.link);
    v({"seconds", "time on the path", Shown::seconds}, entry.seconds);
    v({"share", "of the step", Shown::percent}, entry.share);
    v({"count", "tasks on the path", Shown::count}, entry.count);
  };
}

}  // namespace

void visit(FigureVisitor& v, Sensitivity& s) {
  v({"knob", "the quantity that was varied"}, s.knob);
  v({"value", "as it is"}, s.value);
  v({"elasticity", "d log step / d log value, between the two runs"}, s.elasticity);
  v({"low_ratio", "value of the run with less over the value as it is"}, s.low_ratio);
  v({"high_ratio", "value of the run with more over the value as it is"}, s.high_ratio);
  v({"low_step_time_s", "step time with less", Shown::seconds}, s.low_step_s);
  v({"high_step_time_s", "step time with more", Shown::seconds}, s.high_step_s);
}

void visit(FigureVisitor& v, NotVaried& knob) {
  v({"knob", "a quantity that was not varied"}, knob.knob);
  v({"reason", "why not"}, knob.reason);
}

void visit(FigureVisitor& v, MathTerm& term) {
  v({"name", "what the term is of"}, term.name);
  v({"formula", "in symbols"}, term.formula);
  v({"numbers", "with its numbers"}, term.numbers);
  v({"seconds", "its value", Shown::seconds}, term.seconds);
}

void visit(FigureVisitor& v, Attribution& part) {
  v({"cause", "what the formulas leave out"}, part.cause);
  v({"seconds", "that it adds to the step; negative: it hides time", Shown::seconds}, part.seconds);
  v({"switched_off", "what was set to take it away; empty: nothing that could be"},
    part.switched_off);
}
void visit(FigureVisitor& v, Explanation& e) {
  v({"scenario", "name of the scenario"}, e.scenario);
  v({"moesim_version", "version of this program"}, e.moesim_version);
  v({"seed", "seed of all runs"}, e.seed);
  v({"step_time_s", "step time", Shown::seconds}, e.step_s);
  v({"lower_bound_s", "no schedule of this work on these ports is faster", Shown::seconds},
    e.lower_bound_s);
  v({"lower_bound_by", "what sets that bound"}, e.bound_by);
  v.section({"critical_path", "longest first"}, [&](FigureVisitor& path) {
    path.list({"by_operation", "by operation"}, e.by_operation, path_entry("op"));
    path.list({"by_layer", "by layer of the model"}, e.by_layer, path_entry("layer"));
    path.list({"by_link", "by the busiest link of each transfer"}, e.by_link, path_entry("name"));
  });
  v({"change", "of the quantities below, as a fraction"}, e.change);
  v.list({"sensitivities", "strongest first"}, e.sensitivities);
  v.list({"not_varied", "quantities that could not be varied"}, e.not_varied);
  v.section({"math", "the closed form"}, [&](FigureVisitor& math) {
    math({"assumes", "what it takes for granted"}, e.math_assumes);
    math.list({"terms", "its terms"}, e.math);
    math({"sum_s", "their sum", Shown::seconds}, e.math_s);
  });
  v({"stripped_step_time_s", "simulated without the causes below", Shown::seconds}, e.stripped_s);
  v.list({"attribution", "with math.sum_s they sum to step_time_s"}, e.attribution);
}

}  // namespace moesim
