// Lines over one quantity as SVG: how a figure of many runs depends on a setting. Knows only the
// points.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct LinePoint {
  std::string x;  // a number, or a name
  double y = 0;
  std::string tip;  // shown when pointed at
};

struct PlotLine {
  std::string name;  // in the legend; empty: none
  std::vector<LinePoint> points;
};

struct LinePlot {
  std::string title, x_label, y_label;
  std::vector<PlotLine> lines;
  // Each line is compared, dotted, with an ideal from its first point: y in proportion to x to this
  // power (1: throughput of more devices, -1: time, 0: per device). Off where x is no number.
  bool ideal = false;
  int ideal_power = 1;
};

// Axes of numbers are logarithmic where the largest is eight times the smallest or more, and begin
// at 0 otherwise; an x that is no number anywhere makes names, in the order of their first point.
// A line joins its points in the order of x. Throws InputError for a plot without points.
std::string line_plot_svg(const LinePlot& plot);

}  // namespace moesim
