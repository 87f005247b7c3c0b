// Quantities with units, the only place where they are parsed: "400 Gbps", "80 GiB", "3.35 TB/s",
// "2 us". Prefixes are decimal (1 GB = 1e9 B); Ki, Mi, Gi, Ti, Pi are powers of 1024. A number
// without a unit is in SI.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moesim {

enum class Unit { number, bytes, bytes_per_s, seconds, flops_per_s, watts };

// The value in SI. On failure nothing, and `error` says what was wrong and what would be accepted.
// Decimal prefixes are exact: "3.35 TB/s" gives the same double as 3.35e12.
std::optional<double> parse_quantity(std::string_view text, Unit unit, std::string& error);

// A text that parse_quantity turns back into exactly `value`, with the unit and prefix that make it
// short.
std::string format_quantity(double value, Unit unit);

// "GB/s"-like spelling of the plain SI unit; "" for a number.
const char* unit_name(Unit unit);

// The shortest text that reads back as exactly `value`.
std::string format_number(double value);

}  // namespace moesim
