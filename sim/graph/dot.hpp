// A template's tasks of one rank as a graph in Graphviz' language, for `moesim export --as dot`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/task_graph.hpp"

namespace moesim {

// A column for each stream that the rank uses; edges to tasks of other ranks are left out.
std::string dot_text(const TaskGraph& graph, const std::vector<std::string>& op_names,
                     uint32_t rank);

}  // namespace moesim
