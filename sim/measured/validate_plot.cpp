#include "measured/validate_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

constexpr double kLeft = 80, kTop = 44, kSide = 520;  // pixels; the plot is a square
constexpr double kWidth = 800, kHeight = 624;
// Eight colours that colour-blind readers tell apart: Okabe and Ito, "Color Universal Design"
// (2008), black last.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                    "#e69f00", "#56b4e9", "#b3a800", "#000000"};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else
      result += c;
  }
  return result;
}

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
  std::vector<double> ticks() const {
    std::vector<double> values;
    for (double decade = std::floor(low_); decade <= high_; ++decade)
      for (const double step : {1.0, 2.0, 5.0})
        if (const double value = step * std::pow(10, decade); value >= low() && value <= high())
          values.push_back(value);
    return values;
  }

 private:
  double share(double value) const { return (std::log10(value) - low_) / (high_ - low_); }
  double low_ = 0, high_ = 1;
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    int size = 12) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y,
      anchor, size, escaped(text));
}

std::string grid(const Axis& axis) {
  std::string svg;
  for (const double value : axis.ticks()) {
    const double x = axis.x(value), y = axis.y(value);
    svg += fmt::format("<path d=\"M{:.1f} {}V{}M{} {:.1f}H{}\" stroke=\"#e4e4e4\"/>\n", x, kTop,
                       kTop + kSide, kLeft, y, kLeft + kSide);
    const std::string label =
        value >= 1000 ? fmt::format("{:g}k", value / 1000) : fmt::format("{:g}", value);
    svg += text_at(x, kTop + kSide + 16, "middle", label) + text_at(kLeft - 6, y + 4, "end", label);
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
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" "
      "font-family=\"sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, kHeight);
  svg += text_at(kLeft, 26, "start", title, 15) + grid(axis);
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
        kColours[static_cast<size_t>(found - groups.begin()) % std::size(kColours)],
        escaped(point.tip));
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const double y = kTop + 14 + 22 * static_cast<double>(i);
    svg += fmt::format("<circle cx=\"{}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n",
                       kLeft + kSide + 24, y, kColours[i % std::size(kColours)]);
    svg += text_at(kLeft + kSide + 36, y + 4, "start", groups[i]);
  }
  svg += text_at(kLeft + kSide + 18, kTop + kSide - 4, "start", "dashed: 20 % off");
  svg += text_at(kLeft + kSide / 2, kTop + kSide + 40, "middle", "measured, " + unit, 13);
  svg += fmt::format(
      "<text transform=\"translate(22 {}) rotate(-90)\" text-anchor=\"middle\" "
      "font-size=\"13\">predicted, {}</text>\n",
      kTop + kSide / 2, escaped(unit));
  return svg + "</svg>\n";
}

}  // namespace moesim
