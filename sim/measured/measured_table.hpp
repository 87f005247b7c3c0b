// A table of measured training steps: one row per measurement, its configuration as its source
// printed it, and what was measured. Returns typed rows; knows nothing of how a row is simulated
// (measured/row_scenario.hpp). Columns: docs/formats/tables.md.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/files.hpp"

namespace moesim {

// Numbers that the row leaves empty are 0, those that may be 0 are kOpen, texts are "".
struct MeasuredRow {
  static constexpr int kOpen = -1;

  std::string table;  // file, as it was named
  int line = 0;
  std::string source, model, gpu, framework, precision, layout, recompute, overlap, dispatcher;
  std::string cuda_graph;  // none, layers, router or step
  std::string routing;     // a preset's name
  std::string note, verified;
  int num_gpus = 0, seq_len = 0;
  int gbs = 0;  // sequences per step
  int mbs = 0, tp = 0, pp = 0, vpp = 0, cp = 0, ep = 0, etp = 0, dp = 0;
  int mtp = kOpen;   // multi-token-prediction layers
  int zero = kOpen;  // stage of ZeRO, 0 to 3
  double capacity_factor = 0;
  std::vector<std::string> set;  // "plan.communication_sms=32", applied last
  Place set_place;
  std::vector<std::string> inferred;  // columns whose value the source does not print
  bool fitted = false;  // was in view when constants were fitted or rules of profiles inferred
  // The measurement: tokens/s and model TFLOPS are per device; the source's own convention for
  // FLOPs.
  double tokens_per_s_per_gpu = 0, tflops_per_gpu = 0, mfu = 0, step_time_s = 0;
  std::vector<std::string> cells;  // as MeasuredTable::columns
};

// The columns of every table of measurements that are a text, and those that are a size of the run
// or of its mapping, at least 1.
const std::map<std::string, std::string MeasuredRow::*>& text_columns();
const std::map<std::string, int MeasuredRow::*>& size_columns();

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
