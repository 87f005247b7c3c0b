#include "wafer/step.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>

namespace moesim {

namespace {

// Blocks follow each other in every chain: compute, streams, gradients, updates, copies to the
// host. Blocks of equal layers, sequences and direction share a template.
class WaferLowering {
 public:
  explicit WaferLowering(LoweredWaferStep& step)
      : step_(step), context_(step.context), program_(step.program) {}

  void run() {
    program_.simulated_ranks = context_.ranks();
    const int count = static_cast<int>(context_.plan.microbatches.size());
    for (int microbatch = 0; microbatch < count; ++microbatch)
      add_microbatch(microbatch, microbatch == count - 1);
    add_end();
    step_.work = std::make_unique<WaferWork>(context_, std::move(draws_), step_.input.seed);
  }

 private:
  // A stream or gradient that takes room in a buffer until the block says that it is used up.
  struct Buffer {
    BlockId block = 0;
    BlockPort port = 0;
    double bytes = 0;
  };

  struct Held {
    BlockId block = 0;
    std::vector<BlockPort> ports;
  };

  void add_microbatch(int microbatch, bool last) {
    const int sequences = context_.plan.microbatches[microbatch], layers = context_.layers();
    const auto add = [&](const std::string& kind, int layer, bool updates,
                         const std::function<WaferBlock()>& make) {
      return add_block(template_of(fmt::format("{} {} {}", kind, sequences, updates && last),
                                   updates && last, make),
                       microbatch, layer);
    };
    std::vector<BlockId> forward;
    add("embedding forward", 0, false, [&] { return embedding_block(context_, sequences, true); });
    for (int layer = 0; layer < layers; ++layer) {
      forward.push_back(add("forward " + layer_class(context_.model, layer), layer, false,
                            [&] { return layer_forward_block(context_, layer, sequences); }));
      // SRAM has room for what one layer saves while that of the layer before goes out
      // (wafer/memory.cpp).
      if (context_.plan.spill && layer >= 2)
        program_.connect(forward[layer - 2], kSaved, forward[layer], kSaved);
    }
    // A tied table has two gradients, at both ends of the backward pass, and one update, with the
    // second.
    add("loss", layers - 1, !context_.model.tied_embeddings,
        [&] { return loss_block(context_, sequences); });
    for (int layer = layers - 1; layer >= 0; --layer) {
      const BlockId id = add("backward " + layer_class(context_.model, layer), layer, true,
                             [&] { return layer_backward_block(context_, layer, sequences); });
      if (context_.plan.spill) program_.connect(forward[layer], kSaved, id, kSaved);
    }
    add("embedding backward", 0, true, [&] { return embedding_block(context_, sequences, false); });
  }

  const WaferTemplate& template_of(const std::string& key, bool update,
                                   const std::function<WaferBlock()>& make) {
    const auto found = templates_.find(key);
    if (found != templates_.end()) return found->second;
    return templates_
        .emplace(key, add_wafer_template(context_, program_, make(), update, draws_, step_.tasks))
        .first->second;
  }

  BlockId add_block(const WaferTemplate& made, int microbatch, int layer) {
    Block block;
    block.graph = made.graph;
    block.microbatch = static_cast<uint32_t>(microbatch);
    block.first_layer = static_cast<uint16_t>(layer);
    block.kind = made.gradient_bytes.empty() ? BlockKind::forward : BlockKind::backward;
    const BlockId id = program_.add_block(std::move(block));
    if (id > 0) {
      program_.connect(id - 1, kComputed, id, kComputed);
      program_.connect(id - 1, kStreamed, id, kStreamed);
    }
    // Saved activations are fetched while the layer before is at work.
    if (made.fetches) program_.connect(id - 2, kComputed, id, kSaved);
    if (made.spills || made.fetches) {
      if (copied_) program_.connect(*copied_, kCopied, id, kCopied);
      copied_ = id;
    }
    // Two sets of held weights: the next layer's come while this one's are in use.
    for (const size_t stream : made.held)
      if (held_.size() >= 2)
        for (const BlockPort port : held_[held_.size() - 2].ports)
          program_.connect(held_[held_.size() - 2].block, port, id, made.stream_port(stream));
    if (!made.held.empty()) {
      Held held{id, {}};
      for (const size_t stream : made.held) held.ports.push_back(made.stream_port(stream));
      held_.push_back(std::move(held));
    }
    wait_for_room(streams_, id, made.stream_bytes, context_.system.prefetch_bytes, kFirstRoom);
    if (made.gradient_bytes.empty()) return id;
    if (reduced_) {
      program_.connect(*reduced_, kReduced, id, kReduced);
      program_.connect(*reduced_, kUpdated, id, kUpdated);
    }
    reduced_ = id;
    wait_for_room(gradients_, id, made.gradient_bytes, context_.system.gradient_buffer_bytes,
                  made.gradient_port(0));
    return id;
  }

