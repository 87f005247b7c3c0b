#include "lower/step.hpp"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "lower/collectives.hpp"
#include "lower/data_parallel.hpp"
#include "lower/layer_emitter.hpp"
#include "plan/schedule.hpp"

namespace moesim {

namespace {

// Exits of a block: compute is past it; its pipeline message has arrived; its gradients are reduced.
enum Exit : uint8_t { kDone, kSent, kReduced };

struct BlockKind {
  bool forward = true;
  bool first = false;  // first microbatch of the step: parameters are still being gathered
  bool last = false;   // last microbatch: gradients are complete and can be reduced
};

class StepLowering {
 public:
  explicit StepLowering(LoweredStep& step) : step_(step), context_(step.context), program_(step.program) {}

  void run() {
    const int stages = context_.plan.pp;
    program_.simulated_ranks = static_cast<uint32_t>(context_.fabric.ranks.size());
    schedule_ = make_schedule(context_.plan, context_.mapping.microbatches);
    for (int cell = 0; cell < context_.mapping.simulated_cells; ++cell) {
      blocks_.clear();
      last_.assign(stages, {});
      for (int stage = 0; stage < stages; ++stage) add_stage(stage, cell);
      connect_pipeline();
      add_optimizers(cell);
    }
    step_.work = std::make_unique<RoutedWork>(context_, std::move(slots_), step_.input.seed);
  }

 private:
  using OpKey = std::tuple<bool, int, int>;  // forward, virtual stage, microbatch

  int virtual_stage(int stage, int chunk) const { return chunk * context_.plan.pp + stage; }
  int virtual_stages() const { return context_.plan.pp * context_.plan.vpp; }

  void add_stage(int stage, int cell);
  BlockId add_block(int stage, int cell, const PipelineOp& op, const BlockKind& kind);
  void connect_pipeline();
  void add_optimizers(int cell);
  uint32_t block_template(int stage, int chunk, int cell, const BlockKind& kind);
  std::string place_key(int stage, int cell, int peer) const;
  TaskGraph build(const std::string& name, int stage, int chunk, int first_rank, const BlockKind& kind, int peer);
  void emit_forward(TemplateBuilder& builder, LayerEmitter& emitter, const ChunkContent& chunk, const BlockKind& kind);
  void emit_backward(TemplateBuilder& builder, LayerEmitter& emitter, const ChunkContent& chunk, const BlockKind& kind);
  void send(TemplateBuilder& builder, int first_rank, int shift, bool forward);
  uint32_t keep(TemplateBuilder&& builder);

