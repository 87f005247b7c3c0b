// A scatter plot of predictions against measurements on logarithmic axes, as SVG text. Knows only
// the points.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct PlotPoint {
  double measured = 0, predicted = 0;  // > 0, same unit
  std::string group;                   // one colour each, named in the legend
  std::string tip;                     // shown when pointed at
};

// The diagonal, 20 % to either side of it, decades ticked at 1, 2 and 5. Same points, same bytes.
std::string scatter_svg(const std::vector<PlotPoint>& points, const std::string& title,
                        const std::string& unit);

}  // namespace moesim
