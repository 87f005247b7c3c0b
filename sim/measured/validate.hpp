// Predicts every row of tables of measured steps and holds the predictions against the
// measurements. Rows with the same scenario (one configuration measured with several software
// releases) are simulated once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "measured/measured_table.hpp"
#include "measured/row_scenario.hpp"
#include "measured/validate_errors.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

struct ValidateOptions {
  std::vector<std::string> tables;
  RowFilter where;
  size_t limit = 0;  // first rows of what is left by `where`; 0: all
  std::string
      platform;  // for every row, in place of the preset that the gpu column names; "": none
  std::vector<std::string> sets;  // KEY.PATH=VALUE, laid over every row's scenario
  std::string
      scenarios_folder;  // each simulated scenario is written there as NAME.yaml; "": nowhere
  uint64_t seed = 1;
  BatchOptions batch;  // its version should change whenever the simulator does
};

struct ValidatedRow {
  MeasuredRow measurement;
  Plan plan;  // as simulated; default when `reason` says that the row has no scenario
  Batch batch;
  std::vector<std::string> assumptions;
  std::string run;     // name of its simulation; empty when there is none
  std::string reason;  // why there is no prediction; empty when there is one

  // tokens_per_s_per_gpu where that was measured, else step_time_s, else tflops_per_gpu.
  std::string metric;
  double predicted = 0, measured = 0;
  PredictionError error;
  double step_time_s = 0;  // predicted
  Breakdown breakdown_s;
  double overload_factor = 1;
  bool fits = true;
};

struct Validation {
  std::vector<ValidatedRow> rows;     // in the order of the tables
  std::vector<std::string> warnings;  // columns without a meaning here
  size_t simulations = 0, simulated_before = 0;
  double wall_s = 0;
  bool interrupted = false;
};

// Throws InputError on malformed tables, RunError when results cannot be written.
Validation validate(const ValidateOptions& options, const SearchPath& search);

// Returns those of the rows that have a prediction.
std::vector<PredictionError> errors_of(const std::vector<ValidatedRow>& rows);

// Summaries of the rows that share a value of a column ("source", "gpu", "model", "precision",
// "table", "fitted"), in order of first appearance.
struct ErrorGroup {
  std::string name;
  ErrorSummary summary;
};
// Name of the group of column "fitted" whose rows were in view when constants were fitted.
inline constexpr const char* kInViewOfFit = "rows in view of a fit";
std::vector<ErrorGroup> group_errors(const std::vector<ValidatedRow>& rows,
                                     const std::string& column);

}  // namespace moesim
