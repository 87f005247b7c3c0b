#include "lower/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "lower/collectives.hpp"
#include "lower/data_parallel.hpp"
#include "lower/layer_emitter.hpp"
#include "plan/schedule.hpp"

namespace moesim {

namespace {

// Exits of a block: compute is past it; its pipeline message has arrived; its gradients are reduced.
enum Exit : uint8_t { kDone, kSentForward, kReduced, kSentBackward };
// Entries: the forward lane and, in blocks that overlap two microbatches, the backward lane.
enum Entry : uint8_t { kFirstLane, kSecondLane };

// What a block does on one of its lanes.
struct LaneWork {
  PipelineOp op;
  int stage = 0;
  bool first = false;  // first forward of the chunk in this step: parameters are still being gathered
  bool last = false;   // its last weight gradients: they are complete and can be reduced
  int peer = -1;       // stage that gets the result; -1: nobody
};

BlockKind kind_of(std::span<const LaneWork> lanes) {
  if (lanes.size() > 1) return BlockKind::overlapped;
  if (lanes[0].op.forward()) return BlockKind::forward;
  return lanes[0].op.kind == OpKind::backward_weight ? BlockKind::weight_gradient : BlockKind::backward;
}

// Parameters of a chunk layer by layer, and how far their collectives have come.
struct GradientBuckets {
  std::vector<RankParameters> layers;
  std::vector<TaskId> ahead, reduced;
  RankParameters pending;  // gradients that wait until their bucket is full
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
      gradients_reduced(cell);
    }
    for (int cell = 0; cell < context_.mapping.simulated_cells; ++cell) add_optimizers(cell);
    step_.work = std::make_unique<RoutedWork>(context_, std::move(slots_), step_.input.seed);
  }

 private:
  using OpKey = std::tuple<bool, int, int>;  // forward, slice, microbatch

  int slice(int stage, int chunk) const { return context_.pipeline.slice({stage, chunk}); }

  void add_stage(int stage, int cell);
  LaneWork lane_work(int stage, size_t index) const;
  BlockId add_block(int stage, int cell, std::span<const LaneWork> lanes);
  void connect_pipeline();
  void gradients_reduced(int cell);
  void add_optimizers(int cell);
  uint32_t block_template(int stage, int cell, std::span<const LaneWork> lanes);
  std::string lane_key(const LaneWork& lane) const;
  std::string place_key(int stage, int cell, int peer) const;
  const ChunkContent& chunk_of(const LaneWork& lane) const { return context_.chunk(lane.stage, lane.op.chunk); }
  EmitSteps forward_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane, int first_rank);
  EmitSteps backward_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane, int first_rank);
  EmitSteps weight_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane);
  void layer_done(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane, GradientBuckets& buckets,
                  int local);
  WeightGradients weight_gradients_of(const LaneWork& lane) const;
  void send(TemplateBuilder& builder, const LaneWork& lane, int first_rank);
  uint32_t keep(TemplateBuilder&& builder);

  LoweredStep& step_;
  const StepContext& context_;
  Program& program_;
  std::vector<StageOps> schedule_;
  std::vector<TemplateSlots> slots_;
  std::map<std::string, uint32_t> templates_;
  struct Placed {
    BlockId block = 0;
    uint8_t entry = kFirstLane;
  };
  std::map<OpKey, Placed> blocks_;
  std::vector<std::vector<BlockId>> last_;  // per stage of the cell: blocks that the optimizer waits for
  BlockId gradients_reduced_ = 0;           // a join of those of all cells
};

// Where ranks are, relative to the first one: templates are shared only between equal surroundings.
std::string StepLowering::place_key(int stage, int cell, int peer) const {
  const Mapping& mapping = context_.mapping;
  const Fabric& fabric = context_.fabric;
  const int first = simulated_rank(mapping, stage, cell, 0);
  std::string key;
  for (int local = 0; local < mapping.cell; ++local) {
    const RankPlace& place = fabric.ranks[first + local];
    key += fmt::format("{}.{}.{}", place.node - fabric.ranks[first].node, place.gpu,
                       place.node / fabric.nodes_per_leaf - fabric.ranks[first].node / fabric.nodes_per_leaf);
    if (peer < 0) continue;
    const int to = simulated_rank(mapping, peer, cell, local);
    key += fmt::format("{}{}", fabric.same_node(first + local, to) ? "n" : "f", fabric.latency_s(first + local, to));
    key += ' ';
  }
  return key;
}

uint32_t StepLowering::keep(TemplateBuilder&& builder) {
  slots_.emplace_back();
  program_.templates.push_back(builder.freeze(slots_.back()));
  return static_cast<uint32_t>(program_.templates.size() - 1);
}

