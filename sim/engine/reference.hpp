// The oracle: the same program without SimGrid and without contention. Every task takes its nominal
// time, so the result is the longest path through the graph: a lower bound of any execution, and
// equal to it where nothing contends.
#pragma once

#include "cluster/fabric.hpp"
#include "graph/program.hpp"
#include "graph/record.hpp"

namespace moesim {

Execution execute_reference(const Program& program, const Fabric& fabric,
                            const InstanceSource& source);

}  // namespace moesim
