// Lowers one block of the pipeline schedule into its template: the layers of a chunk forward,
// backward or weight gradients only, or the forward of one microbatch and the backward of another
// in two lanes; with the parameter gathers, gradient reductions and messages to other stages that
// belong to it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "lower/data_parallel.hpp"
#include "lower/layer_emitter.hpp"
#include "plan/schedule.hpp"

namespace moesim {

// Exits of a block: compute is past it; its pipeline message has arrived; its gradients are
// reduced.
enum Exit : uint8_t { kDone, kSentForward, kReduced, kSentBackward };
// Entries: the forward lane and, in blocks that overlap two microbatches, the backward lane; from
// kGathered on, the parameters of a chunk's layers, in its first forward of the step.
enum Entry : uint8_t { kFirstLane, kSecondLane, kGathered };
inline constexpr int kGatherPorts = 200;  // of one stage; with more layers several share a port

// What a block does on one of its lanes.
struct LaneWork {
  PipelineOp op;
  int stage = 0;
  bool first =
      false;  // first forward of the chunk in this step: parameters are still being gathered
  bool last = false;  // its last weight gradients: they are complete and can be reduced
  int peer = -1;      // stage that gets the result; -1: nobody
};

// Layers that share an entry at kGathered; the same for all chunks of a stage.
int gathers_per_port(const StepContext& context, int stage);
// Whether any bucket begins with one of so many layers.
bool any_gathered(const std::vector<RankParameters>& buckets, int first, int count);

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
  EmitSteps steps(const LaneWork& lane);
  EmitSteps forward_steps(const LaneWork& lane);
  EmitSteps backward_steps(const LaneWork& lane);
  EmitSteps weight_steps(const LaneWork& lane);
  std::vector<TaskId> gather(const RankParameters& bytes, int local, bool after_front);
  void await_gathered(const std::vector<TaskId>& gathers);
  std::shared_ptr<GradientBuckets> gradient_buckets(const LaneWork& lane) const;
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
