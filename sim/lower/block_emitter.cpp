#include "lower/block_emitter.hpp"

#include <algorithm>
#include <utility>

#include "lower/collectives.hpp"

namespace moesim {

namespace {

WeightGradients weight_gradients_of(const Plan& plan, const LaneWork& lane) {
  if (lane.op.kind == OpKind::backward_data) return WeightGradients::elsewhere;
  return plan.delays_weight_gradients() ? WeightGradients::beside_communication
                                        : WeightGradients::with_data;
}

}  // namespace

// Parameters of a chunk layer by layer, and the reduction that began last.
struct BlockEmitter::GradientBuckets {
  std::vector<RankParameters> layers;
  BucketFill fill;
  std::vector<TaskId> reduced;

  GradientBuckets(const StepContext& context, const LaneWork& lane)
      : layers(parameters_by_layer(context, context.chunk(lane.stage, lane.op.chunk))),
        fill(bucket_size(context, lane.stage, lane.op.chunk, DpUse::reduce)) {}
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
    emission(lanes_[0]).finish();
    return builder_.exit(kDone);
  }
  emit_overlapped(emission(lanes_[0]), emission(lanes_[1]));
  if (sends_at_end()) {
    builder_.join_lanes();
    for (int lane = 0; lane < 2; ++lane) {
      builder_.use_lane(lane);
      send_now(lanes_[lane]);
    }
  }
  builder_.exit_all_lanes(kDone);
}

Emission BlockEmitter::emission(LaneWork lane) {
  if (lane.op.forward()) return forward(lane);
  return lane.op.kind == OpKind::backward_weight ? weight_gradients(lane) : backward(lane);
}

// The two lanes in turn, the backward first, changing over at every cut. Each turn costs the host.
void BlockEmitter::emit_overlapped(Emission forward, Emission backward) {
  Emission* lanes[2] = {&forward, &backward};
  for (int lane = 1; !forward.done() || !backward.done(); lane = 1 - lane) {
    builder_.use_lane(lane);
    builder_.busy_host(context_.cost.piece_s());
    if (!lanes[lane]->done()) lanes[lane]->resume();
  }
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
  const bool forward = lane.op.forward();
  const BlockPort port = forward ? kSentForward : kSentBackward;
  const int shift =
      (lane.peer - lane.stage) * context_.mapping.simulated_cells * context_.mapping.cell;
  if (shift == 0) return builder_.exit(port);  // the next chunk is on the same stage
  const Communication what = forward
                                 ? Communication{Stream::pp, "send activations", 0, Phase::forward}
                                 : Communication{Stream::pp, "send gradients", 0, Phase::backward};
  const auto sent = builder_.background(what, [&](int rank) {
    return point_to_point(context_.fabric, context_.pod, first_rank_, rank, rank + shift,
                          context_.activation_bytes);
  });
  builder_.exit(port, sent, false);
}

