#include "measured/validate_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/svg.hpp"

namespace moesim {
namespace {

constexpr double kLeft = 80, kTop = 44, kSide = 520;  // pixels; the plot is a square
constexpr double kWidth = 800, kHeight = 624;
// Both axes cover the same range.
class Axis {
 public:
  explicit Axis(const std::vector<PlotPoint>& points) {
    double low = std::numeric_limits<double>::max(), high = 0;
    for (const PlotPoint& point : points) {
      low = std::min({low, point.measured, point.predicted});
      high = std::max({high, point.measured, point.predicted});
    }
    if (points.empty()) low = 1, high = 10;
    low_ = std::log10(low / 1.25);
    high_ = std::log10(high * 1.25);
  }
  double x(double value) const { return kLeft + kSide * share(value); }
  double y(double value) const { return kTop + kSide * (1 - share(value)); }
  double low() const { return std::pow(10, low_); }
  double high() const { return std::pow(10, high_); }
  std::vector<double> ticks() const { return log_ticks(low(), high()); }

 private:
  double share(double value) const { return (std::log10(value) - low_) / (high_ - low_); }
  double low_ = 0, high_ = 1;
};

std::string grid(const Axis& axis) {
  std::string svg;
  for (const double value : axis.ticks()) {
    const double x = axis.x(value), y = axis.y(value);
    svg += fmt::format("<path d=\"M{:.1f} {}V{}M{} {:.1f}H{}\" stroke=\"#e4e4e4\"/>\n", x, kTop,
                       kTop + kSide, kLeft, y, kLeft + kSide);
    const std::string label = tick_label(value);
    svg +=
        svg_text(x, kTop + kSide + 16, "middle", label) + svg_text(kLeft - 6, y + 4, "end", label);
  }
  return svg;
}

// predicted = ratio x measured, within the frame.
std::string diagonal(const Axis& axis, double ratio, const char* style) {
  const double from = std::max(axis.low(), axis.low() / ratio),
               to = std::min(axis.high(), axis.high() / ratio);
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n",
                     axis.x(from), axis.y(from * ratio), axis.x(to), axis.y(to * ratio), style);
}

}  // namespace

std::string scatter_svg(const std::vector<PlotPoint>& points, const std::string& title,
                        const std::string& unit) {
  const Axis axis(points);
  std::string svg = svg_open(kWidth, kHeight);
  svg += svg_text(kLeft, 26, "start", title, 15) + grid(axis);
  svg += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888888\"/>\n",
      kLeft, kTop, kSide, kSide);
  svg += diagonal(axis, 1, "stroke=\"#444444\"");
  for (const double ratio : {0.8, 1.2})
    svg += diagonal(axis, ratio, "stroke=\"#888888\" stroke-dasharray=\"5 4\"");

  std::vector<std::string> groups;
  for (const PlotPoint& point : points) {
    auto found = std::find(groups.begin(), groups.end(), point.group);
    if (found == groups.end()) found = groups.insert(groups.end(), point.group);
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\" "
        "fill-opacity=\"0.65\"><title>{}</title></circle>\n",
        axis.x(point.measured), axis.y(point.predicted),
        kPlotColours[static_cast<size_t>(found - groups.begin()) % std::size(kPlotColours)],
        svg_escaped(point.tip));
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const double y = kTop + 14 + 22 * static_cast<double>(i);
    svg += fmt::format("<circle cx=\"{}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n",
                       kLeft + kSide + 24, y, kPlotColours[i % std::size(kPlotColours)]);
    svg += svg_text(kLeft + kSide + 36, y + 4, "start", groups[i]);
  }
  svg += svg_text(kLeft + kSide + 18, kTop + kSide - 4, "start", "dashed: 20 % off");
  svg += svg_text(kLeft + kSide / 2, kTop + kSide + 40, "middle", "measured, " + unit, 13);
  svg += svg_text_upwards(22, kTop + kSide / 2, "predicted, " + unit);
  return svg + "</svg>\n";
}

}  // namespace moesim
