#include "measured/validate_plot.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {
size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}
}  // namespace

TEST_CASE("Scatter plot: a circle per point and per group, markup in texts is escaped") {
  const std::string svg =
      scatter_svg({{100, 110, "h100", "a < b & c"}, {1000, 900, "h100", ""}, {50, 60, "b200", ""}},
                  "t", "tok/s");
  CHECK(count(svg, "<circle") == 3 + 2);
  CHECK(count(svg, "fill=\"#0072b2\"") == 2 + 1);
  CHECK(svg.find("a &lt; b &amp; c") != std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("Scatter plot: a point on the diagonal lies as far right as up") {
  const std::string svg = scatter_svg({{100, 100, "g", ""}, {10, 1000, "g", ""}}, "t", "u");
  CHECK(svg.find("<circle cx=\"340.0\" cy=\"304.0\"") !=
        std::string::npos);  // the middle of the square
}

TEST_CASE("Scatter plot: no points, still a plot") {
  CHECK(scatter_svg({}, "t", "u").find("nan") == std::string::npos);
}
