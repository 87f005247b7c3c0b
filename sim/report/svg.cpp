#include "report/svg.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {

std::string svg_escaped(const std::string& text) {
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

std::string svg_open(double width, double height) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" "
      "font-family=\"sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      width, height);
}

std::string svg_text(double x, double y, const char* anchor, const std::string& text, int size) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y,
      anchor, size, svg_escaped(text));
}

std::string svg_text_upwards(double x, double y, const std::string& text) {
  return fmt::format(
      "<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\" "
      "font-size=\"13\">{}</text>\n",
      x, y, svg_escaped(text));
}

std::string tick_label(double value) {
  for (const auto& [size, unit] : {std::pair{1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (std::abs(value) >= size) return fmt::format("{:g}{}", value / size, unit);
  return fmt::format("{:g}", value);
}

std::vector<double> log_ticks(double low, double high) {
  std::vector<double> values;
  for (double decade = std::floor(std::log10(low)); decade <= std::log10(high); ++decade)
    for (const double step : {1.0, 2.0, 5.0})
      if (const double value = step * std::pow(10, decade); value >= low && value <= high)
        values.push_back(value);
  return values;
}

std::vector<double> linear_ticks(double low, double high) {
  if (!(high > low)) return {low};
  const double rough = (high - low) / 5, decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * decade >= rough) step = factor * decade;
  std::vector<double> values;
  for (double index = std::ceil(low / step); index * step <= high * (1 + 1e-12); ++index)
    values.push_back(index * step);
  return values;
}

}  // namespace moesim
