// The parts of a step in the order in which every report names them.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "metrics/step_report.hpp"

namespace moesim {

struct BreakdownPart {
  const char* key;    // in JSON and CSV
  const char* label;  // in tables
  double seconds;
  bool wafer_only;  // left out of JSON unless it took time
};

std::array<BreakdownPart, 10> parts_of(const Breakdown& breakdown);

// "qkv_projection" -> "qkv projection"
std::string spaced(std::string_view name);

}  // namespace moesim
