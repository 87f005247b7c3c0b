#include "report/svg.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("labels of ticks are short") {
  CHECK(tick_label(0) == "0");
  CHECK(tick_label(0.25) == "0.25");
  CHECK(tick_label(999) == "999");
  CHECK(tick_label(1500) == "1.5k");
  CHECK(tick_label(-2e6) == "-2M");
  CHECK(tick_label(3e9) == "3G");
}

TEST_CASE("ticks are round and within the axis") {
  CHECK(log_ticks(15, 600) == std::vector<double>{20, 50, 100, 200, 500});
  CHECK(linear_ticks(0, 10) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(linear_ticks(3, 3) == std::vector<double>{3});
  const auto small = linear_ticks(0, 0.35);
  REQUIRE(small.size() == 4);
  CHECK(small.back() == Approx(0.3));
}

TEST_CASE("markup in texts is escaped") {
  CHECK(svg_text(1, 2, "end", "a < b & c").find("a &lt; b &amp; c</text>") != std::string::npos);
  CHECK(svg_text_upwards(1, 2, "x > y").find("x &gt; y") != std::string::npos);
}
