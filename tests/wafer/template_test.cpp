#include "wafer/template.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

struct Made {
  WaferStepInput input;
  Program program;
  std::vector<WaferDraws> draws;
  std::vector<WaferTasks> tasks;

  explicit Made(int systems) {
    input.model = moe_model(1, 64, 4);
    input.system =
        load_platform("cs2", {"systems=" + std::to_string(systems)}, {{MOESIM_SOURCE_DIR}})
            .wafers();
    input.plan.simulated_replicas = 0;  // all wafers
    input.batch = {4 * systems, 2, 1024};
  }
};

int count(const TaskGraph& graph, TaskKind kind, Stream stream) {
  return static_cast<int>(
      std::count_if(graph.tasks.begin(), graph.tasks.end(),
                    [&](const Task& task) { return task.kind == kind && task.stream == stream; }));
}

}  // namespace

TEST_CASE("a template has a broadcast per stream, a reduction and an update per gradient") {
  for (const int systems : {1, 3}) {
    Made made(systems);
    const WaferContext context(made.input);
    const WaferBlock block = layer_backward_block(context, 0, 4);
    const WaferTemplate added =
        add_wafer_template(context, made.program, block, true, made.draws, made.tasks);
    const TaskGraph& graph = made.program.templates[added.graph];
    const auto streams = static_cast<int>(block.streams.size());
    const auto gradients = static_cast<int>(added.gradient_bytes.size());
    CHECK(gradients > 0);
    CHECK(count(graph, TaskKind::transfer, Stream::weights) == streams);
    CHECK(count(graph, TaskKind::transfer, Stream::gradients) == gradients);
    CHECK(count(graph, TaskKind::compute, Stream::optimizer) == gradients);
    CHECK(count(graph, TaskKind::compute, Stream::compute) ==
          systems * static_cast<int>(block.computes.size()));
  }
}

TEST_CASE("every port has an entry and an exit on every rank") {
  Made made(2);
  const WaferContext context(made.input);
  const WaferTemplate added = add_wafer_template(
      context, made.program, layer_backward_block(context, 0, 4), false, made.draws, made.tasks);
  const TaskGraph& graph = made.program.templates[added.graph];
  CHECK(graph.ranks == context.ranks());
  CHECK(graph.entry_ports() ==
        kFirstRoom + added.stream_bytes.size() + added.gradient_bytes.size());
  std::set<std::pair<uint32_t, uint32_t>> exits;
  for (const Task& task : graph.tasks)
    if (task.kind == TaskKind::exit) CHECK(exits.insert({task.payload, task.rank}).second);
  for (uint32_t rank = 0; rank < graph.ranks; ++rank) {
    for (const WaferPort port : {kComputed, kStreamed, kReduced, kUpdated})
      CHECK(exits.contains({port, rank}));
    for (size_t stream = 0; stream < added.stream_bytes.size(); ++stream)
      CHECK(exits.contains({added.stream_port(stream), rank}));
  }
}

TEST_CASE("all experts' updates are drawn only while gradients are added up") {
  for (const bool update : {true, false}) {
    Made made(1);
    const WaferContext context(made.input);
    add_wafer_template(context, made.program, layer_backward_block(context, 0, 4), update,
                       made.draws, made.tasks);
    const auto& computes = made.draws[0].computes;
    const bool any = std::any_of(computes.begin(), computes.end(),
                                 [](const WaferDrawnCompute& draw) { return draw.kernels < 0; });
    CHECK(any == !update);
  }
}
