#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <span>
#include <system_error>

#include "base/text.hpp"

namespace moesim {
namespace {

struct Prefix {
  const char* name;
  int exponent;  // of ten; of 1024 for binary prefixes
};
constexpr Prefix kNone[] = {{"", 0}};
constexpr Prefix kUp[] = {{"", 0},  {"k", 3},  {"K", 3},  {"M", 6},
                          {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}};
constexpr Prefix kDown[] = {{"", 0},        {"m", -3}, {"u", -6}, {"\u00b5", -6},
                            {"\u03bc", -6}, {"n", -9}, {"p", -12}};
constexpr Prefix kPower[] = {{"", 0}, {"m", -3}, {"k", 3}, {"M", 6}, {"G", 9}};
constexpr Prefix kPercent[] = {{"", -2}};
constexpr Prefix kBinary[] = {{"Ki", 1}, {"Mi", 2}, {"Gi", 3}, {"Ti", 4}, {"Pi", 5}};
// Counts of parameters are written with B for 1e9.
constexpr Prefix kCount[] = {{"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"B", 9}, {"T", 12}, {"P", 15}};

// One way to write a unit: a base spelling, the prefixes it takes, and what one of it is in SI.
struct Spelling {
  const char* base;
  std::span<const Prefix> prefixes;
  bool binary;
  double factor;
};

constexpr Spelling kNumber[] = {{"", kCount, false, 1}, {"%", kPercent, false, 1}};
constexpr Spelling kBytes[] = {{"B", kUp, false, 1},
                               {"B", kBinary, true, 1},
                               {"bit", kUp, false, 0.125},
                               {"bits", kUp, false, 0.125}};
constexpr Spelling kRate[] = {{"B/s", kUp, false, 1},         {"B/s", kBinary, true, 1},
                              {"Bps", kUp, false, 1},         {"bps", kUp, false, 0.125},
                              {"b/s", kUp, false, 0.125},     {"bit/s", kUp, false, 0.125},
                              {"bit/s", kBinary, true, 0.125}};
constexpr Spelling kTime[] = {{"s", kDown, false, 1},
                              {"min", kNone, false, 60},
                              {"h", kNone, false, 3600},
                              {"d", kNone, false, 86400}};
constexpr Spelling kFlops[] = {{"FLOPS", kUp, false, 1},
                               {"FLOP/s", kUp, false, 1},
                               {"FLOPs", kUp, false, 1},
                               {"flops", kUp, false, 1},
                               {"flop/s", kUp, false, 1}};
constexpr Spelling kWatts[] = {{"W", kPower, false, 1}};

struct UnitInfo {
  const char* quantity;
  const char* accepted;
  const char* si;
  std::span<const Spelling> spellings;
};

const UnitInfo& info(Unit unit) {
  static constexpr UnitInfo kUnits[] = {
      {"number", "none, %, or a prefix (k, M, G, B = 1e9, T, P)", "", kNumber},
      {"size", "B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, bit", "B", kBytes},
      {"bandwidth", "B/s, kB/s, MB/s, GB/s, TB/s, GiB/s, bps, kbps, Mbps, Gbps, Tbps", "B/s",
       kRate},
      {"time", "s, ms, us, ns, ps, min, h, d", "s", kTime},
      {"compute rate", "FLOPS, GFLOPS, TFLOPS, PFLOPS, TFLOP/s", "FLOPS", kFlops},
      {"power", "mW, W, kW, MW", "W", kWatts},
  };
  return kUnits[static_cast<size_t>(unit)];
}

bool digit(char c) { return c >= '0' && c <= '9'; }

// Characters of the decimal number that `text` starts with; 0 when it starts with none.
size_t number_length(std::string_view text) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  size_t digits = 0;
  while (i < text.size() && digit(text[i])) ++i, ++digits;
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && digit(text[i])) ++i, ++digits;
  }
  if (digits == 0) return 0;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    size_t j = i + 1;
    if (j < text.size() && (text[j] == '+' || text[j] == '-')) ++j;
    if (j < text.size() && digit(text[j])) {
      while (j < text.size() && digit(text[j])) ++j;
      return j;
    }
  }
  return i;
}

