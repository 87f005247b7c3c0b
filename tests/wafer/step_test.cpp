#include "wafer/step.hpp"

#include <algorithm>
#include <map>

#include "catch.hpp"
#include "fixtures/executed.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"
#include "model/parameters.hpp"
#include "wafer/device_model.hpp"

using namespace moesim;

namespace {

struct Ran {
  std::unique_ptr<LoweredWaferStep> step;
  Execution execution;

  double bytes(const std::string& link) const {
    const auto& links = step->context.fabric.fabric.links;
    for (size_t i = 0; i < links.size(); ++i)
      if (links[i].name == link) return execution.link_bytes[i];
    return -1;
  }
  const Task& task(size_t row) const {
    const Block& block = step->program.blocks[execution.record.block[row]];
    return step->program.templates[block.graph].tasks[execution.record.task[row]];
  }
};

Ran run(ModelShape model, WaferSystem system, Plan plan, Batch batch, RoutingSpec routing = {}) {
  Ran ran;
  ran.step = lower_wafer_step(
      {std::move(model), std::move(system), std::move(plan), std::move(routing), batch, 1});
  ran.execution =
      execute_reference(ran.step->program, ran.step->context.fabric.fabric, *ran.step->work);
  return ran;
}

Plan full() {
  Plan plan;
  plan.recompute = Recompute::full;
  return plan;
}

// Weights of all layers: what streams in each direction.
double layer_elements(const ModelShape& model) {
  double sum = 0;
  for (int layer = 0; layer < model.layers; ++layer) sum += layer_parameters(model, layer).total();
  return sum;
}

}  // namespace

TEST_CASE("weights stream once forward and once backward, gradients once, in every microbatch") {
  for (const ModelShape& model : {dense_model(3), moe_model(3)})
    for (const int microbatches : {1, 3})
      for (const Plan& plan : {Plan{}, full()}) {
        const Ran ran = run(model, cs2_systems(), plan, {2 * microbatches, 2, 1024});
        const double table = embedding_parameters(model), head = table + model.hidden;
        INFO(model.name << " " << microbatches);
        CHECK(ran.bytes("memoryx.out") ==
              Approx(2 * microbatches * (2 * layer_elements(model) + table + head)));
        CHECK(ran.bytes("memoryx.in") ==
              Approx(2 * microbatches * (layer_elements(model) + table + head)));
        CHECK(ran.bytes("wafer0.io.in") == Approx(ran.bytes("memoryx.out")));
        CHECK(ran.bytes("swarmx.up") == Approx(ran.bytes("memoryx.in")));
      }
}

TEST_CASE("what MemoryX broadcasts does not depend on the number of wafers") {
  Plan all = full();
  all.simulated_replicas = 0;
  const Ran one = run(moe_model(2), cs2_systems(1), all, {4, 4, 1024});
  for (const int wafers : {2, 16, 20}) {
    const Ran many = run(moe_model(2), cs2_systems(wafers), all, {4 * wafers, 4, 1024});
    const Ran folded = run(moe_model(2), cs2_systems(wafers), full(), {4 * wafers, 4, 1024});
    CHECK(many.bytes("memoryx.out") == one.bytes("memoryx.out"));
    CHECK(many.bytes("memoryx.in") == one.bytes("memoryx.in"));
    CHECK(many.bytes("wafer1.io.in") == one.bytes("memoryx.out"));
    CHECK(folded.execution.makespan_s == Approx(many.execution.makespan_s).epsilon(1e-9));
  }
}

TEST_CASE("FLOPs of the blocks are those of the closed form") {
  ModelShape model = dense_model(4);
  const Ran ran = run(model, cs2_systems(), full(), {4, 4, 1024});
  const WaferContext& context = ran.step->context;
  double products = 0, attention = 0;
  const auto add = [&](const WaferBlock& block) {
    for (const WaferCompute& one : block.computes)
      for (const Kernel& kernel : one.phase == Phase::recompute ? Kernels{} : one.kernels)
        (kernel.kind == KernelKind::attention ? attention : products) += kernel.flops;
  };
  for (int layer = 0; layer < model.layers; ++layer) {
    add(layer_forward_block(context, layer, 4));
    add(layer_backward_block(context, layer, 4));
  }
  add(loss_block(context, 4));
  // The backward pass of attention is 2.5 times the forward here and 2 times in the model FLOPs.
  CHECK(products + attention * 3 / 3.5 == Approx(model_flops(model, 4, 1024)).epsilon(1e-9));
}