// The first microbatch's forward waits, layer by layer, for the parameters that the last step's
// optimizer updated, or gathers them itself; with ZeRO-3 every forward gathers them, unless they
// stay whole from the first one on. Gathers run one bucket ahead of their use (without
// overlap_param_gather when it is due).
Emission BlockEmitter::forward(LaneWork lane) {
  const Plan& plan = context_.plan;
  const ChunkContent& chunk = chunk_of(lane);
  const int count = static_cast<int>(chunk.layers.size());
  const bool waits = lane.first && gathers_ahead(plan);
  const bool shards = plan.zero_stage == 3 && (lane.first || !plan.memory.keeps_gathered);
  const bool gathers = shards || (lane.first && gathers_at_first_use(plan));
  const bool early = plan.overlap_param_gather;
  // Bytes that begin a bucket at this layer; a chunk without layers has one entry.
  const auto buckets = gathered_before_layers(context_, lane.stage, lane.op.chunk);
  const auto wait_for_gathered = [&](int layer) {
    if (waits && !buckets[layer].empty())
      builder_.wait_for(builder_.entry(static_cast<BlockPort>(kGathered + layer)));
  };

  std::vector<TaskId> ahead;
  if (gathers) ahead = gather(buckets.front(), 0, !early);
  if (count == 0) {
    if (gathers) await_gathered(ahead);
    wait_for_gathered(0);
    if (chunk.embedding) emitter_.embedding(Phase::forward);
  }
  for (int i = 0; i < count; ++i) {
    if (gathers && !buckets[i].empty()) {
      if (!early && i > 0) ahead = gather(buckets[i], i, true);
      await_gathered(ahead);
      int next = i + 1;
      while (next < count && buckets[next].empty()) ++next;
      if (early && next < count) ahead = gather(buckets[next], next, true);
    }
    wait_for_gathered(i);
    if (i == 0 && chunk.embedding) emitter_.embedding(Phase::forward);
    co_await emitter_.forward(chunk.layers[i], i);
  }
  if (chunk.loss) emitter_.loss(count, Phase::forward);
  send(lane);
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

// Reduces the bucket that the layer's gradients fill, if they do. Those that were put off belong to
// it and come first.
void BlockEmitter::layer_done(const LaneWork& lane, GradientBuckets& buckets, int local) {
  const Plan& plan = context_.plan;
  const bool last = lane.last && (plan.overlap_grad_reduce || plan.zero_stage == 3);
  const bool reduce = lane.op.gives_weight_gradients() && (plan.reduces_every_microbatch() || last);
  if (!reduce) return;
  const RankParameters full = buckets.fill.add(buckets.layers[local], local == 0);
  if (full.empty()) return;
  emitter_.flush_weight_gradients();
  if (!plan.overlap_grad_reduce) builder_.follow_compute();
  buckets.reduced = reduce_gradients(context_, builder_, full, local);
  if (!plan.overlap_grad_reduce) builder_.stop_for(buckets.reduced);
}

// With ZeRO-3 the parameters of each layer are gathered again, one layer ahead, unless the forward
// has left them whole; the last layer's bucket holds the logits, too, or the loss goes on without
// waiting for it. The gradient message leaves before any weight gradient that has been put off.
Emission BlockEmitter::backward(LaneWork lane) {
  const ChunkContent& chunk = chunk_of(lane);
  const int count = static_cast<int>(chunk.layers.size());
  GradientBuckets buckets(context_, lane);
  const Plan& plan = context_.plan;
  auto gathered = gathered_before_layers(context_, lane.stage, lane.op.chunk);
  const bool gathers =
      plan.zero_stage == 3 && plan.reshard_after_forward && !plan.memory.keeps_gathered;
  const bool early = plan.overlap_param_gather, root = chunk.loss && plan.root_stays_gathered;
  if (root)
    gathered.back().dense -=
        rank_output_parameters(context_).dense * std::max(2.0, plan.gather_bytes);
  std::vector<TaskId> ahead;
  if (gathers && !gathered.back().empty())
    ahead = gather(gathered.back(), std::max(0, count - 1), !early);
  if (!root && !ahead.empty()) await_gathered(ahead);
  if (chunk.loss) emitter_.loss(count, Phase::backward);
  for (int i = count - 1; i >= 0; --i) {
    if (gathers) {
      if (!early && i < count - 1) ahead = gather(gathered[i], i, true);
      if (!ahead.empty()) await_gathered(ahead);
      if (early && i > 0) ahead = gather(gathered[i - 1], i - 1, true);
    }
    co_await emitter_.backward(chunk.layers[i], i);
    if (i > 0) layer_done(lane, buckets, i);
  }
  send(lane);
  if (chunk.embedding) emitter_.embedding(Phase::backward);
  layer_done(lane, buckets, 0);
  emitter_.flush_weight_gradients();
  builder_.exit(kReduced, buckets.reduced);
}

Emission BlockEmitter::weight_gradients(LaneWork lane) {
  const ChunkContent& chunk = chunk_of(lane);
  const int count = static_cast<int>(chunk.layers.size());
  GradientBuckets buckets(context_, lane);
  if (chunk.loss) emitter_.loss(count, Phase::weight_gradient);
  for (int i = count - 1; i >= 0; --i) {
    emitter_.weight_gradients(chunk.layers[i], i);
    if (i > 0) layer_done(lane, buckets, i);
  }
  if (chunk.embedding) emitter_.embedding(Phase::weight_gradient);
  layer_done(lane, buckets, 0);
  builder_.exit(kReduced, buckets.reduced);
  co_return;
}

}  // namespace moesim