LaneWork StepLowering::lane_work(int stage, size_t index) const {
  const StageOps& ops = schedule_[stage];
  const PipelineOp& op = ops[index];
  LaneWork lane{op, stage};
  const auto same = [&op](const PipelineOp& other) {
    return other.chunk == op.chunk && other.forward() == op.forward() &&
           other.gives_weight_gradients() == op.gives_weight_gradients();
  };
  const auto at = ops.begin() + static_cast<std::ptrdiff_t>(index);
  lane.first = op.forward() && std::none_of(ops.begin(), at, same);
  lane.last = op.gives_weight_gradients() && std::none_of(at + 1, ops.end(), same);
  const int own = slice(stage, op.chunk), next = op.forward() ? own + 1 : own - 1;
  if (op.kind != OpKind::backward_weight && next >= 0 && next < context_.pipeline.slices)
    lane.peer = context_.pipeline.seat(next, context_.pipeline.way_of_chunk(op.chunk)).stage;
  return lane;
}

WeightGradients StepLowering::weight_gradients_of(const LaneWork& lane) const {
  if (lane.op.kind == OpKind::backward_data) return WeightGradients::elsewhere;
  return context_.plan.delays_weight_gradients() ? WeightGradients::beside_communication : WeightGradients::with_data;
}

std::string StepLowering::lane_key(const LaneWork& lane) const {
  const ChunkContent& chunk = chunk_of(lane);
  std::string key = fmt::format("{}{}{} peer{} {}{}", "FBDW"[static_cast<int>(lane.op.kind)], lane.first ? "first" : "",
                                lane.last ? "last" : "", lane.peer < 0 ? 99 : lane.peer - lane.stage,
                                chunk.embedding ? "E" : "", chunk.loss ? "L" : "");
  for (int layer : chunk.layers) key += layer_class(context_.model, layer) + ",";
  return key;
}

uint32_t StepLowering::block_template(int stage, int cell, std::span<const LaneWork> lanes) {
  std::string key, name;
  for (const LaneWork& lane : lanes) {
    key += lane_key(lane) + place_key(stage, cell, lane.peer) + "/";
    static constexpr const char* kNames[] = {"forward", "backward", "backward data", "weight gradients"};
    name += fmt::format("{}{} chunk {}", name.empty() ? "" : " with ", kNames[static_cast<int>(lane.op.kind)],
                        slice(stage, lane.op.chunk));
  }
  const auto found = templates_.find(key);
  if (found != templates_.end()) return found->second;

  TemplateBuilder builder(program_, context_.cost, name, context_.mapping.cell);
  const int first_rank = simulated_rank(context_.mapping, stage, cell, 0);
  LayerEmitter emitter(context_, builder, first_rank, weight_gradients_of(lanes.back()));
  const auto steps = [&](const LaneWork& lane) {
    if (lane.op.forward()) return forward_steps(builder, emitter, lane, first_rank);
    if (lane.op.kind == OpKind::backward_weight) return weight_steps(builder, emitter, lane);
    return backward_steps(builder, emitter, lane, first_rank);
  };
  if (lanes.size() == 1) {
    emit_all(steps(lanes[0]));
    builder.exit(kDone);
  } else {
    emit_overlapped(builder, steps(lanes[0]), steps(lanes[1]));
    builder.exit_all_lanes(kDone);
  }
  const uint32_t id = keep(std::move(builder));
  templates_.emplace(key, id);
  return id;
}

void StepLowering::send(TemplateBuilder& builder, const LaneWork& lane, int first_rank) {
  if (lane.peer < 0) return;
  const int port = lane.op.forward() ? kSentForward : kSentBackward;
  const int shift = (lane.peer - lane.stage) * context_.mapping.simulated_cells * context_.mapping.cell;
  if (shift == 0) return builder.exit(port);  // the next chunk is on the same stage
  const auto sent = builder.background(Stream::pp, lane.op.forward() ? "send activations" : "send gradients", 0,
                                       lane.op.forward() ? Phase::forward : Phase::backward, [&](int rank) {
                                         return point_to_point(context_.fabric, context_.pod, first_rank, rank,
                                                               rank + shift, context_.activation_bytes);
                                       });
  builder.exit(port, sent, false);
}

