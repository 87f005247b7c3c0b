// Measured collectives (columns: docs/formats/tables.md) beside what the fabric model gives for
// each of them alone.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "cluster/pod.hpp"
#include "routing/routing.hpp"

namespace moesim {

struct MeasuredCollective {
  std::string library;     // a dispatcher's name; nccl also runs the other collectives
  std::string collective;  // all-gather, reduce-scatter, all-reduce, all-to-all, dispatch, combine
  std::string platform;    // platforms/NAME.yaml
  int gpus = 0;
  double bytes = 0;  // the whole buffer; all-to-all: what each device sends, its own share included
  // Dispatch and combine: balanced at random over the experts.
  int tokens = 0, hidden = 0, top_k = 0, experts = 0;
  int n_group = 1, topk_group = 1;
  int sms = 0;  // that copy tokens; 0: those that the platform names
  double token_bytes = 0;
  bool fitted = false;  // constants of its platform were taken from it
  double seconds = 0;
  double host_s = 0;  // of it, before the kernels start
  std::string source;
};

// Whether it is a dispatch or a combine.
bool moves_tokens(const MeasuredCollective& row);

// Throws InputError with all problems.
std::vector<MeasuredCollective> read_collective_table(const std::string& csv_file,
                                                      const Files& files = disk_files());

// "PLATFORM LIBRARY dispatch", "gb200-nvl72 nccl all-gather, 1 MB and more", ...
std::string class_of(const MeasuredCollective& row);

// A row with its tokens routed, so that a fit need not draw them again: they depend on the size of
// a node only.
struct PreparedCollective {
  MeasuredCollective row;
  RoutedTokens tokens;
};
PreparedCollective prepare(const Pod& pod, const MeasuredCollective& row);

// Latency, start-up and the busiest port, with no other traffic: what the engine gives for a
// transfer alone.
double predicted_s(Pod pod, const PreparedCollective& prepared);

}  // namespace moesim
