#include "report/line_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/diagnostics.hpp"
#include "report/svg.hpp"

namespace moesim {

namespace {

constexpr double kLeft = 84, kTop = 44, kPlotWidth = 520, kPlotHeight = 380;  // pixels
constexpr double kWidth = 860, kHeight = 484;
constexpr double kRatioOfLog = 8;  // of the largest to the smallest

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// Where a value lies between the two ends of its axis, from 0 to 1.
class Scale {
 public:
  explicit Scale(const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    log_ = *low > 0 && *high / *low >= kRatioOfLog;
    low_ = log_ ? *low / 1.15 : std::min(0.0, *low);
    high_ = *high > low_ ? (log_ ? *high * 1.15 : *high + 0.06 * (*high - low_)) : low_ + 1;
  }
  double share(double value) const {
    return log_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  }
  std::vector<double> ticks() const {
    return log_ ? log_ticks(low_, high_) : linear_ticks(low_, high_);
  }

 private:
  bool log_ = false;
  double low_ = 0, high_ = 1;
};

// The x axis: numbers, or names at equal distances.
class Across {
 public:
  explicit Across(const LinePlot& plot) {
    std::vector<double> values;
    for (const PlotLine& line : plot.lines)
      for (const LinePoint& point : line.points) {
        if (std::find(names_.begin(), names_.end(), point.x) == names_.end())
          names_.push_back(point.x);
        if (const auto value = number_of(point.x))
          values.push_back(*value);
        else
          numbers_ = false;
      }
    if (numbers_) scale_.emplace(values);
  }
  bool numbers() const { return numbers_; }
  double of(const std::string& x) const {
    if (numbers_) return at(*number_of(x));
    const auto place = std::find(names_.begin(), names_.end(), x) - names_.begin();
    return kLeft +
           kPlotWidth * (static_cast<double>(place) + 0.5) / static_cast<double>(names_.size());
  }
  double at(double value) const { return kLeft + kPlotWidth * scale_->share(value); }
  std::string ticks() const {
    std::string svg;
    const auto tick = [&](double x, const std::string& label) {
      svg += fmt::format("<path d=\"M{:.1f} {}V{}\" stroke=\"#e4e4e4\"/>\n", x, kTop,
                         kTop + kPlotHeight);
      svg += svg_text(x, kTop + kPlotHeight + 16, "middle", label);
    };
    if (!numbers_)
      for (const std::string& name : names_) tick(of(name), name);
    else if (names_.size() <= 8)  // the values that there are, rather than round ones
      for (const std::string& name : names_) tick(of(name), tick_label(*number_of(name)));
    else
      for (const double value : scale_->ticks()) tick(at(value), tick_label(value));
    return svg;
  }

 private:
  bool numbers_ = true;
  std::vector<std::string> names_;
  std::optional<Scale> scale_;
};

std::string marker(size_t shape, double x, double y, const char* colour, const std::string& tip) {
  const std::string title = tip.empty() ? "" : "<title>" + svg_escaped(tip) + "</title>";
  switch (shape % 3) {
    case 0:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"{}\">{}</circle>\n",
                         x, y, colour, title);
    case 1:
      return fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"8\" height=\"8\" fill=\"{}\">{}</rect>\n", x - 4,
          y - 4, colour, title);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l5 9h-10z\" fill=\"{}\">{}</path>\n", x, y - 5,
                         colour, title);
  }
}

std::string path(const std::vector<std::pair<double, double>>& places, const char* colour,
                 const char* more) {
  std::string steps;
  for (const auto& [x, y] : places)
    steps += fmt::format("{}{:.1f} {:.1f}", steps.empty() ? 'M' : 'L', x, y);
  return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", steps,
                     colour, more);
}

std::vector<LinePoint> in_order(const PlotLine& line, const Across& across) {
  std::vector<LinePoint> points = line.points;
  std::stable_sort(points.begin(), points.end(), [&](const LinePoint& a, const LinePoint& b) {
    return across.of(a.x) < across.of(b.x);
  });
  return points;
}

// The y that the first point would have at the place of another; nothing without an ideal.
std::optional<double> ideal_at(const LinePlot& plot, const Across& across, const LinePoint& first,
                               const LinePoint& point) {
  if (!plot.ideal || !across.numbers()) return std::nullopt;
  const double y = first.y * std::pow(*number_of(point.x) / *number_of(first.x), plot.ideal_power);
  return std::isfinite(y) ? std::optional(y) : std::nullopt;
}

std::string drawn(const LinePlot& plot, size_t index, const Across& across, const Scale& up) {
  const char* colour = kPlotColours[index % std::size(kPlotColours)];
  const auto height = [&](double y) { return kTop + kPlotHeight * (1 - up.share(y)); };
  const std::vector<LinePoint> points = in_order(plot.lines[index], across);
  std::vector<std::pair<double, double>> places, perfect;
  std::string svg, markers;
  for (const LinePoint& point : points) {
    places.emplace_back(across.of(point.x), height(point.y));
    markers += marker(index, places.back().first, places.back().second, colour, point.tip);
    if (const auto ideal = ideal_at(plot, across, points[0], point))
      perfect.emplace_back(places.back().first, height(*ideal));
  }
  if (perfect.size() > 1)
    svg += path(perfect, colour, " stroke-dasharray=\"2 4\" stroke-opacity=\"0.8\"");
  return svg + path(places, colour, "") + markers;
}

}  // namespace

std::string line_plot_svg(const LinePlot& plot) {
  std::vector<double> heights;
  for (const PlotLine& line : plot.lines)
    for (const LinePoint& point : line.points) heights.push_back(point.y);
  if (heights.empty()) throw InputError("nothing to plot: no run has both figures");
  const Across across(plot);
  for (const PlotLine& line : plot.lines) {
    const auto points = in_order(line, across);
    for (const LinePoint& point : points)
      if (const auto ideal = ideal_at(plot, across, points[0], point)) heights.push_back(*ideal);
  }
  const Scale up(heights);
  std::string svg = svg_open(kWidth, kHeight) + svg_text(kLeft, 26, "start", plot.title, 15);
  svg += across.ticks();
  for (const double value : up.ticks()) {
    const double y = kTop + kPlotHeight * (1 - up.share(value));
    svg += fmt::format("<path d=\"M{} {:.1f}H{}\" stroke=\"#e4e4e4\"/>\n", kLeft, y,
                       kLeft + kPlotWidth);
    svg += svg_text(kLeft - 6, y + 4, "end", tick_label(value));
  }
  svg += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888888\"/>\n",
      kLeft, kTop, kPlotWidth, kPlotHeight);
  const double legend = kLeft + kPlotWidth + 24;
  double row = kTop + 14;
  for (size_t i = 0; i < plot.lines.size(); ++i) {
    svg += drawn(plot, i, across, up);
    if (plot.lines[i].name.empty()) continue;
    svg += marker(i, legend, row, kPlotColours[i % std::size(kPlotColours)], "");
    svg += svg_text(legend + 12, row + 4, "start", plot.lines[i].name);
    row += 22;
  }
  if (plot.ideal && across.numbers())
    svg += svg_text(legend - 5, row + 8, "start", "dotted: ideal");
  svg += svg_text(kLeft + kPlotWidth / 2, kTop + kPlotHeight + 38, "middle", plot.x_label, 13);
  return svg + svg_text_upwards(20, kTop + kPlotHeight / 2, plot.y_label) + "</svg>\n";
}

}  // namespace moesim
