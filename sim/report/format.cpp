#include "report/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {

namespace {

// Four significant digits of a figure below 10,000.
std::string four_digits(double value) {
  const double size = std::fabs(value);
  const int decimals = size < 9.9995 ? 3 : size < 99.995 ? 2 : size < 999.95 ? 1 : 0;
  return fmt::format("{:.{}f}", value, decimals);
}

struct Unit {
  double size;
  const char* name;
};

// The largest unit that leaves at least one before the point, or the smallest.
template <size_t N>
const Unit& unit_of(double value, const std::array<Unit, N>& largest_first) {
  for (const Unit& unit : largest_first)
    if (std::fabs(value) >= unit.size * 0.99995) return unit;
  return largest_first.back();
}

constexpr std::array<Unit, 5> kSeconds{
    {{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}, {1e-12, "ps"}}};
constexpr std::array<Unit, 6> kCounts{
    {{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
constexpr std::array<Unit, 7> kBytes{
    {{1e18, "EB"}, {1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}};
constexpr double kHour = 3600;
constexpr double kHoursFrom_s = 36000;

}  // namespace

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "n/a";
  if (seconds == 0) return "0 s";
  if (std::fabs(seconds) >= kHoursFrom_s) {
    const double hours = seconds / kHour;
    return std::fabs(hours) < 9999.5 ? four_digits(hours) + " h" : fmt::format("{:.3e} h", hours);
  }
  const Unit& unit = unit_of(seconds, kSeconds);
  return fmt::format("{} {}", four_digits(seconds / unit.size), unit.name);
}

std::string count_text(double count) {
  if (!std::isfinite(count)) return "n/a";
  if (std::fabs(count) < 9999.5)
    return count == std::floor(count) ? fmt::format("{:.0f}", count) : four_digits(count);
  if (std::fabs(count) >= 1e21) return fmt::format("{:.3e}", count);
  const Unit& unit = unit_of(count, kCounts);
  return fmt::format("{} {}", four_digits(count / unit.size), unit.name);
}

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes)) return "n/a";
  if (std::fabs(bytes) < 999.5) return fmt::format("{:.0f} B", bytes);
  if (std::fabs(bytes) >= 1e21) return fmt::format("{:.3e} B", bytes);
  const Unit& unit = unit_of(bytes, kBytes);
  return fmt::format("{} {}", four_digits(bytes / unit.size), unit.name);
}

std::string percent_text(double fraction) {
  if (!std::isfinite(fraction)) return "n/a";
  const double percent = 100 * fraction;
  return std::fabs(percent) < 99999 ? fmt::format("{:.1f} %", percent)
                                    : fmt::format("{:.2e} %", percent);
}

std::string spaced(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string shown_text(Shown shown, double value) {
  switch (shown) {
    case Shown::seconds:
      return seconds_text(value);
    case Shown::count:
      return count_text(value);
    case Shown::bytes:
      return bytes_text(value);
    case Shown::percent:
      return percent_text(value);
    case Shown::plain:
      break;
  }
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : "n/a";
}

SecondsColumn::SecondsColumn(double largest_s) {
  if (!std::isfinite(largest_s) || largest_s <= 0) return;
  const bool hours = largest_s >= kHoursFrom_s;
  const Unit chosen = hours ? Unit{kHour, "h"} : unit_of(largest_s, kSeconds);
  unit_s = chosen.size;
  unit = chosen.name;
  const double most = largest_s / unit_s;
  decimals = most < 99.995 ? 3 : most < 9999.5 ? 1 : 0;
}

std::string SecondsColumn::text(double seconds) const {
  if (!std::isfinite(seconds)) return "n/a";
  return fmt::format("{:.{}f} {}", seconds / unit_s, decimals, unit);
}

std::vector<int64_t> rounded_to_sum(std::span<const double> values, double quantum) {
  std::vector<int64_t> quanta(values.size(), 0);
  double sum = 0, size = 0;
  for (double value : values) {
    sum += value / quantum;
    size += std::fabs(value / quantum);
  }
  if (!(size < 1e15)) return quanta;
  int64_t left = std::llround(sum);
  std::vector<std::pair<double, size_t>> remainders;  // largest first, then in order
  for (size_t i = 0; i < values.size(); ++i) {
    quanta[i] = static_cast<int64_t>(std::floor(values[i] / quantum));
    left -= quanta[i];
    remainders.emplace_back(static_cast<double>(quanta[i]) - values[i] / quantum, i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; i < remainders.size() && left > 0; ++i, --left) ++quanta[remainders[i].second];
  return quanta;
}

BytesColumn::BytesColumn(double largest_bytes) {
  if (!std::isfinite(largest_bytes) || largest_bytes <= 0) return;
  const Unit& chosen = unit_of(largest_bytes, kBytes);
  unit_bytes = chosen.size;
  unit = chosen.name;
}

std::string BytesColumn::text(double bytes) const {
  return std::isfinite(bytes) ? fmt::format("{:.{}f}", bytes / unit_bytes, unit_bytes > 1 ? 2 : 0)
                              : "n/a";
}

std::string bar(double fraction, int width) {
  if (!(fraction > 0)) return "";
  const int eighths = static_cast<int>(std::lround(std::min(1.0, fraction) * width * 8));
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  static constexpr const char* tails[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  return text + tails[eighths % 8];
}

std::string rule(int width) {
  std::string text;
  for (int i = 0; i < width; ++i) text += "─";
  return text;
}

}  // namespace moesim