TEST_CASE("no layer computes before its first weights are there, and weights take their time") {
  for (const int tiles : {1, 4}) {
    Plan plan = full();
    plan.attention_tiles = tiles;
    const Ran ran = run(moe_model(3), cs2_systems(), plan, {8, 2, 1024});
    std::map<uint32_t, double> first_weights, first_compute;  // by block
    const Record& record = ran.execution.record;
    double streaming = 0, out = 0;
    for (size_t row = 0; row < record.rows(); ++row) {
      const Task& task = ran.task(row);
      const uint32_t block = record.block[row];
      const double seconds = record.end_s[row] - record.start_s[row];
      if (task.stream == Stream::weights) {
        streaming += seconds;
        if (!first_weights.contains(block)) first_weights[block] = record.end_s[row];
      }
      if (task.stream == Stream::gradients) out += seconds;
      if (task.kind == TaskKind::compute && task.stream == Stream::compute) {
        const auto found = first_compute.find(block);
        if (found == first_compute.end()) first_compute[block] = record.start_s[row];
      }
    }
    CHECK(first_compute.size() > 6);
    for (const auto& [block, start] : first_compute)
      if (first_weights.contains(block)) CHECK(start >= first_weights[block]);
    CHECK(streaming >= ran.bytes("memoryx.out") / 150e9);
    CHECK(out >= ran.bytes("memoryx.in") / 150e9);
    CHECK(ran.execution.makespan_s >= ran.bytes("memoryx.out") / 150e9);
  }
}

TEST_CASE(
    "weights on the wafer never exceed the prefetch window, nor waiting gradients their buffer") {
  for (const double window : {0.5e6, 3e6, 20e6}) {
    WaferSystem system = cs2_systems();
    system.prefetch_bytes = window;
    system.gradient_buffer_bytes = window;
    system.wafer.io_bytes_per_s = 5e9;
    const Ran ran = run(moe_model(4), system, Plan{}, {4, 2, 1024});
    const Record& record = ran.execution.record;
    // A buffer is filled when its stream ends and free when the compute that was let start by it is
    // over; here each stream has one compute, in the same order.
    std::vector<std::pair<double, double>> changes;
    std::vector<double> arrived, sizes, used;
    double largest = 0;
    for (size_t row = 0; row < record.rows(); ++row) {
      const Task& task = ran.task(row);
      if (task.stream == Stream::weights) {
        arrived.push_back(record.start_s[row]);
        sizes.push_back((record.end_s[row] - record.start_s[row]) * 5e9);
        largest = std::max(largest, sizes.back());
      }
      if (task.kind != TaskKind::compute || task.stream != Stream::compute) continue;
      const KernelChain& parts = ran.step->program.chains[task.payload];
      const std::string& op = ran.step->program.op_names[parts.parts.front().op];
      if (op == "unpermute" || (op == "embedding" && task.phase != Phase::forward))
        continue;  // no weights
      const bool loss = op == "cross_entropy" || op == "logits";
      if (loss) continue;
      used.push_back(record.end_s[row]);
    }
    REQUIRE(arrived.size() == used.size());
    for (size_t i = 0; i < arrived.size(); ++i) {
      changes.emplace_back(arrived[i], sizes[i]);
      changes.emplace_back(used[i], -sizes[i]);
    }
    std::sort(changes.begin(), changes.end());
    double held = 0, most = 0;
    for (const auto& [time, bytes] : changes) most = std::max(most, held += bytes);
    INFO(window << " largest " << largest << " most " << most);
    CHECK(most <= std::max(window, largest) * 1.001);
    if (window > 4 * largest) CHECK(most > largest * 1.5);  // and it is used
  }
}

TEST_CASE("experts without a token are neither streamed nor do they send gradients") {
  const ModelShape model = moe_model(2, 64, 1);
  RoutingSpec uniform;
  uniform.kind = RoutingKind::uniform;
  const Ran few = run(model, cs2_systems(), full(), {1, 1, 32}, uniform),
            many = run(model, cs2_systems(), full(), {1, 1, 4096}, uniform);
  const double expert = layer_parameters(model, 0).experts / 64 * 2;
  const double missing = (many.bytes("memoryx.out") - few.bytes("memoryx.out")) / expert;
  // 32 tokens leave about 64 exp(-32 / 64) = 39 of 64 experts without one, in each of 2 layers,
  // forward and backward.
  CHECK(missing == Approx(std::round(missing)));
  CHECK(missing > 2 * 2 * 30);
  CHECK(missing < 2 * 2 * 48);
  CHECK((many.bytes("memoryx.in") - few.bytes("memoryx.in")) / expert == Approx(missing / 2));
}

