// Predicts every row of tables of measured memory, without simulations, and holds the predictions
// against the measurements.
#pragma once

#include <string>
#include <vector>

#include "config/presets.hpp"
#include "measured/memory_table.hpp"
#include "measured/validate_errors.hpp"
#include "metrics/step_report.hpp"
#include "plan/plan.hpp"

namespace moesim {

struct ValidatedMemory {
  MeasuredMemory measurement;
  Plan plan;
  std::string reason;  // why there is no prediction; empty when there is one
  std::vector<std::string> assumptions;
  StageMemory predicted;       // of the row's stage
  double predicted_bytes = 0;  // of the row's kind
  double error_percent = 0;
  bool has_error() const { return reason.empty() && measurement.bytes > 0; }
  // Whether fits or out of memory is said as it was.
  bool verdict_is_right() const;
};

struct MemoryValidation {
  std::vector<ValidatedMemory> rows;
};

// `platform`: for every row, in place of the preset that the row names; "": none.
MemoryValidation validate_memory(const std::vector<std::string>& tables,
                                 const std::string& platform, const std::vector<std::string>& sets,
                                 const SearchPath& search);

std::string memory_validation_table(const MemoryValidation& validation);
std::string memory_validation_json(const MemoryValidation& validation);

}  // namespace moesim