// `number` times ten to the `exponent`, rounded once.
std::optional<double> scaled(std::string_view number, int exponent) {
  if (number.front() == '+') number.remove_prefix(1);
  std::string mantissa(number);
  const size_t e = mantissa.find_first_of("eE");
  long total = exponent;
  if (e != std::string::npos) {
    total += std::clamp(std::strtol(mantissa.c_str() + e + 1, nullptr, 10), -100'000L, 100'000L);
    mantissa.resize(e);
  }
  if (mantissa.back() == '.') mantissa += '0';
  const std::string text = fmt::format("{}e{}", mantissa, total);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc::result_out_of_range) {
    const bool zero = mantissa.find_first_of("123456789") == std::string::npos;
    if (zero || total < 0) return 0.0;
    return std::nullopt;
  }
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Where `suffix` is one of the unit's spellings: the exponent of ten and the factor besides.
struct Scale {
  int exponent;
  double factor;
};
std::optional<Scale> find_scale(std::string_view suffix, const UnitInfo& unit) {
  for (const Spelling& spelling : unit.spellings) {
    const std::string_view base = spelling.base;
    if (suffix.size() < base.size() || suffix.substr(suffix.size() - base.size()) != base) continue;
    const std::string_view head = suffix.substr(0, suffix.size() - base.size());
    for (const Prefix& prefix : spelling.prefixes) {
      if (head != prefix.name) continue;
      if (spelling.binary) return Scale{0, spelling.factor * std::ldexp(1.0, 10 * prefix.exponent)};
      return Scale{prefix.exponent, spelling.factor};
    }
  }
  return std::nullopt;
}

struct Decimal {
  std::string sign, digits;
  int exponent = 0;  // of ten, at the first digit
};

Decimal decompose(double value) {
  char buffer[64];
  const auto [end, code] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string text(buffer, end);
  Decimal decimal;
  if (text.front() == '-') {
    decimal.sign = "-";
    text.erase(0, 1);
  }
  const size_t e = text.find('e');
  decimal.exponent = std::atoi(text.c_str() + e + 1);
  decimal.digits = text.substr(0, e);
  std::erase(decimal.digits, '.');
  return decimal;
}

// The decimal with its point `shift` digits after the first one, 0 <= shift <= 2.
std::string place_point(const Decimal& decimal, int shift) {
  std::string digits = decimal.digits;
  const size_t whole = static_cast<size_t>(shift) + 1;
  while (digits.size() < whole) digits += '0';
  if (digits.size() == whole) return decimal.sign + digits;
  return decimal.sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string with_decimal_prefix(double value, const Spelling& spelling) {
  const Decimal decimal = decompose(value);
  for (const Prefix& prefix : spelling.prefixes) {
    const int shift = decimal.exponent - prefix.exponent;
    if (shift >= 0 && shift <= 2)
      return fmt::format("{} {}{}", place_point(decimal, shift), prefix.name, spelling.base);
  }
  return "";
}

std::string with_binary_prefix(double value, const Spelling& spelling) {
  for (auto prefix = spelling.prefixes.rbegin(); prefix != spelling.prefixes.rend(); ++prefix) {
    const double amount = std::ldexp(value, -10 * prefix->exponent);
    if (amount >= 1 && amount == std::floor(amount) && amount < 1e6)
      return fmt::format("{:.0f} {}{}", amount, prefix->name, spelling.base);
  }
  return "";
}

}  // namespace

std::optional<double> parse_quantity(std::string_view text, Unit unit, std::string& error) {
  const UnitInfo& known = info(unit);
  text = trim(text);
  const size_t length = number_length(text);
  if (length == 0) {
    error = fmt::format("expected a {}{}, got {}", known.quantity,
                        unit == Unit::number ? "" : fmt::format(" (units: {})", known.accepted),
                        quote(text));
    return std::nullopt;
  }
  const std::string_view suffix = trim(text.substr(length));
  std::optional<Scale> scale = Scale{0, 1};
  if (!suffix.empty()) scale = find_scale(suffix, known);
  if (!scale) {
    error = fmt::format("{} is not a unit of {} (units: {})", quote(suffix), known.quantity,
                        known.accepted);
    return std::nullopt;
  }
  std::optional<double> value = scaled(text.substr(0, length), scale->exponent);
  if (value) value = *value * scale->factor;
  if (!value || !std::isfinite(*value)) {
    error = fmt::format("{} is too large a number", quote(text));
    return std::nullopt;
  }
  return value;
}

std::string format_number(double value) {
  char buffer[64];
  if (value == 0) return "0";
  const double size = std::fabs(value);
  const bool plain = size >= 1e-4 && size < 1e16;
  const auto [end, code] =
      plain ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed)
            : std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

std::string format_quantity(double value, Unit unit) {
  const std::string plain = format_number(value);
  if (unit == Unit::number || value == 0) return plain;
  const UnitInfo& known = info(unit);
  std::string best = with_decimal_prefix(value, known.spellings.front());
  if (unit == Unit::bytes) {
    const std::string binary = with_binary_prefix(value, known.spellings[1]);
    if (!binary.empty() && (best.empty() || binary.size() < best.size())) best = binary;
  }
  std::string error;
  return !best.empty() && parse_quantity(best, unit, error) == value ? best : plain;
}

const char* unit_name(Unit unit) { return info(unit).si; }

}  // namespace moesim