TEST_CASE("attention weights come once for all tiles and are issued for each") {
  const ModelShape model = dense_model(3);
  Plan tiled = full();
  tiled.attention_tiles = 8;
  tiled.attention_batch = 1;
  Plan whole = full();
  whole.attention_batch = 8;
  const Ran tiles = run(model, cs2_systems(), tiled, {8, 1, 1024}),
            one = run(model, cs2_systems(), whole, {8, 1, 1024});
  CHECK(tiles.bytes("memoryx.out") == one.bytes("memoryx.out"));
  const auto runs_of_projection = [](const Ran& ran) {
    int64_t count = 0;
    for (size_t row = 0; row < ran.execution.record.rows(); ++row) {
      const Task& task = ran.task(row);
      if (task.kind != TaskKind::compute || task.stream != Stream::compute) continue;
      for (const ChainPart& part : ran.step->program.chains[task.payload].parts)
        count += ran.step->program.op_names[part.op] == "qkv_projection";
    }
    return count;
  };
  CHECK(runs_of_projection(tiles) == 8 * runs_of_projection(one));
  CHECK(tiles.execution.makespan_s > one.execution.makespan_s);
}

TEST_CASE(
    "MemoryX updates every parameter once a step, the first layers last, and the step ends with "
    "them") {
  const ModelShape model = dense_model(3);
  WaferSystem system = cs2_systems();
  const Ran ran = run(model, system, full(), {8, 2, 1024});
  double updated_s = 0, last_end = 0;
  uint16_t last_layer = 99;
  for (size_t row = 0; row < ran.execution.record.rows(); ++row) {
    const Task& task = ran.task(row);
    if (task.stream != Stream::optimizer || task.kind != TaskKind::compute) continue;
    const Block& block = ran.step->program.blocks[ran.execution.record.block[row]];
    if (block.microbatch != 3) continue;
    updated_s += ran.execution.record.nominal_s[row];
    CHECK(ran.execution.record.start_s[row] >= last_end - 1e-12);
    CHECK(block.first_layer <= last_layer);
    last_end = ran.execution.record.end_s[row];
    last_layer = block.first_layer;
  }
  const double parameters = layer_elements(model) + 2 * embedding_parameters(model) + model.hidden;
  CHECK(updated_s == Approx(parameters * 32 / 1.72e12).epsilon(1e-6));
  CHECK(ran.execution.makespan_s == Approx(last_end + system.step_latency_s));
}

TEST_CASE("a tied table is updated once a step, with the gradient that comes last") {
  ModelShape model = dense_model(3);
  model.tied_embeddings = true;
  const WaferSystem system = cs2_systems();
  for (const int microbatches : {1, 3}) {
    const Ran ran = run(model, system, full(), {2 * microbatches, 2, 1024});
    double seconds = 0;
    for (size_t row = 0; row < ran.execution.record.rows(); ++row) {
      const Task& task = ran.task(row);
      if (task.stream == Stream::optimizer && task.kind == TaskKind::compute)
        seconds += ran.execution.record.nominal_s[row];
    }
    const double table = embedding_parameters(model), layers = layer_elements(model),
                 head = table + model.hidden;
    const double updated = layers + table, added = microbatches * (layers + table + head) - updated;
    CHECK(seconds == Approx((32 * updated + 10 * added) / 1.72e12).epsilon(1e-6));
  }
}

TEST_CASE("the breakdown of the wafers sums to the step") {
  const Ran ran = run(moe_model(3), cs2_systems(2), full(), {8, 2, 1024});
  const auto ranks = breakdown_by_rank(ran.step->program, ran.execution);
  CHECK(ranks.front().total() == Approx(ran.execution.makespan_s));
  CHECK(ranks.front().exposed_stream > 0);
  CHECK(ranks.front().exposed_dp == 0);
}

TEST_CASE("saved activations go to the host and come back, once") {
  Plan plan = full();
  plan.saved_activations = SavedActivations::host;
  const ModelShape model = dense_model(4);
  const Ran spilled = run(model, cs2_systems(), plan, {4, 2, 1024}),
            kept = run(model, cs2_systems(), full(), {4, 2, 1024});
  const double inputs =
      4.0 * 4 * 1024 * model.hidden * 2;  // layers x sequences x length x hidden, 2 B
  CHECK(spilled.bytes("wafer0.io.in") - kept.bytes("wafer0.io.in") == Approx(inputs));
  CHECK(spilled.bytes("wafer0.io.out") - kept.bytes("wafer0.io.out") == Approx(inputs));
  CHECK(spilled.bytes("memoryx.out") == kept.bytes("memoryx.out"));
}

