// The kernels of a step by shape: how often a device runs each, for how long, and how near to its
// peak. Takes a program; times are those of kernels at nominal load, in their runs, before
// contention.
#pragma once

#include <string>
#include <vector>

#include "graph/program.hpp"
#include "metrics/figures.hpp"

namespace moesim {

struct KernelRow {
  std::string op, pass, shape, source;
  double flops = 0, bytes = 0;  // of one
  double count = 0;             // in a step, mean over the simulated ranks
  double seconds = 0;           // of all of them
  double efficiency = 0;        // of peak FLOPs; 0: does not multiply
  bool measured = true;         // KernelUse::measured
};

void visit(FigureVisitor& v, KernelRow& row);

// Returns the rows by time, the longest first; kernels on wafers have none.
std::vector<KernelRow> kernel_rows(const Program& program);

}  // namespace moesim