// The first microbatch's forward waits, layer by layer, for the parameters that the last step's optimizer updated; with
// ZeRO-3 every forward gathers them, one layer ahead of its use.
EmitSteps StepLowering::forward_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane,
                                      int first_rank) {
  const Plan& plan = context_.plan;
  const ChunkContent& chunk = chunk_of(lane);
  const bool gather = plan.zero_stage == 3 || (plan.zero_stage == 1 && plan.overlap_param_gather && lane.first);
  const auto buckets = std::make_shared<const std::vector<RankParameters>>(bucket_parameters(context_, chunk));
  const auto ahead = std::make_shared<std::vector<TaskId>>();
  EmitSteps steps;
  steps.push_back({[=, this, &builder, &emitter] {
    if (gather) *ahead = gather_parameters(context_, builder, buckets->front(), 0, false);
    if (gather && chunk.layers.empty()) builder.wait_for(*ahead);
    if (chunk.layers.empty() && chunk.embedding) emitter.embedding(Phase::forward);
  }});
  for (size_t i = 0; i < chunk.layers.size(); ++i) {
    const int local = static_cast<int>(i);
    steps.push_back({[=, this, &builder, &emitter] {
      if (gather) builder.wait_for(*ahead);
      // ZeRO-3 holds one gathered layer beyond the current one; ZeRO-1 gathers as fast as it can.
      if (gather && i + 1 < buckets->size())
        *ahead = gather_parameters(context_, builder, (*buckets)[i + 1], local + 1, context_.plan.zero_stage == 3);
      if (i == 0 && chunk.embedding) emitter.embedding(Phase::forward);
    }});
    const EmitSteps layer = emitter.forward(chunk.layers[i], local);
    steps.insert(steps.end(), layer.begin(), layer.end());
  }
  steps.push_back({[=, this, &builder, &emitter] {
    if (chunk.loss) emitter.loss(static_cast<int>(chunk.layers.size()), Phase::forward);
    send(builder, lane, first_rank);
  }});
  return steps;
}

void StepLowering::layer_done(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane,
                              GradientBuckets& buckets, int local) {
  const Plan& plan = context_.plan;
  buckets.pending += buckets.layers[local];
  const bool reduce =
      lane.op.gives_weight_gradients() && (plan.zero_stage == 3 || (lane.last && plan.overlap_grad_reduce));
  const double bytes = (buckets.pending.dense + buckets.pending.expert) * plan.gradient_bytes;
  if (!reduce || (local > 0 && bytes < plan.dp_bucket_bytes)) return;
  emitter.flush_weight_gradients();
  buckets.reduced = reduce_gradients(context_, builder, std::exchange(buckets.pending, {}), local);
}

EmitSteps StepLowering::backward_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane,
                                       int first_rank) {
  const ChunkContent& chunk = chunk_of(lane);
  const int count = static_cast<int>(chunk.layers.size());
  const auto buckets = std::make_shared<GradientBuckets>(bucket_parameters(context_, chunk));
  const bool gather = context_.plan.zero_stage == 3;
  EmitSteps steps;
  steps.push_back({[=, this, &builder, &emitter] {
    const int last_layer = std::max(0, count - 1);
    if (gather) buckets->ahead = gather_parameters(context_, builder, buckets->layers.back(), last_layer, false);
    if (gather) builder.wait_for(buckets->ahead);  // the last bucket holds the logits too
    if (chunk.loss) emitter.loss(count, Phase::backward);
  }});
  for (int i = count - 1; i >= 0; --i) {
    steps.push_back({[=, this, &builder] {
      if (!gather) return;
      builder.wait_for(buckets->ahead);
      if (i > 0) buckets->ahead = gather_parameters(context_, builder, buckets->layers[i - 1], i - 1, true);
    }});
    const EmitSteps layer = emitter.backward(chunk.layers[i], i);
    steps.insert(steps.end(), layer.begin(), layer.end());
    steps.push_back({[=, this, &builder, &emitter] {
      if (i == 0 && chunk.embedding) emitter.embedding(Phase::backward);
      layer_done(builder, emitter, lane, *buckets, i);
    }});
  }
  steps.push_back({[=, this, &builder, &emitter] {
    if (count == 0) {
      if (chunk.embedding) emitter.embedding(Phase::backward);
      layer_done(builder, emitter, lane, *buckets, 0);
    }
    send(builder, lane, first_rank);
    emitter.flush_weight_gradients();
    builder.exit(kReduced, buckets->reduced);
  }});
  return steps;
}

EmitSteps StepLowering::weight_steps(TemplateBuilder& builder, LayerEmitter& emitter, const LaneWork& lane) {
  return {{[=, this, &builder, &emitter] {
    const ChunkContent& chunk = chunk_of(lane);
    const int count = static_cast<int>(chunk.layers.size());
    GradientBuckets buckets{bucket_parameters(context_, chunk)};
    if (chunk.loss) emitter.loss(count, Phase::weight_gradient);
    for (int i = count - 1; i >= 0; --i) {
      emitter.weight_gradients(chunk.layers[i], i);
      if (i == 0 && chunk.embedding) emitter.embedding(Phase::weight_gradient);
      layer_done(builder, emitter, lane, buckets, i);
    }
    if (count == 0) {
      if (chunk.embedding) emitter.embedding(Phase::weight_gradient);
      layer_done(builder, emitter, lane, buckets, 0);
    }
    builder.exit(kReduced, buckets.reduced);
  }}};
}

