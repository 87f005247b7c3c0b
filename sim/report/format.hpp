// Numbers as people read them in reports: units chosen by size, columns counted as a terminal shows
// them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "metrics/figures.hpp"

namespace moesim {

// 0.0201 -> "20.10 ms"; above ten hours in hours. Four significant digits; "n/a" when not finite.
std::string seconds_text(double seconds);
// 1234567 -> "1.235 M"; without prefix below 10,000.
std::string count_text(double count);
// Decimal: 1 GB = 1e9 B.
std::string bytes_text(double bytes);
// Fraction 0.123 -> "12.3 %".
std::string percent_text(double fraction);

// "qkv_projection" -> "qkv projection"
std::string spaced(std::string_view name);
// Returns a figure of the report in the unit that it is shown in; plain: four significant digits.
std::string shown_text(Shown shown, double value);

// One unit for a whole column, so that its rows add up to the eye.
struct SecondsColumn {
  double unit_s = 1;
  const char* unit = "s";
  int decimals = 3;
  explicit SecondsColumn(double largest_s);
  std::string text(double seconds) const;
};

// Each value as a whole number of quanta, rounded so that they add up to the rounded sum (largest
// remainder). Zeros when a value is not finite or too large for that.
std::vector<int64_t> rounded_to_sum(std::span<const double> values, double quantum);

struct BytesColumn {
  double unit_bytes = 1;
  const char* unit = "B";
  explicit BytesColumn(double largest_bytes);
  std::string text(double bytes) const;  // the figure alone
};

// `fraction` of `width` columns as a bar; the tail in eighths where the characters exist.
std::string bar(double fraction, int width);
std::string rule(int width);

}  // namespace moesim
