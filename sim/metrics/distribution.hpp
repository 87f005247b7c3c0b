// The figures of a distribution, as reports list them.
#pragma once

#include "base/statistics.hpp"
#include "metrics/figures.hpp"

namespace moesim {

// Visits the figures without the count.
void visit(FigureVisitor& v, Distribution& distribution);

}  // namespace moesim
