#include "lower/block_emitter.hpp"

#include <algorithm>

#include "lower/collectives.hpp"

namespace moesim {

namespace {
WeightGradients weight_gradients_of(const Plan& plan, const LaneWork& lane) {
  if (lane.op.kind == OpKind::backward_data) return WeightGradients::elsewhere;
  return plan.delays_weight_gradients() ? WeightGradients::beside_communication
                                        : WeightGradients::with_data;
}

}  // namespace

int gathers_per_port(const StepContext& context, int stage) {
  int entries = 0;
  for (int chunk = 0; chunk < context.pipeline.chunks; ++chunk)
    entries += std::max<int>(1, static_cast<int>(context.chunk(stage, chunk).layers.size()));
  return (entries + kGatherPorts - 1) / kGatherPorts;
}

bool any_gathered(const std::vector<RankParameters>& buckets, int first, int count) {
  const auto begin = buckets.begin() + first;
  const auto end =
      static_cast<size_t>(first) + count < buckets.size() ? begin + count : buckets.end();
  return std::any_of(begin, end, [](const RankParameters& bucket) { return !bucket.empty(); });
}

// Parameters of a chunk layer by layer, and how far their collectives have come.
struct BlockEmitter::GradientBuckets {
  std::vector<RankParameters> layers;
  BucketFill fill;
  std::vector<RankParameters> gathered;  // bytes, of ZeRO-3
  std::vector<TaskId> ahead, reduced;
};

BlockEmitter::BlockEmitter(const StepContext& context, TemplateBuilder& builder, int first_rank,
                           std::span<const LaneWork> lanes)
    : context_(context),
      builder_(builder),
      first_rank_(first_rank),
      lanes_(lanes),
      emitter_(context, builder, first_rank, weight_gradients_of(context.plan, lanes.back()),
               lanes.size() > 1) {}

void BlockEmitter::emit() {
  if (lanes_.size() == 1) {
    emit_all(steps(lanes_[0]));
    builder_.exit(kDone);
  } else {
    emit_overlapped(builder_, steps(lanes_[0]), steps(lanes_[1]), context_.cost.piece_s());
    if (sends_at_end()) {
      builder_.join_lanes();
      for (int lane = 0; lane < 2; ++lane) {
        builder_.use_lane(lane);
        send_now(lanes_[lane]);
      }
    }
    builder_.exit_all_lanes(kDone);
  }
}

EmitSteps BlockEmitter::steps(const LaneWork& lane) {
  if (lane.op.forward()) return forward_steps(lane);
  return lane.op.kind == OpKind::backward_weight ? weight_steps(lane) : backward_steps(lane);
}

// DualPipe's implementation (deepseek-ai/DualPipe, dualpipe.py) exchanges the messages of both
// directions between one block and the next; other overlapped schedules send each half as soon as
// it is done.
bool BlockEmitter::sends_at_end() const {
  return lanes_.size() > 1 && traits(context_.plan.schedule).dual;
}

void BlockEmitter::send(const LaneWork& lane) {
  if (!sends_at_end()) send_now(lane);
}

void BlockEmitter::send_now(const LaneWork& lane) {
  if (lane.peer < 0) return;
  const int port = lane.op.forward() ? kSentForward : kSentBackward;
  const int shift =
      (lane.peer - lane.stage) * context_.mapping.simulated_cells * context_.mapping.cell;
  if (shift == 0) return builder_.exit(port);  // the next chunk is on the same stage
  const auto sent =
      builder_.background(Stream::pp, lane.op.forward() ? "send activations" : "send gradients", 0,
                          lane.op.forward() ? Phase::forward : Phase::backward, [&](int rank) {
                            return point_to_point(context_.fabric, context_.pod, first_rank_, rank,
                                                  rank + shift, context_.activation_bytes);
                          });
  builder_.exit(port, sent, false);
}

// The first microbatch's forward waits, layer by layer, for the parameters that the last step's
// optimizer updated, or gathers them itself; with ZeRO-3 every forward gathers them. Gathers run
// one bucket ahead of their use (without overlap_param_gather when it is due).
EmitSteps BlockEmitter::forward_steps(const LaneWork& lane) {
  const ChunkContent& chunk = chunk_of(lane);
  const bool ahead_of_step = lane.first && gathers_ahead(context_.plan);
  const bool gathers =
      context_.plan.zero_stage == 3 || (lane.first && gathers_at_first_use(context_.plan));
  const auto buckets = std::make_shared<const std::vector<RankParameters>>(
      gathered_before_layers(context_, lane.stage, lane.op.chunk));
  const auto ahead = std::make_shared<std::vector<TaskId>>();
  const int per_port = gathers_per_port(context_, lane.stage);
  const auto wait_for_gathered = [=, this](int layer) {
    if (ahead_of_step && layer % per_port == 0 && any_gathered(*buckets, layer, per_port))
      builder_.wait_for(builder_.entry(kGathered + layer / per_port));
  };
  EmitSteps steps;
  const bool early = context_.plan.overlap_param_gather;
  steps.push_back({[=, this] {
    if (gathers) *ahead = gather(buckets->front(), 0, !early);
    if (gathers && chunk.layers.empty()) await_gathered(*ahead);
    if (chunk.layers.empty()) wait_for_gathered(0);
    if (chunk.layers.empty() && chunk.embedding) emitter_.embedding(Phase::forward);
  }});
  for (size_t i = 0; i < chunk.layers.size(); ++i) {
    const int local = static_cast<int>(i);
    steps.push_back({[=, this] {
      if (gathers && !(*buckets)[i].empty()) {
        if (!early && i > 0) *ahead = gather((*buckets)[i], local, true);
        await_gathered(*ahead);
        const auto begin = buckets->begin() + local + 1;
        const auto next =
            std::find_if(begin, buckets->end(), [](const RankParameters& b) { return !b.empty(); });
        if (early && next != buckets->end())
          *ahead = gather(*next, static_cast<int>(next - buckets->begin()), true);
      }
      wait_for_gathered(local);
      if (i == 0 && chunk.embedding) emitter_.embedding(Phase::forward);
    }});
    const EmitSteps layer = emitter_.forward(chunk.layers[i], local);
    steps.insert(steps.end(), layer.begin(), layer.end());
  }
  steps.push_back({[=, this] {
    if (chunk.loss) emitter_.loss(static_cast<int>(chunk.layers.size()), Phase::forward);
    send(lane);
  }});
  return steps;
}

// Without overlap no compute runs beside a transfer, not even of the other microbatch in the block.
std::vector<TaskId> BlockEmitter::gather(const RankParameters& bytes, int local, bool after_front) {
  if (!context_.plan.overlap_param_gather) builder_.follow_compute();
  return gather_parameters(context_, builder_, bytes, local, after_front);
}

void BlockEmitter::await_gathered(const std::vector<TaskId>& gathers) {
  if (context_.plan.overlap_param_gather)
    builder_.wait_for(gathers);
  else
    builder_.stop_for(gathers);
}

std::shared_ptr<BlockEmitter::GradientBuckets> BlockEmitter::gradient_buckets(
    const LaneWork& lane) const {
  const int stage = lane.stage, chunk = lane.op.chunk;
  return std::make_shared<GradientBuckets>(
      GradientBuckets{parameters_by_layer(context_, chunk_of(lane)),
                      BucketFill(bucket_size(context_, stage, chunk, DpUse::reduce)),
                      gathered_before_layers(context_, stage, chunk),
                      {},
                      {}});
}

void BlockEmitter::layer_done(const LaneWork& lane, GradientBuckets& buckets, int local) {
  const Plan& plan = context_.plan;
  const bool reduce = lane.op.gives_weight_gradients() &&
                      (plan.zero_stage == 3 || (lane.last && plan.overlap_grad_reduce));
  if (!reduce) return;
  const RankParameters full = buckets.fill.add(buckets.layers[local], local == 0);
  if (full.empty()) return;
  emitter_.flush_weight_gradients();
  if (!plan.overlap_grad_reduce) builder_.follow_compute();
  buckets.reduced = reduce_gradients(context_, builder_, full, local);
  if (!plan.overlap_grad_reduce) builder_.stop_for(buckets.reduced);
}

EmitSteps BlockEmitter::backward_steps(const LaneWork& lane) {
  const ChunkContent& chunk = chunk_of(lane);
  const int count = static_cast<int>(chunk.layers.size());
  const auto buckets = gradient_buckets(lane);
  const bool gathers = context_.plan.zero_stage == 3, early = context_.plan.overlap_param_gather;
  EmitSteps steps;
  steps.push_back({[=, this] {
    const int last_layer = std::max(0, count - 1);
    if (gathers) buckets->ahead = gather(buckets->gathered.back(), last_layer, !early);
    if (gathers) await_gathered(buckets->ahead);  // the last bucket holds the logits too
    if (chunk.loss) emitter_.loss(count, Phase::backward);
  }});
  for (int i = count - 1; i >= 0; --i) {
    steps.push_back({[=, this] {
      if (!gathers) return;
      if (!early && i < count - 1) buckets->ahead = gather(buckets->gathered[i], i, true);
      await_gathered(buckets->ahead);
      if (early && i > 0) buckets->ahead = gather(buckets->gathered[i - 1], i - 1, true);
    }});
    const EmitSteps layer = emitter_.backward(chunk.layers[i], i);
    steps.insert(steps.end(), layer.begin(), layer.end());
    steps.push_back({[=, this] {
      if (i == 0) send(lane);  // before any weight gradient that has been put off
      if (i == 0 && chunk.embedding) emitter_.embedding(Phase::backward);
      layer_done(lane, *buckets, i);
    }});
  }
  steps.push_back({[=, this] {
    if (count == 0) {
      send(lane);
      if (chunk.embedding) emitter_.embedding(Phase::backward);
      layer_done(lane, *buckets, 0);
    }
    emitter_.flush_weight_gradients();
    builder_.exit(kReduced, buckets->reduced);
  }});
  return steps;
}

EmitSteps BlockEmitter::weight_steps(const LaneWork& lane) {
  return {{[=, this] {
    const ChunkContent& chunk = chunk_of(lane);
    const int count = static_cast<int>(chunk.layers.size());
    const auto buckets = gradient_buckets(lane);
    if (chunk.loss) emitter_.loss(count, Phase::weight_gradient);
    for (int i = count - 1; i >= 0; --i) {
      emitter_.weight_gradients(chunk.layers[i], i);
      if (i == 0 && chunk.embedding) emitter_.embedding(Phase::weight_gradient);
      layer_done(lane, *buckets, i);
    }
    if (count == 0) {
      if (chunk.embedding) emitter_.embedding(Phase::weight_gradient);
      layer_done(lane, *buckets, 0);
    }
    builder_.exit(kReduced, buckets->reduced);
  }}};
}

}  // namespace moesim