BlockId StepLowering::add_block(int stage, int cell, std::span<const LaneWork> lanes) {
  Block block;
  block.graph = block_template(stage, cell, lanes);
  block.first_rank = static_cast<uint32_t>(simulated_rank(context_.mapping, stage, cell, 0));
  block.stage = static_cast<uint16_t>(stage);
  block.replica = static_cast<uint16_t>(cell);
  const auto first_layer = [this](const LaneWork& lane) {
    const ChunkContent& chunk = chunk_of(lane);
    return static_cast<uint16_t>(chunk.layers.empty() ? 0 : chunk.layers[0]);
  };
  block.kind = kind_of(lanes);
  block.chunk = static_cast<uint16_t>(lanes[0].op.chunk);
  block.microbatch = static_cast<uint32_t>(lanes[0].op.microbatch);
  block.first_layer = first_layer(lanes[0]);
  if (lanes.size() > 1) {
    block.other_chunk = static_cast<uint16_t>(lanes[1].op.chunk);
    block.other_microbatch = static_cast<uint32_t>(lanes[1].op.microbatch);
    block.other_first_layer = first_layer(lanes[1]);
  }
  return program_.add_block(std::move(block));
}

void StepLowering::add_stage(int stage, int cell) {
  const StageOps& ops = schedule_[stage];
  std::optional<BlockId> before;
  for (size_t i = 0; i < ops.size(); ++i) {
    std::vector<LaneWork> lanes{lane_work(stage, i)};
    if (ops[i].overlaps_next && context_.plan.overlap_blocks) lanes.push_back(lane_work(stage, ++i));
    const BlockId id = add_block(stage, cell, lanes);
    for (uint8_t entry = 0; entry < lanes.size(); ++entry) {
      const LaneWork& lane = lanes[entry];
      if (before) program_.connect(*before, kDone, id, entry);
      if (lane.op.kind != OpKind::backward_weight)
        blocks_[{lane.op.forward(), slice(stage, lane.op.chunk), lane.op.microbatch}] = {id, entry};
      if (lane.last) last_[stage].push_back(id);
    }
    before = id;
  }
}

void StepLowering::connect_pipeline() {
  for (const auto& [key, placed] : blocks_) {
    const auto [forward, own, microbatch] = key;
    const int next = forward ? own + 1 : own - 1;
    if (next < 0 || next >= context_.pipeline.slices) continue;
    const Placed& to = blocks_.at({forward, next, microbatch});
    program_.connect(placed.block, forward ? kSentForward : kSentBackward, to.block, to.entry);
  }
}

// Reduction needs all replicas, clipping the gradient norm of the whole model: every optimizer waits for all stages of
// all cells, rank by rank at the same position.
void StepLowering::gradients_reduced(int cell) {
  if (cell == 0) {
    TemplateBuilder builder(program_, context_.cost, "gradients reduced", context_.mapping.cell);
    builder.exit(kDone);
    Block block;
    block.graph = keep(std::move(builder));
    gradients_reduced_ = program_.add_block(std::move(block));
  }
  for (const std::vector<BlockId>& stage : last_)
    for (const BlockId before : stage) program_.connect(before, kReduced, gradients_reduced_, kFirstLane);
}

void StepLowering::add_optimizers(int cell) {
  for (int stage = 0; stage < context_.plan.pp; ++stage) {
    TemplateBuilder builder(program_, context_.cost, fmt::format("optimizer {}", stage), context_.mapping.cell);
    emit_optimizer(context_, builder, stage);
    Block block;
    block.graph = keep(std::move(builder));
    block.first_rank = static_cast<uint32_t>(simulated_rank(context_.mapping, stage, cell, 0));
    block.kind = BlockKind::optimizer;
    block.stage = static_cast<uint16_t>(stage);
    block.replica = static_cast<uint16_t>(cell);
    const BlockId id = program_.add_block(std::move(block));
    program_.connect(gradients_reduced_, kDone, id, kFirstLane);
  }
}

}  // namespace

std::unique_ptr<LoweredStep> lower_step(StepInput input) {
  auto step = std::make_unique<LoweredStep>(std::move(input));
  StepLowering(*step).run();
  step->work->disturb(Disturbance(step->context, step->program));
  return step;
}

}  // namespace moesim