  // Buffers of this block wait for those of earlier blocks that must be gone; within the block the
  // template has it.
  void wait_for_room(std::vector<Buffer>& history, BlockId id, const std::vector<double>& bytes,
                     double window_bytes, BlockPort first_port) {
    const size_t before = history.size();
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == 0) continue;
      const auto port = static_cast<BlockPort>(first_port + i);
      if (buffer_before(bytes, static_cast<int>(i), window_bytes) < 0) {
        double sum = bytes[i];
        for (size_t j = before; j < history.size(); ++j) sum += history[j].bytes;
        for (size_t j = before; j-- > 0;) {
          sum += history[j].bytes;
          if (sum <= window_bytes) continue;
          program_.connect(history[j].block, history[j].port, id, port);
          break;
        }
      }
      history.push_back({id, port, bytes[i]});
    }
    // Far back nothing is in the window any more.
    if (history.size() > kKeptBuffers * 2)
      history.erase(history.begin(), history.end() - kKeptBuffers);
  }

  void add_end() {
    TaskGraphBuilder graph("end of step", context_.ranks());
    for (uint32_t rank = 0; rank < context_.ranks(); ++rank) {
      Task entry;
      entry.kind = TaskKind::entry;
      entry.rank = rank;
      const TaskId begin = graph.add(entry);
      if (rank != context_.fabric.memoryx_rank() || context_.system.step_latency_s <= 0) continue;
      Task wait;
      wait.kind = TaskKind::delay;
      wait.stream = Stream::optimizer;
      wait.phase = Phase::optimizer;
      wait.op = program_.op("step latency");
      wait.rank = rank;
      wait.seconds = context_.system.step_latency_s;
      graph.edge(begin, graph.add(wait));
    }
    program_.templates.push_back(std::move(graph).freeze());
    draws_.emplace_back();
    Block block;
    block.graph = static_cast<uint32_t>(program_.templates.size() - 1);
    block.microbatch = static_cast<uint32_t>(context_.plan.microbatches.size() - 1);
    block.kind = BlockKind::optimizer;
    const BlockId id = program_.add_block(std::move(block));
    program_.connect(*reduced_, kUpdated, id, 0);
  }

  static constexpr int kKeptBuffers = 10'000;

  LoweredWaferStep& step_;
  const WaferContext& context_;
  Program& program_;
  std::map<std::string, WaferTemplate> templates_;
  std::vector<WaferDraws> draws_;
  std::vector<Buffer> streams_, gradients_;
  std::vector<Held> held_;          // blocks with weights that are held
  std::optional<BlockId> reduced_;  // the last block with gradients
  std::optional<BlockId> copied_;   // the last block that saves to the host or fetches
};

}  // namespace

std::unique_ptr<LoweredWaferStep> lower_wafer_step(WaferStepInput input) {
  auto step = std::make_unique<LoweredWaferStep>(std::move(input));
  WaferLowering(*step).run();
  const FaultSpec& faults = step->input.faults;
  if (!faults.slows_some_devices() && faults.kernel_jitter == 0) return step;
  std::vector<double> slowness;
  for (const int wafer : step->context.chosen.wafers)
    slowness.push_back(1 / device_speed(faults, 1, wafer, step->input.seed));
  step->work->disturb({std::move(slowness), faults.kernel_jitter, step->program, step->input.seed});
  return step;
}

}  // namespace moesim