  LoweredStep& step_;
  const StepContext& context_;
  Program& program_;
  std::vector<StageOps> schedule_;
  std::vector<TemplateSlots> slots_;
  std::map<std::string, uint32_t> templates_;
  std::map<OpKey, BlockId> blocks_;
  std::vector<std::vector<BlockId>> last_;  // per stage: blocks that the optimizer waits for
};

// Where ranks are, relative to the first one: templates are shared only between equal surroundings.
std::string StepLowering::place_key(int stage, int cell, int peer) const {
  const Mapping& mapping = context_.mapping;
  const Fabric& fabric = context_.fabric;
  const int first = simulated_rank(mapping, stage, cell, 0);
  std::string key;
  for (int local = 0; local < mapping.cell; ++local) {
    const RankPlace& place = fabric.ranks[first + local];
    key += fmt::format("{}.{}", place.node - fabric.ranks[first].node, place.gpu);
    if (peer >= 0) key += fabric.same_node(first + local, simulated_rank(mapping, peer, cell, local)) ? "n" : "f";
    key += ' ';
  }
  return key;
}

uint32_t StepLowering::keep(TemplateBuilder&& builder) {
  slots_.emplace_back();
  program_.templates.push_back(builder.freeze(slots_.back()));
  return static_cast<uint32_t>(program_.templates.size() - 1);
}

uint32_t StepLowering::block_template(int stage, int chunk_index, int cell, const BlockKind& kind) {
  const int pp = context_.plan.pp, own = virtual_stage(stage, chunk_index);
  const int next = kind.forward ? own + 1 : own - 1;
  const int peer = next < 0 || next >= virtual_stages() ? -1 : next % pp;
  const ChunkContent& chunk = context_.chunk(stage, chunk_index);
  std::string key =
      fmt::format("{}{}{} peer{} {}{}", kind.forward ? 'F' : 'B', kind.first ? "first" : "", kind.last ? "last" : "",
                  peer < 0 ? 99 : peer - stage, chunk.embedding ? "E" : "", chunk.loss ? "L" : "");
  for (int layer : chunk.layers) key += layer_class(context_.model, layer) + ",";
  const std::string name = fmt::format("{} chunk {}", kind.forward ? "forward" : "backward", own);
  key += place_key(stage, cell, peer);
  const auto found = templates_.find(key);
  if (found != templates_.end()) return found->second;

  TemplateBuilder builder(program_, context_.cost, name, context_.mapping.cell);
  const int first_rank = simulated_rank(context_.mapping, stage, cell, 0);
  LayerEmitter emitter(context_, builder, first_rank);
  if (kind.forward)
    emit_forward(builder, emitter, chunk, kind);
  else
    emit_backward(builder, emitter, chunk, kind);
  if (peer >= 0)
    send(builder, first_rank, (peer - stage) * context_.mapping.simulated_cells * context_.mapping.cell, kind.forward);
  const uint32_t id = keep(std::move(builder));
  templates_.emplace(key, id);
  return id;
}

void StepLowering::send(TemplateBuilder& builder, int first_rank, int shift, bool forward) {
  if (shift == 0) return builder.exit(kSent);  // the next chunk is on the same stage
  const auto sent = builder.background(Stream::pp, forward ? "send activations" : "send gradients", 0,
                                       forward ? Phase::forward : Phase::backward, [&](int rank) {
                                         return point_to_point(context_.fabric, context_.pod, first_rank, rank,
                                                               rank + shift, context_.activation_bytes);
                                       });
  builder.exit(kSent, sent, false);
}

// The first microbatch's forward waits, layer by layer, for the parameters that the last step's optimizer updated; with
// ZeRO-3 every forward gathers them, one layer ahead of its use.
void StepLowering::emit_forward(TemplateBuilder& builder, LayerEmitter& emitter, const ChunkContent& chunk,
                                const BlockKind& kind) {
  const Plan& plan = context_.plan;
  const bool gather = plan.zero_stage == 3 || (plan.zero_stage == 1 && plan.overlap_param_gather && kind.first);
  const auto buckets = bucket_parameters(context_, chunk);
  std::vector<TaskId> ahead;
  if (gather) ahead = gather_parameters(context_, builder, buckets[0], 0, false);
  if (chunk.layers.empty() && gather) builder.wait_for(ahead);
  for (size_t i = 0; i < chunk.layers.size(); ++i) {
    const int local = static_cast<int>(i);
    if (gather) {
      builder.wait_for(ahead);
      // ZeRO-3 holds one gathered layer beyond the current one; ZeRO-1 gathers as fast as it can.
      if (i + 1 < buckets.size())
        ahead = gather_parameters(context_, builder, buckets[i + 1], local + 1, plan.zero_stage == 3);
    }
    if (i == 0 && chunk.embedding) emitter.embedding(Phase::forward);
    emitter.forward(chunk.layers[i], local);
  }
  if (chunk.layers.empty() && chunk.embedding) emitter.embedding(Phase::forward);
  if (chunk.loss) emitter.loss(static_cast<int>(chunk.layers.size()), Phase::forward);
  builder.exit(kDone);
}

void StepLowering::emit_backward(TemplateBuilder& builder, LayerEmitter& emitter, const ChunkContent& chunk,
                                 const BlockKind& kind) {
  const Plan& plan = context_.plan;
  const bool gather = plan.zero_stage == 3;
  const bool reduce = gather || (kind.last && plan.overlap_grad_reduce);
  const auto buckets = bucket_parameters(context_, chunk);
  const int count = static_cast<int>(chunk.layers.size());
  std::vector<TaskId> ahead, reduced;
  RankParameters pending;  // gradients that wait until their bucket is full
  const auto gradient_bytes = [&](const RankParameters& some) {
    return (some.dense + some.expert) * plan.gradient_bytes;
  };
  if (gather) ahead = gather_parameters(context_, builder, buckets.back(), std::max(0, count - 1), false);
  if (chunk.loss) emitter.loss(count, Phase::backward);
  for (int i = count - 1; i >= 0; --i) {
    if (gather) {
      builder.wait_for(ahead);
      if (i > 0) ahead = gather_parameters(context_, builder, buckets[i - 1], i - 1, true);
    }
    emitter.backward(chunk.layers[i], i);
    if (i == 0 && chunk.embedding) emitter.embedding(Phase::backward);
    pending += buckets[i];
    if (reduce && (i == 0 || gradient_bytes(pending) >= plan.dp_bucket_bytes))
      reduced = reduce_gradients(context_, builder, std::exchange(pending, {}), i);
  }
  if (count == 0 && chunk.embedding) emitter.embedding(Phase::backward);
  if (count == 0 && reduce) reduced = reduce_gradients(context_, builder, buckets[0], 0);
  builder.exit(kDone);
  builder.exit(kReduced, reduced);
}

BlockId StepLowering::add_block(int stage, int cell, const PipelineOp& op, const BlockKind& kind) {
  Block block;
  block.graph = block_template(stage, op.chunk, cell, kind);
  block.first_rank = static_cast<uint32_t>(simulated_rank(context_.mapping, stage, cell, 0));
  block.stage = static_cast<uint16_t>(stage);
  block.chunk = static_cast<uint16_t>(op.chunk);
  block.microbatch = static_cast<uint32_t>(op.microbatch);
  block.replica = static_cast<uint16_t>(cell);
  const ChunkContent& chunk = context_.chunk(stage, op.chunk);
  block.first_layer = static_cast<uint16_t>(chunk.layers.empty() ? 0 : chunk.layers[0]);
  return program_.add_block(std::move(block));
}

void StepLowering::add_stage(int stage, int cell) {
  const int last = context_.mapping.microbatches - 1;
  BlockId before = 0;
  bool any = false;
  for (const PipelineOp& op : schedule_[stage]) {
    const BlockKind kind{op.forward, op.forward && op.microbatch == 0, !op.forward && op.microbatch == last};
    const BlockId id = add_block(stage, cell, op, kind);
    if (any) program_.connect(before, kDone, id, 0);
    before = id;
    any = true;
    blocks_[{op.forward, virtual_stage(stage, op.chunk), op.microbatch}] = id;
    if (kind.last) last_[stage].push_back(id);
  }
}

void StepLowering::connect_pipeline() {
  for (const auto& [key, id] : blocks_) {
    const auto [forward, own, microbatch] = key;
    const int next = forward ? own + 1 : own - 1;
    if (next < 0 || next >= virtual_stages()) continue;
    program_.connect(id, kSent, blocks_.at({forward, next, microbatch}), 0);
  }
}

// Clipping needs the gradient norm of the whole model: every stage's optimizer waits for all stages.
void StepLowering::add_optimizers(int cell) {
  for (int stage = 0; stage < context_.plan.pp; ++stage) {
    TemplateBuilder builder(program_, context_.cost, fmt::format("optimizer {}", stage), context_.mapping.cell);
    emit_optimizer(context_, builder, stage);
    Block block;
    block.graph = keep(std::move(builder));
    block.first_rank = static_cast<uint32_t>(simulated_rank(context_.mapping, stage, cell, 0));
    block.stage = static_cast<uint16_t>(stage);
    block.replica = static_cast<uint16_t>(cell);
    const BlockId id = program_.add_block(std::move(block));
    for (int other = 0; other < context_.plan.pp; ++other)
      for (BlockId before : last_[other]) {
        program_.connect(before, kReduced, id, 0);
      }
  }
}

}  // namespace

std::unique_ptr<LoweredStep> lower_step(StepInput input) {
  auto step = std::make_unique<LoweredStep>(std::move(input));
  StepLowering(*step).run();
  return step;
}

}  // namespace moesim
