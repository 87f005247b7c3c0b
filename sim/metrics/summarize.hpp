// From what happened to what it means: breakdown, critical path, utilisation, lower bound. Reads
// the graph, the record and the fabric; knows nothing of scenarios or output formats.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cluster/fabric.hpp"
#include "graph/program.hpp"
#include "graph/record.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// Per simulated rank. Every moment of the step goes to what the rank's compute stream did, or, when
// it stood still, to what the next task on it waited for: a transfer's stream from the moment the
// rank joined it, else the pipeline.
std::vector<Breakdown> breakdown_by_rank(const Program& program, const Execution& execution);
// `weights`: one per rank; empty: all alike.
Breakdown mean(std::span<const Breakdown> ranks, std::span<const double> weights = {});

std::vector<PipelineStage> pipeline_use(const Program& program, const Execution& execution);

// Rows from the beginning to the task that ended last, each let start by the one before it.
std::vector<uint32_t> critical_rows(const Execution& execution);
// Flows of a transfer whose amounts the routing decides; may be empty.
using FlowsOf = std::function<std::vector<Flow>(uint32_t block, uint32_t task)>;
std::vector<CriticalPathEntry> critical_path(const Program& program, const Fabric& fabric,
                                             const Execution& execution, const FlowsOf& flows_of);

// The same path by layer of the model and by the link that each transfer keeps busiest. `layers`:
// of the model with its multi-token-prediction layers. Entries are named in `op`; by link, what is
// not a transfer is left out.
std::vector<CriticalPathEntry> critical_path_by_layer(const Program& program,
                                                      const Execution& execution, int layers);
std::vector<CriticalPathEntry> critical_path_by_link(const Program& program, const Fabric& fabric,
                                                     const Execution& execution,
                                                     const FlowsOf& flows_of);

// Links by bytes / (bandwidth x step) and devices by compute time / step, busiest first; at most
// `most_of_a_kind` of each kind.
std::vector<ResourceUse> resource_use(const Program& program, const Fabric& fabric,
                                      const Execution& execution, size_t most_of_a_kind);

// No schedule is faster than the busiest device's work or the busiest link's bytes.
struct LowerBound {
  double seconds = 0;
  std::string by;
};
LowerBound lower_bound(const Program& program, const Fabric& fabric, const Execution& execution,
                       double contention_free_s);

}  // namespace moesim
