#include "graph/dot.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("tasks of one rank by stream, with their edges") {
  TaskGraphBuilder builder("forward", 2);
  Task first, other, joined;
  first.kind = other.kind = TaskKind::compute;
  first.seconds = 2e-6;
  other.rank = 1;
  joined.kind = TaskKind::join;
  Task sent;
  sent.kind = TaskKind::transfer;
  sent.stream = Stream::ep;
  sent.layer = 3;
  sent.op = 1;
  sent.draw = 0;
  Transfer transfer;
  transfer.ranks = {0, 1};
  sent.payload = builder.add_transfer(transfer);
  const TaskId a = builder.add(first), b = builder.add(other), c = builder.add(sent),
               d = builder.add(joined);
  builder.edge(a, c);
  builder.edge(b, c);
  builder.edge(c, d);
  const TaskGraph graph = std::move(builder).freeze();
  CHECK(dot_text(graph, {"attention", "dispatch"}, 0) ==
        "digraph \"forward\" {\n"
        "  node [shape=box, fontsize=10];\n"
        "    t3 [label=\"join\", style=dotted];\n"
        "  subgraph \"cluster_compute\" {\n"
        "    label=\"compute\";\n"
        "    t0 [label=\"L0 attention\\nforward, 2.0 us\"];\n"
        "  }\n"
        "  subgraph \"cluster_ep\" {\n"
        "    label=\"ep\";\n"
        "    t2 [label=\"L3 dispatch\\nforward, as routed\"];\n"
        "  }\n"
        "  t0 -> t2;\n"
        "  t2 -> t3;\n"
        "}\n");
}
