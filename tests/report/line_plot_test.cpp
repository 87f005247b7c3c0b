#include "report/line_plot.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

LinePlot plot_of(std::vector<PlotLine> lines) {
  LinePlot plot;
  plot.title = "t";
  plot.x_label = "x";
  plot.y_label = "y";
  plot.lines = std::move(lines);
  return plot;
}

}  // namespace

TEST_CASE("a line joins its points in the order of x, with a marker on each") {
  const std::string svg =
      line_plot_svg(plot_of({{"", {{"3", 6, "c"}, {"1", 2, "a"}, {"2", 4, "b < c"}}}}));
  CHECK(count(svg, "<circle") == 3);
  CHECK(svg.find("b &lt; c") != std::string::npos);
  // 0 to 3.18 across 520 pixels from 84, 0 to 6.36 up 380 pixels from 424.
  CHECK(svg.find("M247.5 304.5L411.0 185.0L574.6 65.5") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg == line_plot_svg(plot_of({{"", {{"3", 6, "c"}, {"1", 2, "a"}, {"2", 4, "b < c"}}}})));
}

TEST_CASE("lines have a colour, a marker and a place in the legend of their own") {
  const std::string svg = line_plot_svg(
      plot_of({{"ep 8", {{"1", 1, ""}}}, {"ep 16", {{"1", 2, ""}}}, {"ep 32", {{"1", 3, ""}}}}));
  CHECK(count(svg, "ep 8") == 1);
  CHECK(count(svg, "ep 32") == 1);
  CHECK(count(svg, "<circle") == 2);  // of the first line, and in the legend
  CHECK(count(svg, "fill=\"#009e73\"") == 2);
}

TEST_CASE("ideal scaling is dotted from the first point, whatever the order") {
  LinePlot plot = plot_of({{"", {{"16", 100, ""}, {"64", 320, ""}, {"32", 180, ""}}}});
  CHECK(count(line_plot_svg(plot), "stroke-dasharray") == 0);
  plot.ideal = true;
  plot.ideal_power = 0;  // a level line at the height of the first point
  const std::string svg = line_plot_svg(plot);
  CHECK(count(svg, "stroke-dasharray") == 1);
  CHECK(svg.find("dotted: ideal") != std::string::npos);
}

TEST_CASE("names across stand at equal distances, and have no ideal") {
  LinePlot plot = plot_of({{"", {{"1f1b", 1, ""}, {"dualpipe", 2, ""}}}});
  plot.ideal = true;
  const std::string svg = line_plot_svg(plot);
  CHECK(svg.find("<text x=\"214.0\" y=\"440.0\" text-anchor=\"middle\" font-size=\"12\">1f1b") !=
        std::string::npos);
  CHECK(svg.find("<text x=\"474.0\"") != std::string::npos);
  CHECK(count(svg, "stroke-dasharray") == 0);
}

TEST_CASE("equal values and single points make no infinity; no points are an error") {
  for (const double y : {0.0, 5.0, -1.0}) {
    const std::string svg = line_plot_svg(plot_of({{"", {{"0", y, ""}, {"0", y, ""}}}}));
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
  }
  CHECK_THROWS_WITH(line_plot_svg(plot_of({{"a", {}}})),
                    "nothing to plot: no run has both figures");
}
