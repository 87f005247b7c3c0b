#include "report/format.hpp"

#include <cmath>
#include <limits>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("times are written in the unit that suits them") {
  CHECK(seconds_text(0) == "0 s");
  CHECK(seconds_text(20.13) == "20.13 s");
  CHECK(seconds_text(0.0201) == "20.10 ms");
  CHECK(seconds_text(1.27e-3) == "1.270 ms");
  CHECK(seconds_text(1e-6) == "1.000 µs");
  CHECK(seconds_text(9.9999e-4) == "1.000 ms");  // not 1000 µs
  CHECK(seconds_text(0.99994) == "999.9 ms");
  CHECK(seconds_text(1234.5) == "1234 s");
  CHECK(seconds_text(1e6) == "277.8 h");
  CHECK(seconds_text(std::numeric_limits<double>::infinity()) == "n/a");
}

TEST_CASE("counts and bytes have decimal prefixes") {
  CHECK(count_text(16) == "16");
  CHECK(count_text(6201.25) == "6201");
  CHECK(count_text(243.71) == "243.7");
  CHECK(count_text(208360) == "208.4 k");
  CHECK(count_text(4194304) == "4.194 M");
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(999) == "999 B");
  CHECK(bytes_text(85.9e9) == "85.90 GB");
  CHECK(bytes_text(1e12) == "1.000 TB");
  CHECK(percent_text(0.2464) == "24.6 %");
  CHECK(percent_text(std::nan("")) == "n/a");
}

TEST_CASE("a column of times has one unit and adds up to the eye") {
  const SecondsColumn column(20.13);
  CHECK(column.text(12.345) == "12.345 s");
  CHECK(column.text(0.0004) == "0.000 s");
  CHECK(SecondsColumn(2e-6).text(1.2346e-6) == "1.235 µs");
  CHECK(SecondsColumn(1e6).text(1e6) == "277.8 h");
  CHECK(SecondsColumn(0).text(0) == "0.000 s");
}

TEST_CASE("rounded parts add up to the rounded sum") {
  const double thirds[] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
  CHECK(rounded_to_sum(thirds, 0.01) == std::vector<int64_t>{34, 33, 33});
  const double parts[] = {0.126, 0.374, 0, 0.5, -0.002};
  CHECK(rounded_to_sum(parts, 0.01) == std::vector<int64_t>{13, 37, 0, 50, 0});
  const double huge[] = {1e300, 1};
  CHECK(rounded_to_sum(huge, 1) == std::vector<int64_t>{0, 0});
  CHECK(rounded_to_sum({}, 1).empty());
}

TEST_CASE("bars fill their width by the fraction") {
  CHECK(bar(0, 10).empty());
  CHECK(bar(0.5, 4) == "██");
  CHECK(bar(0.53125, 4) == "██▏");
  CHECK(columns_of(bar(1, 34)) == 34);
  CHECK(columns_of(bar(7, 34)) == 34);
  CHECK(bar(std::nan(""), 4).empty());
}

TEST_CASE("a figure is shown in its unit") {
  CHECK(shown_text(Shown::seconds, 0.0201) == "20.10 ms");
  CHECK(shown_text(Shown::bytes, 85.9e9) == "85.90 GB");
  CHECK(shown_text(Shown::percent, 0.2464) == "24.6 %");
  CHECK(shown_text(Shown::count, 4194304) == "4.194 M");
  CHECK(shown_text(Shown::plain, 1.38249) == "1.382");
  CHECK(shown_text(Shown::plain, std::nan("")) == "n/a");
  CHECK(spaced("qkv_projection") == "qkv projection");
}
