#include "lower/step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "lower/block_emitter.hpp"
#include "lower/data_parallel.hpp"
#include "lower/expert_shuffle.hpp"
#include "plan/schedule.hpp"

namespace moesim {

namespace {

BlockKind kind_of(std::span<const LaneWork> lanes) {
  if (lanes.size() > 1) return BlockKind::overlapped;
  if (lanes[0].op.forward()) return BlockKind::forward;
  return lanes[0].op.kind == OpKind::backward_weight ? BlockKind::weight_gradient
                                                     : BlockKind::backward;
}

class StepLowering {
 public:
  explicit StepLowering(LoweredStep& step)
      : step_(step), context_(step.context), program_(step.program) {}

  void run() {
    const int stages = context_.plan.pp;
    program_.simulated_ranks = static_cast<uint32_t>(context_.fabric.ranks.size());
    schedule_ = make_schedule(context_.plan, context_.mapping.microbatches);
    if (context_.model.experts > 0 && context_.plan.ep > 1 &&
        rearranges_experts(step_.input.routing))
      shuffle_ = std::make_unique<ExpertShuffle>(context_, step_.input.seed);
    for (int cell = 0; cell < context_.mapping.simulated_cells; ++cell) {
      blocks_.clear();
      last_.assign(stages, {});
      first_uses_.assign(stages, {});
      for (int stage = 0; stage < stages; ++stage) add_stage(stage, cell);
      for (int stage = 0; stage < stages; ++stage) {
        if (gathers_ahead(context_.plan)) add_gathers(stage, cell);
        if (shuffle_) add_shuffle(stage, cell);
      }
      connect_pipeline();
      gradients_reduced(cell);
    }
    for (int cell = 0; cell < context_.mapping.simulated_cells; ++cell) add_optimizers(cell);
    step_.work =
        std::make_unique<RoutedWork>(context_, program_, std::move(draws_), step_.input.seed);
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
  void add_gathers(int stage, int cell);
  void add_shuffle(int stage, int cell);
  BlockId add_stage_block(int stage, int cell, BlockKind kind, TemplateBuilder&& builder);
  uint32_t block_template(int stage, int cell, std::span<const LaneWork> lanes);
  std::string lane_key(const LaneWork& lane) const;
  std::string place_key(int stage, int cell, int peer) const;
  const ChunkContent& chunk_of(const LaneWork& lane) const {
    return context_.chunk(lane.stage, lane.op.chunk);
  }
  uint32_t keep(TemplateBuilder&& builder);

  LoweredStep& step_;
  const StepContext& context_;
  Program& program_;
  std::vector<StageOps> schedule_;
  std::vector<TemplateDraws> draws_;
  std::map<std::string, uint32_t> templates_;
  struct Placed {
    BlockId block = 0;
    BlockPort entry = kFirstLane;
  };
  std::map<OpKey, Placed> blocks_;
  struct FirstUse {
    int chunk = 0;
    BlockId block = 0;
  };
  // Per stage, in the order of the schedule: the first forward of each chunk.
  std::vector<std::vector<FirstUse>> first_uses_;
  std::unique_ptr<ExpertShuffle> shuffle_;  // when experts move in this step
  // Per stage of the cell: the blocks that the optimizer waits for.
  std::vector<std::vector<BlockId>> last_;
  BlockId gradients_reduced_ = 0;  // a join of those of all cells
};

// Says where ranks are, relative to the first one: templates are shared only between equal
// surroundings.
std::string StepLowering::place_key(int stage, int cell, int peer) const {
  const Mapping& mapping = context_.mapping;
  const Fabric& fabric = context_.fabric;
  const int first = simulated_rank(mapping, stage, cell, 0);
  std::string key;
  for (int local = 0; local < mapping.cell; ++local) {
    const RankPlace& place = fabric.ranks[first + local];
    key += fmt::format(
        "{}.{}.{}", place.node - fabric.ranks[first].node, place.gpu,
        place.node / fabric.nodes_per_leaf - fabric.ranks[first].node / fabric.nodes_per_leaf);
    if (peer < 0) continue;
    const int to = simulated_rank(mapping, peer, cell, local);
    key += fmt::format("{}{}", fabric.same_node(first + local, to) ? "n" : "f",
                       fabric.latency_s(first + local, to));
    key += ' ';
  }
  return key;
}

uint32_t StepLowering::keep(TemplateBuilder&& builder) {
  draws_.emplace_back();
  program_.templates.push_back(builder.freeze(draws_.back()));
  return static_cast<uint32_t>(program_.templates.size() - 1);
}

// The result of an operation goes to the stage that holds the next slice of the model, forward, or
// the slice before, backward. "First" and "last" are those of the chunk on this stage.
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

// Everything that the tasks of a lane depend on, apart from where its ranks are.
std::string StepLowering::lane_key(const LaneWork& lane) const {
  const ChunkContent& chunk = chunk_of(lane);
  std::string key = fmt::format("{}{}{} peer{} {}{}", "FBDW"[static_cast<int>(lane.op.kind)],
                                lane.first ? "first" : "", lane.last ? "last" : "",
                                lane.peer < 0 ? 99 : lane.peer - lane.stage,
                                chunk.embedding ? "E" : "", chunk.loss ? "L" : "");
  if (lane.first || lane.last) {
    const auto size = [&](DpUse use) {
      return bucket_size(context_, lane.stage, lane.op.chunk, use);
    };
    key += fmt::format(" buckets{:g},{:g} ", size(DpUse::reduce), size(DpUse::gather));
  }
  for (int layer : chunk.layers) key += layer_class(context_.model, layer) + ",";
  return key;
}

uint32_t StepLowering::block_template(int stage, int cell, std::span<const LaneWork> lanes) {
  std::string key, name;
  for (const LaneWork& lane : lanes) {
    key += lane_key(lane) + place_key(stage, cell, lane.peer) + "/";
    static constexpr const char* kNames[] = {"forward", "backward", "backward data",
                                             "weight gradients"};
    name += fmt::format("{}{} chunk {}", name.empty() ? "" : " with ",
                        kNames[static_cast<int>(lane.op.kind)], slice(stage, lane.op.chunk));
  }
  const auto found = templates_.find(key);
  if (found != templates_.end()) return found->second;

  TemplateBuilder builder(program_, context_.cost, name, context_.mapping.cell);
  const int first_rank = simulated_rank(context_.mapping, stage, cell, 0);
  BlockEmitter(context_, builder, first_rank, lanes).emit();
  const uint32_t id = keep(std::move(builder));
  templates_.emplace(key, id);
  return id;
}

// Adds a block of a stage beside those of its schedule, with a template of its own.
BlockId StepLowering::add_stage_block(int stage, int cell, BlockKind kind,
                                      TemplateBuilder&& builder) {
  Block block;
  block.graph = keep(std::move(builder));
  block.first_rank = simulated_rank(context_.mapping, stage, cell, 0);
  block.kind = kind;
  block.stage = static_cast<uint16_t>(stage);
  block.replica = static_cast<uint16_t>(cell);
  return program_.add_block(std::move(block));
}

// Nothing can be computed on an expert before it has arrived: all first forwards wait for the whole
// stage.
void StepLowering::add_shuffle(int stage, int cell) {
  std::vector<int> layers;
  for (const FirstUse& use : first_uses_[stage]) {
    const std::vector<int>& more = context_.chunk(stage, use.chunk).layers;
    layers.insert(layers.end(), more.begin(), more.end());
  }
  TemplateBuilder builder(program_, context_.cost, fmt::format("expert shuffle {}", stage),
                          context_.mapping.cell);
  shuffle_->emit(builder, simulated_rank(context_.mapping, stage, cell, 0), layers);
  const BlockId id = add_stage_block(stage, cell, BlockKind::prologue, std::move(builder));
  for (const FirstUse& use : first_uses_[stage]) program_.connect(id, 0, use.block, kFirstLane);
}

// Parameters are gathered one bucket after the other from the step's beginning, in the order in
// which forwards need them.
void StepLowering::add_gathers(int stage, int cell) {
  TemplateBuilder builder(program_, context_.cost, fmt::format("parameter gather {}", stage),
                          context_.mapping.cell);
  struct Link {
    BlockPort from_port;
    BlockId to;
    BlockPort to_port;
  };
  std::vector<Link> links;
  for (const FirstUse& use : first_uses_[stage]) {
    const std::vector<RankParameters> buckets = gathered_before_layers(context_, stage, use.chunk);
    for (int layer = 0; layer < static_cast<int>(buckets.size()); ++layer) {
      if (buckets[layer].empty()) continue;
      const auto tasks = gather_parameters(context_, builder, buckets[layer], layer, false);
      const auto port = static_cast<BlockPort>(links.size());
      builder.exit(port, tasks, false);
      links.push_back({port, use.block, static_cast<BlockPort>(kGathered + layer)});
    }
  }
  const BlockId id = add_stage_block(stage, cell, BlockKind::prologue, std::move(builder));
  for (const Link& link : links) program_.connect(id, link.from_port, link.to, link.to_port);
}

BlockId StepLowering::add_block(int stage, int cell, std::span<const LaneWork> lanes) {
  Block block;
  block.graph = block_template(stage, cell, lanes);
  block.first_rank = simulated_rank(context_.mapping, stage, cell, 0);
  block.stage = static_cast<uint16_t>(stage);
  block.replica = static_cast<uint16_t>(cell);
  const auto first_layer = [this](const LaneWork& lane) {
    const ChunkContent& chunk = chunk_of(lane);
    return static_cast<uint16_t>(chunk.layers.empty() ? 0 : chunk.layers[0]);
  };
  block.kind = kind_of(lanes);
  block.chunk = static_cast<uint16_t>(lanes[0].op.chunk);
  block.microbatch = lanes[0].op.microbatch;
  block.first_layer = first_layer(lanes[0]);
  if (lanes.size() > 1) {
    block.other_chunk = static_cast<uint16_t>(lanes[1].op.chunk);
    block.other_microbatch = lanes[1].op.microbatch;
    block.other_first_layer = first_layer(lanes[1]);
  }
  return program_.add_block(std::move(block));
}

// Blocks of a stage follow each other in the order of the schedule: the device runs one at a time,
// and two operations that overlap are one block of two lanes.
void StepLowering::add_stage(int stage, int cell) {
  const StageOps& ops = schedule_[stage];
  std::optional<BlockId> before;
  for (size_t i = 0; i < ops.size(); ++i) {
    std::vector<LaneWork> lanes{lane_work(stage, i)};
    if (ops[i].overlaps_next && context_.plan.overlap_blocks)
      lanes.push_back(lane_work(stage, ++i));
    const BlockId id = add_block(stage, cell, lanes);
    for (BlockPort entry = 0; entry < lanes.size(); ++entry) {
      const LaneWork& lane = lanes[entry];
      if (before) program_.connect(*before, kDone, id, entry);
      if (lane.op.kind != OpKind::backward_weight)
        blocks_[{lane.op.forward(), slice(stage, lane.op.chunk), lane.op.microbatch}] = {id, entry};
      if (lane.first) first_uses_[stage].push_back({lane.op.chunk, id});
      if (lane.last) last_[stage].push_back(id);
    }
    before = id;
  }
}

// Connects each block with the one that continues its microbatch on the next slice of the model.
void StepLowering::connect_pipeline() {
  for (const auto& [key, placed] : blocks_) {
    const auto [forward, own, microbatch] = key;
    const int next = forward ? own + 1 : own - 1;
    if (next < 0 || next >= context_.pipeline.slices) continue;
    const Placed& to = blocks_.at({forward, next, microbatch});
    program_.connect(placed.block, forward ? kSentForward : kSentBackward, to.block, to.entry);
  }
}

// Reduction needs all replicas, clipping the gradient norm of the whole model: every optimizer
// waits for all stages of all cells, rank by rank at the same position.
void StepLowering::gradients_reduced(int cell) {
  if (cell == 0) {
    TemplateBuilder builder(program_, context_.cost, "gradients reduced", context_.mapping.cell);
    builder.exit(kDone);
    Block block;
    block.graph = keep(std::move(builder));
    gradients_reduced_ = program_.add_block(std::move(block));
  }
  for (const std::vector<BlockId>& stage : last_)
    for (const BlockId before : stage)
      program_.connect(before, kReduced, gradients_reduced_, kFirstLane);
}

void StepLowering::add_optimizers(int cell) {
  for (int stage = 0; stage < context_.plan.pp; ++stage) {
    TemplateBuilder builder(program_, context_.cost, fmt::format("optimizer {}", stage),
                            context_.mapping.cell);
    emit_optimizer(context_, builder, stage);
    const BlockId id = add_stage_block(stage, cell, BlockKind::optimizer, std::move(builder));
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
