// Memory of a pod's ranks: the rows of a report from the needs of the stages, and the same without
// a simulation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/scenario.hpp"
#include "metrics/step_report.hpp"
#include "plan/mapping.hpp"
#include "plan/stage_memory.hpp"

namespace moesim {

// Device memory that no allocator of the framework sees: the driver's context, buffers of
// communicators and of the dispatcher.
double memory_outside_bytes(const ModelShape& model, const Pod& pod, const Plan& plan,
                            const Mapping& mapping, const Shard& shard);

std::vector<StageMemory> memory_rows(const Pod& pod, const Plan& plan, double outside_bytes,
                                     const std::vector<StageMemoryNeed>& needs);

// Rows that the fullest rank of each stage is expected to get, over the mean; what chance adds in
// one microbatch is left out.
std::vector<double> expected_overload(const Scenario& scenario, const Shard& shard,
                                      const std::vector<ChunkContent>& chunks, uint64_t seed);

// Milliseconds, for a pod; of the routing what is expected.
std::vector<StageMemory> forecast_memory(const Scenario& scenario, uint64_t seed = 1);

}  // namespace moesim
