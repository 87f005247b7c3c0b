#include "metrics/distribution.hpp"

namespace moesim {

void visit(FigureVisitor& v, Distribution& d) {
  v({"mean", "mean", Shown::seconds}, d.mean);
  v({"standard_deviation", "of the sample", Shown::seconds}, d.standard_deviation);
  v({"ci95_low", "of the mean", Shown::seconds}, d.ci95_low);
  v({"ci95_high", "of the mean", Shown::seconds}, d.ci95_high);
  v({"minimum", "smallest", Shown::seconds}, d.minimum);
  v({"p50", "median", Shown::seconds}, d.p50);
  v({"p95", "95th percentile", Shown::seconds}, d.p95);
  v({"p99", "99th percentile", Shown::seconds}, d.p99);
  v({"maximum", "largest", Shown::seconds}, d.maximum);
}

}  // namespace moesim
