// Why a step takes as long as it does, as `moesim explain` prints it. Filled by
// explain/explain.hpp.
#pragma once

#include <string>
#include <vector>

#include "metrics/step_report.hpp"

namespace moesim {

// Says what a change of one quantity does to the step, measured by simulating again.
struct Sensitivity {
  std::string knob;      // "nic bandwidth"
  std::string value;     // as it is: "50 GB/s"
  double low_ratio = 1;  // value of the two runs over the value as it is
  double high_ratio = 1;
  double low_step_s = 0;
  double high_step_s = 0;
  double elasticity = 0;  // d log step / d log value, between the two runs
};

// A quantity that was not varied, and why.
struct NotVaried {
  std::string knob;
  std::string reason;
};

// A line of the closed-form model: seconds = formula, with its numbers.
struct MathTerm {
  std::string name;
  std::string formula;
  std::string numbers;
  double seconds = 0;
};

// Part of the difference between the closed form and the simulation.
struct Attribution {
  std::string cause;
  std::string switched_off;  // what was set to take it away; empty: nothing that could be
  double seconds = 0;        // that it adds to the step; negative: it hides time
};

struct Explanation {
  std::string scenario, moesim_version;
  uint64_t seed = 0;
  double step_s = 0;
  double change = 0.1;  // of the sensitivities
  std::vector<CriticalPathEntry> by_operation, by_layer, by_link;
  std::vector<Sensitivity> sensitivities;  // strongest first
  std::vector<NotVaried> not_varied;
  std::vector<MathTerm> math;
  std::string math_assumes;  // in a few words
  double math_s = 0;         // their sum
  double stripped_s = 0;     // simulated with everything switched off that is attributed below
  // Left out of the formulas (stripped_s - math_s), then one per cause; they sum to step_s -
  // math_s.
  std::vector<Attribution> attribution;
  std::string bound_by;
  double lower_bound_s = 0;
};

void visit(FigureVisitor& v, Sensitivity& sensitivity);
void visit(FigureVisitor& v, NotVaried& knob);
void visit(FigureVisitor& v, MathTerm& term);
void visit(FigureVisitor& v, Attribution& part);
void visit(FigureVisitor& v, Explanation& explanation);

}  // namespace moesim
