// A table of measured training steps: one row per measurement, its configuration as its source
// printed it, and what was measured. Gives typed rows; knows nothing of how a row is simulated
// (measured/validate_scenario.hpp).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"

namespace moesim {

// Numbers that the row leaves empty are 0, texts are "".
struct MeasuredRow {
  std::string table;  // file, as it was named
  int line = 0;
  std::string source, model, gpu, precision, recompute, overlap, dispatcher, note, verified;
  int num_gpus = 0, seq_len = 0;
  int gbs = 0;  // sequences per step
  int mbs = 0, tp = 0, pp = 0, vpp = 0, cp = 0, ep = 0, etp = 0, dp = 0;
  // The measurement: tokens/s and model TFLOPS are per device; the source's own convention for
  // FLOPs.
  double tokens_per_s_per_gpu = 0, tflops_per_gpu = 0, mfu = 0, step_time_s = 0;
  std::vector<std::string> cells;  // as MeasuredTable::columns
};

struct MeasuredTable {
  std::string file;
  std::vector<std::string> columns;
  std::vector<std::string> unknown_columns;  // their cells are read for --where only
  std::vector<MeasuredRow> rows;
};

// Columns in any order; model, gpu, num_gpus, seq_len, gbs and one of the measured figures must be
// among them. Throws InputError, with all problems as file:line:column: column: message.
MeasuredTable read_measured_table(const std::string& path, const Files& files = disk_files());

// "gpu=h100-sxm,model=mixtral-8x22b|grok-1": the rows where each named column holds one of its
// values. Throws InputError on a column that the table lacks.
struct RowFilter {
  std::vector<std::pair<std::string, std::vector<std::string>>> wanted;
};
RowFilter parse_row_filter(const std::string& text);
void keep_rows(MeasuredTable& table, const RowFilter& filter);

}  // namespace moesim
