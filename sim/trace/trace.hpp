// The timeline of a run as Chrome trace events (JSON), which ui.perfetto.dev and chrome://tracing
// open: a process per rank, a thread per stream, a process of its own for the critical path.
// Written piece by piece into a sink. Format: "Trace Event Format",
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU; ours is
// described in docs/formats/timeline.md.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/program.hpp"
#include "graph/record.hpp"
#include "trace/byte_sink.hpp"

namespace moesim {

enum class TraceLevel : uint8_t {
  phase,  // a slice per block, rank and phase: the pipeline schedule at a glance
  task,   // kernels and transfers; arrows; counters of NIC and NVLink throughput
  flow,   // the same, with arrows to a receiver from four senders instead of the largest
};

struct TraceOptions {
  std::vector<uint32_t> sim_ranks;  // simulated ranks to draw; empty: all
  TraceLevel level = TraceLevel::task;
};

struct RankLabel {
  int global_rank = 0;
  std::string name;  // "rank 12 · pp1 ep4 · node 1 gpu 4"
};

// Bytes of device memory that a rank holds from a moment on.
struct MemoryPoint {
  double time_s = 0, bytes = 0;
};

struct TraceInput {
  const Program& program;
  const Execution& execution;
  std::span<const RankLabel> ranks;  // per simulated rank
  std::span<const uint32_t>
      critical_rows;  // rows of the record, in time order; empty: no such track
  TraceOptions options;
  // Flows of a transfer whose amounts the routing decides (Task::draw >= 0), relative to the
  // block's first rank. Called once per such transfer that is drawn, in order of start times, so
  // that calls alternate among the live blocks. Without it these transfers show no bytes, arrows
  // within a rank only, and no counters.
  std::function<std::vector<Flow>(BlockId, TaskId)> flows_of = {};
  // Returns what a rank's port sustains in one direction. The record knows when a transfer began
  // and ended, not how it went in between; counters spread its bytes evenly and stop here where
  // that would be too much. 0: not known, no limit.
  double nvlink_bytes_per_s = 0, nic_bytes_per_s = 0;
  // Per simulated rank, by time; drawn as a counter. Empty: not known.
  std::vector<std::vector<MemoryPoint>> memory = {};
  // Called before anything is written, with about the bytes that follow (without gzip).
  std::function<void(double)> on_size = {};
};

// Equal input gives equal bytes. Throws InputError when a rank to draw is not simulated. Does not
// finish the sink.
void write_trace(const TraceInput& input, ByteSink& sink);

// Through gzip when the name ends in ".gz". Throws RunError when the file cannot be written.
void write_trace_file(const TraceInput& input, const std::string& path);

}  // namespace moesim
