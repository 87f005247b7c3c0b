// Runs a program on SimGrid. One process, one simulation: a second call in the same process is an
// error, because SimGrid keeps its clock and callbacks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cluster/fabric.hpp"
#include "graph/program.hpp"
#include "graph/record.hpp"

namespace moesim {

struct EngineOptions {
  // True: every compute task is a SimGrid Exec and every flow a SimGrid Comm, from the first moment
  // on. False: what meets nothing else runs on a timer, and a transfer becomes flows the moment
  // another claims one of its links.
  bool all_activities = false;
  std::vector<double> device_speed;  // per simulated rank, 1 is nominal; empty: all 1
  std::function<void(uint64_t blocks_done, uint64_t blocks, double simulated_s)> on_progress;
};

Execution execute_simgrid(const Program& program, const Fabric& fabric,
                          const InstanceSource& source, const EngineOptions& options);

std::string simgrid_version();

}  // namespace moesim
