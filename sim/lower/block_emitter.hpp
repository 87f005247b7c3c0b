// Lowers one block of the pipeline schedule into its template: the layers of a chunk forward,
// backward or weight gradients only, or the forward of one microbatch and the backward of another
// in two lanes; with the parameter gathers, gradient reductions and messages to other stages that
// belong to it.
#pragma once

#include <span>
#include <vector>

#include "lower/data_parallel.hpp"
#include "lower/layer_emitter.hpp"
#include "plan/schedule.hpp"

namespace moesim {

// Exits of a block: compute is past it; its pipeline message has arrived; its gradients are
// reduced.
enum Exit : BlockPort { kDone, kSentForward, kReduced, kSentBackward };
// Entries: the forward lane and, in blocks that overlap two microbatches, the backward lane; from
// kGathered on, the parameters of a chunk's layers, in its first forward of the step.
enum Entry : BlockPort { kFirstLane, kSecondLane, kGathered };

// The work of a block on one of its lanes.
struct LaneWork {
  PipelineOp op;
  int stage = 0;
  bool first = false;  // first forward of the chunk in this step: parameters may not be there yet
  bool last = false;   // its last weight gradients: they are complete and can be reduced
  int peer = -1;       // stage that gets the result; -1: nobody
};

class BlockEmitter {
 public:
  BlockEmitter(const StepContext& context, TemplateBuilder& builder, int first_rank,
               std::span<const LaneWork> lanes);
  void emit();

 private:
  struct GradientBuckets;

  const ChunkContent& chunk_of(const LaneWork& lane) const {
    return context_.chunk(lane.stage, lane.op.chunk);
  }
  Emission emission(LaneWork lane);
  Emission forward(LaneWork lane);
  Emission backward(LaneWork lane);
  Emission weight_gradients(LaneWork lane);
  void emit_overlapped(Emission forward, Emission backward);
  std::vector<TaskId> gather(const RankParameters& bytes, int local, bool after_front);
  void await_gathered(const std::vector<TaskId>& gathers);
  void layer_done(const LaneWork& lane, GradientBuckets& buckets, int local);
  bool sends_at_end() const;
  void send(const LaneWork& lane);
  void send_now(const LaneWork& lane);

  const StepContext& context_;
  TemplateBuilder& builder_;
  int first_rank_;
  std::span<const LaneWork> lanes_;
  LayerEmitter emitter_;
};

}  // namespace moesim