// With recompute: none and a slow I/O every layer waits for what it saves: the forward may not run
// ahead.
TEST_CASE(
    "activations on their way to the host stay within their share of SRAM, and bound the step") {
  const ModelShape model = dense_model(12);
  for (const bool recompute : {false, true}) {
    Plan plan = recompute ? full() : Plan{};
    plan.saved_activations = SavedActivations::host;
    WaferSystem system = cs2_systems();
    system.wafer.io_bytes_per_s = 1e9;
    const Ran ran = run(model, system, plan, {8, 4, 1024});
    const Record& record = ran.execution.record;
    // For each layer: from its forward's first compute to the end of its way out; from the begin of
    // its way in to its backward's last compute.
    struct Life {
      double computes = 1e300, computed = 0, moves = 1e300, moved = 0, bytes = 0;
      bool out = false;
    };
    std::map<uint32_t, Life> lives;  // by block
    double out_bytes = 0;
    for (size_t row = 0; row < record.rows(); ++row) {
      const Task& task = ran.task(row);
      if (record.start_s[row] == record.end_s[row]) continue;
      Life& life = lives[record.block[row]];
      if (task.kind == TaskKind::compute && task.stream == Stream::compute) {
        life.computes = std::min(life.computes, record.start_s[row]);
        life.computed = std::max(life.computed, record.end_s[row]);
      } else if (task.stream == Stream::copy) {
        const Block& block = ran.step->program.blocks[record.block[row]];
        life.out = ran.step->program.op_names[task.op] == "save activations";
        life.moves = record.start_s[row];
        life.moved = record.end_s[row];
        life.bytes =
            ran.step->program.templates[block.graph].transfers[task.payload].flows.front().bytes;
        if (life.out) out_bytes += life.bytes;
      }
    }
    std::vector<std::pair<double, double>> changes;
    for (const auto& [block, life] : lives) {
      if (life.bytes == 0) continue;
      changes.emplace_back(life.out ? life.computes : life.moves, life.bytes);
      changes.emplace_back(life.out ? life.moved : life.computed, -life.bytes);
    }
    REQUIRE(changes.size() == 2 * 2 * 2 * 12);  // begin and end, out and in, two microbatches
    std::sort(changes.begin(), changes.end());
    double live = 0, most = 0;
    for (const auto& [time, bytes] : changes) most = std::max(most, live += bytes);
    const WaferMemory& memory = ran.step->context.plan.memory;
    INFO("most " << most << " of " << memory.spilling);
    CHECK(most <= memory.spilling * (1 + 1e-9));
    CHECK(most >= memory.spilling / 2);  // and it overlaps
    CHECK(memory.saved == 0);
    CHECK(ran.execution.makespan_s >= out_bytes / 1e9);
    // Out while forward, in while backward: the second microbatch's way out cannot begin before.
    if (!recompute) CHECK(ran.execution.makespan_s >= 1.8 * out_bytes / 1e9);
  }
}

TEST_CASE("buffers wait for those before them") {
  CHECK(buffer_before({1, 1, 1, 1}, 3, 2) == 1);
  CHECK(buffer_before({1, 1, 1, 1}, 3, 4) == -1);
  CHECK(buffer_before({1, 0, 1}, 2, 1) == 0);  // 0 is not in the window
  CHECK(buffer_before({1, 1, 9}, 2, 3) == 1);  // larger than the window: alone
}

TEST_CASE("every model that comes with it runs on a wafer, in uneven microbatches too") {
  const SearchPath search{{MOESIM_SOURCE_DIR}};
  for (const std::string& name : list_presets(SectionKind::workload, search)) {
    Plan plan = full();
    plan.attention_tiles = 2;
    const Ran ran = run(load_workload(name, {}, search), cs2_systems(), plan, {7, 2, 512});
    INFO(name);
    CHECK(ran.step->context.plan.microbatches == std::vector<int>{4, 3});
    CHECK(ran.bytes("memoryx.out") > 1.3 * ran.bytes("memoryx.in"));
    CHECK(ran.execution.makespan_s >= ran.bytes("memoryx.out") / 150e9);
  }
}

TEST_CASE("zeros are neither streamed nor multiplied, nor updated unless they have gradients") {
  for (const ModelShape& model : {dense_model(3), moe_model(3)}) {
    double masked = 0, dense = 0;  // weights of layers
    for (int layer = 0; layer < model.layers; ++layer) {
      const LayerParameters parts = layer_parameters(model, layer);
      dense += parts.norms + parts.router;
      masked += parts.total() - parts.norms - parts.router;
    }
    Plan plan = full();
    const Batch batch{2, 2, 1024};
    const Ran all = run(model, cs2_systems(), plan, batch);
    plan.weight_sparsity = 0.875;
    const Ran sparse = run(model, cs2_systems(), plan, batch);
    // An eighth, each with an index as large as itself: a quarter of the bytes. Twice down, once
    // up.
    CHECK(all.bytes("memoryx.out") - sparse.bytes("memoryx.out") == Approx(2 * 2 * 0.75 * masked));
    CHECK(all.bytes("memoryx.in") - sparse.bytes("memoryx.in") == Approx(2 * 0.75 * masked));
    CHECK(sparse.execution.makespan_s < all.execution.makespan_s);
    plan.sparse_gradients = false;
    const Ran dense_up = run(model, cs2_systems(), plan, batch);
    CHECK(dense_up.bytes("memoryx.in") == all.bytes("memoryx.in"));
    CHECK(dense_up.bytes("memoryx.out") == sparse.bytes("memoryx.out"));
    CHECK(dense_up.execution.makespan_s >= sparse.execution.makespan_s);
    // Below half, zeros are sent as they are: an index would take more.
    plan = full();
    plan.weight_sparsity = 0.25;
    CHECK(run(model, cs2_systems(), plan, batch).bytes("memoryx.out") == all.bytes("memoryx.out"));
    CHECK(dense > 0);
  }
}

TEST_CASE("products shrink with the weights that are not zero, and gradients with their mask") {
  const ModelShape model = dense_model(2);
  WaferStepInput input{model, cs2_systems(), full(), {}, {4, 4, 1024}, 1};
  const auto product_s = [](const WaferContext& context, bool weight_gradients) {
    double seconds = 0;
    const WaferBlock block = layer_backward_block(context, 0, 4);
    for (const WaferCompute& compute : block.computes)
      for (const Kernels* kernels : {&compute.again, &compute.kernels})
        for (const Kernel& kernel : *kernels)
          if (kernel.kind == KernelKind::gemm &&
              (kernel.pass == Pass::backward_weight) == weight_gradients)
            seconds += wafer_kernel_seconds(context.system.wafer, kernel);
    return seconds;
  };
  const WaferContext all(input);
  const double data_s = product_s(all, false), weights_s = product_s(all, true);
  input.plan.weight_sparsity = 0.9;
  const WaferContext sparse(input);
  CHECK(product_s(sparse, false) == Approx(0.1 * data_s));
  CHECK(product_s(sparse, true) == Approx(0.1 * weights_s));
  input.plan.sparse_gradients = false;
  const WaferContext dense_up(input);
  CHECK(product_s(dense_up, false) == Approx(0.1 * data_s));
  CHECK(product_s(dense_up, true) == Approx(weights_s));
}

// All simulated: every wafer with its own tokens. One simulated stands for the slowest of all.
TEST_CASE("one wafer that stands for the slowest of 16 takes as long as 16 that are simulated") {
  RoutingSpec routing;
  routing.kind = RoutingKind::uniform;
  for (const double faster : {1.0, 100.0}) {  // bound by I/O and by compute
    WaferSystem system = cs2_systems(16);
    system.wafer.grid_rows = 16;  // some 8 tokens of an expert a core
    system.step_latency_s = 0;
    system.wafer.io_bytes_per_s *= faster;
    system.memoryx.egress_bytes_per_s *= faster;
    system.memoryx.ingress_bytes_per_s *= faster;
    system.memoryx.update_bytes_per_s *= faster;
    system.swarmx.level_bytes_per_s[0] *= faster;
    const auto seconds = [&](int simulated, RoutingSpec with) {
      Plan plan = full();
      plan.simulated_replicas = simulated;
      return run(moe_model(6, 16, 2), system, plan, {16 * 2, 2, 512}, with).execution.makespan_s;
    };
    const double all = seconds(0, routing), balanced = seconds(1, {});
    INFO("all " << all << " balanced " << balanced << " one " << seconds(1, routing));
    CHECK(seconds(1, routing) == Approx(all).epsilon(0.01));
    CHECK(seconds(4, routing) == Approx(all).epsilon(0.01));
    if (faster > 1) CHECK(all > 1.005 * balanced);
  }
}
