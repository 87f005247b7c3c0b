#include "plan/stage_memory.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace moesim {

namespace {

StateSharding state_sharding(const ModelShape& shape, const Plan& plan, const Mapping& mapping,
                             const Shard& shard) {
  StateSharding sharding;
  sharding.tp = plan.tp;
  sharding.ep = plan.ep;
  sharding.etp = plan.etp;
  const int copies = pipeline_shape(plan).copies();
  sharding.dp = mapping.dp * plan.cp * copies / plan.optimizer_instances;
  sharding.edp = mapping.edp * copies / plan.optimizer_instances;
  if (shape.experts > 0 && shard.local_experts > 0)
    sharding.slots_per_expert = static_cast<double>(shard.local_experts) * plan.ep / shape.experts;
  sharding.zero_stage = plan.zero_stage;
  sharding.gradient_bytes = plan.gradient_bytes;
  sharding.moment_bytes = plan.moment_bytes;
  sharding.moments = plan.moments;
  sharding.matrix_bytes = plan.memory.quantized_weight_bytes;
  if (plan.zero_stage == 3) sharding.parameter_bytes = plan.memory.sharded_parameter_bytes;
  return sharding;
}

// Holds what a chunk adds to the memory of its stage: for good, and per microbatch in flight.
// `forward` and `backward` are the fullest moments of its passes, beyond what is alive when they
// start.
struct ChunkNeed {
  StateBytes state;
  int layers = 1;
  double saved = 0;
  WorkMoment forward, backward;
  double layer_moment = 0;  // the fullest of any one layer, forward or backward
  std::map<std::string, HeldBytes> parts;

  void hold(const std::string& name, double bytes) {
    if (bytes <= 0) return;
    HeldBytes& part = parts[name];
    part.count = part.bytes > 0 ? part.count + 1 : 1;
    part.bytes += bytes;
    saved += bytes;
  }
};

class ChunkCounter {
 public:
  ChunkCounter(const ModelShape& shape, const Plan& plan, const Shard& shard,
               const StateSharding& sharding, double rows)
      : shape_(shape), plan_(plan), shard_(shard), sharding_(sharding), rows_(rows) {}

  ChunkNeed count(const ChunkContent& chunk) {
    ChunkNeed need;
    need.layers = std::max(1, static_cast<int>(chunk.layers.size()));
    const OutputMemory output = output_memory(shape_, shard_);
    std::vector<WorkMoment> backward;  // by layer, beyond what all of the chunk have saved
    int position = 0;
    for (const int layer : chunk.layers) {
      const double before = need.saved;
      if (layer >= shape_.layers) add_prediction(need, output);
      const RecomputePolicy policy = plan_.recompute_policy(position++);
      add_layer(need, layer, policy, backward);
      // Layers behind this one have freed what they saved when its backward runs.
      for (size_t i = 0; i + 1 < backward.size(); ++i) backward[i].bytes -= need.saved - before;
    }
    if (chunk.embedding) need.state += embedding_state_bytes(shape_, sharding_);
    if (chunk.loss) {
      need.state += output_state_bytes(shape_, sharding_);
      need.hold("logits", output.saved);
      for (WorkMoment& moment : backward) moment.bytes -= output.saved;
      raise(need.forward, output.forward.op, need.saved + output.forward.bytes);
      // The loss is over when the gradient of the logits' weights comes.
      const double logits = static_cast<double>(shape_.vocab) * shape_.hidden / plan_.tp;
      raise(need.backward, output.backward.op, output.backward.bytes);
      raise(need.backward, "logits", output.projection.bytes + whole_gradients(logits));
    }
    for (const WorkMoment& moment : backward) raise(need.backward, moment.op, moment.bytes);
    return need;
  }

 private:
  static void raise(WorkMoment& most, const char* op, double bytes) {
    if (bytes > most.bytes || !*most.op) most = {op, bytes};
  }

  // Counts multi-token prediction: its logits are alive beside the main ones.
  void add_prediction(ChunkNeed& need, const OutputMemory& output) {
    need.hold("multi-token prediction", mtp_projection_activation_bytes(shape_, shard_));
    need.hold("logits", output.saved);
  }

  // Counts for ZeRO 3 what is at work in a backward pass.
  double whole_gradients(double parameters) const {
    return plan_.zero_stage == 3 ? plan_.memory.reduced_gradient_bytes * parameters : 0;
  }

  void add_layer(ChunkNeed& need, int layer, const RecomputePolicy& policy,
                 std::vector<WorkMoment>& backward) {
    need.state += layer_state_bytes(shape_, layer, sharding_);
    const ActivationBytes saved = layer_activations(shape_, layer, shard_, policy, rows_);
    for (const ActivationPart& part : activation_parts()) need.hold(part.name, saved.*part.bytes);
    LayerWork work = layer_work(shape_, layer, shard_, policy, rows_);
    work.backward.bytes += whole_gradients(layer_rank_parameters(shape_, layer, sharding_));
    raise(need.forward, work.forward.op, need.saved + work.forward.bytes);
    backward.push_back(work.backward);
    need.layer_moment = std::max({need.layer_moment, work.forward.bytes, work.backward.bytes});
  }

  const ModelShape& shape_;
  const Plan& plan_;
  const Shard& shard_;
  const StateSharding& sharding_;
  double rows_;
};

// Holds, for ZeRO 3, parameters of one rank: of all layers, of the largest, of embedding and
// logits.
void add_sharding_buffers(const Plan& plan, double whole, double largest, double ends,
                          int microbatches, std::vector<HeldBytes>& buffers) {
  const FrameworkMemory& framework = plan.memory;
  const double gathered = framework.keeps_gathered || !plan.reshard_after_forward
                              ? whole
                              : std::min(whole, framework.gathered_layers * largest);
  buffers.push_back({"gathered weights", plan.gather_bytes * (gathered + ends)});
  if (framework.sums_whole_gradients && microbatches > 1)
    buffers.push_back({"summed gradients", 2 * (whole + ends)});
}

// Tied logits and multi-token prediction need the embedding where they are: a copy of it, unless
// the stage has it anyway.
bool needs_embedding_copy(const ModelShape& shape, const std::vector<ChunkContent>& chunks) {
  bool has = false, needs = false;
  for (const ChunkContent& chunk : chunks) {
    has = has || chunk.embedding;
    needs = needs || (chunk.loss && shape.tied_embeddings);
    for (const int layer : chunk.layers) needs = needs || layer >= shape.layers;
  }
  return needs && !has;
}

// One rank's buffers for the whole step.
std::vector<HeldBytes> framework_buffers(const ModelShape& shape, const Plan& plan,
                                         const Shard& shard, const StateSharding& sharding,
                                         const std::vector<ChunkContent>& chunks,
                                         int microbatches) {
  std::vector<HeldBytes> buffers;
  std::vector<int> layers;
  double largest = 0, whole = 0, ends = 0;
  for (const ChunkContent& chunk : chunks) {
    layers.insert(layers.end(), chunk.layers.begin(), chunk.layers.end());
    const double vocabulary = static_cast<double>(shape.vocab) * shape.hidden / plan.tp;
    ends += (chunk.embedding ? vocabulary : 0) + (chunk.loss ? vocabulary : 0);
  }
  for (const int layer : layers) {
    const double parameters = layer_rank_parameters(shape, layer, sharding);
    largest = std::max(largest, parameters);
    whole += parameters;
  }
  buffers.push_back({"unread weight gradients", gradient_buffer_bytes(shape, layers, shard)});
  if (plan.zero_stage == 3) add_sharding_buffers(plan, whole, largest, ends, microbatches, buffers);
  std::erase_if(buffers, [](const HeldBytes& buffer) { return buffer.bytes <= 0; });
  return buffers;
}

// Plays a stage's list of operations.
class SchedulePlayer {
 public:
  SchedulePlayer(const std::vector<ChunkNeed>& chunks, bool overlap_blocks, StageMemoryNeed& need)
      : chunks_(chunks),
        overlap_blocks_(overlap_blocks),
        need_(need),
        alive_(chunks.size()),
        alive_at_peak_(chunks.size()) {}

  void play(const StageOps& ops) {
    for (size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].overlaps_next && overlap_blocks_ && i + 1 < ops.size()) {
        overlap(ops[i], ops[i + 1]);
        ++i;
      } else if (ops[i].forward()) {
        reach(ops[i], live_, chunks_[ops[i].chunk].forward);
        begin(ops[i]);
      } else {
        reach(ops[i], live_, chunks_[ops[i].chunk].backward);
        // A forward's activations are held until its weight gradients are done.
        if (ops[i].gives_weight_gradients()) end(ops[i]);
      }
    }
  }

  const std::vector<int>& alive_at_peak() const { return alive_at_peak_; }

 private:
  void begin(const PipelineOp& op) {
    live_ += chunks_[op.chunk].saved;
    ++alive_[op.chunk];
  }
  void end(const PipelineOp& op) {
    live_ -= chunks_[op.chunk].saved;
    --alive_[op.chunk];
  }

  void reach(const PipelineOp& op, double saved, const WorkMoment& moment) {
    const double bytes = saved + moment.bytes;
    need_.operations.push_back({op, saved, bytes});
    if (bytes <= need_.activations_bytes) return;
    need_.activations_bytes = bytes;
    need_.op = op;
    need_.moment = moment.op;
    alive_at_peak_ = alive_;
  }

  // A forward fills layer by layer what the backward beside it gives back: one layer is held twice,
  // and one of each is at work.
  void overlap(const PipelineOp& first, const PipelineOp& second) {
    const PipelineOp& forward = first.forward() ? first : second;
    const PipelineOp& backward = first.forward() ? second : first;
    const ChunkNeed& filling = chunks_[forward.chunk];
    const ChunkNeed& freeing = chunks_[backward.chunk];
    WorkMoment moment = freeing.backward;
    moment.bytes += filling.saved / filling.layers;
    reach(backward, live_, moment);
    begin(forward);
    if (backward.gives_weight_gradients()) end(backward);
  }

  const std::vector<ChunkNeed>& chunks_;
  const bool overlap_blocks_;
  StageMemoryNeed& need_;
  std::vector<int> alive_, alive_at_peak_;
  double live_ = 0;
};

// The parts of a stage's memory at its fullest moment, largest first.
std::vector<HeldBytes> held_at_peak(const StageMemoryNeed& need,
                                    const std::vector<ChunkNeed>& chunks,
                                    const std::vector<int>& alive,
                                    const std::vector<HeldBytes>& buffers) {
  std::vector<HeldBytes> held{{"parameters", need.state.parameters},
                              {"gradients", need.state.gradients},
                              {"optimizer", need.state.optimizer}};
  held.insert(held.end(), buffers.begin(), buffers.end());
  std::map<std::string, HeldBytes> saved;
  double saved_bytes = 0;
  for (size_t chunk = 0; chunk < chunks.size(); ++chunk)
    for (const auto& [name, part] : chunks[chunk].parts) {
      if (alive[chunk] <= 0) continue;
      HeldBytes& sum = saved[name];
      sum.count = (sum.bytes > 0 ? sum.count : 0) + part.count * alive[chunk];
      sum.bytes += part.bytes * alive[chunk];
      sum.name = name;
      saved_bytes += part.bytes * alive[chunk];
    }
  for (auto& [name, part] : saved) held.push_back(std::move(part));
  held.push_back({"at work: " + need.moment, need.activations_bytes - saved_bytes});
  std::erase_if(held, [](const HeldBytes& part) { return part.bytes <= 0; });
  std::stable_sort(held.begin(), held.end(),
                   [](const HeldBytes& a, const HeldBytes& b) { return a.bytes > b.bytes; });
  return held;
}

}  // namespace

std::vector<StageMemoryNeed> stage_memory(const ModelShape& shape, const Plan& plan,
                                          const Mapping& mapping, const Shard& shard,
                                          const std::vector<ChunkContent>& chunks,
                                          std::span<const double> overload) {
  const StateSharding sharding = state_sharding(shape, plan, mapping, shard);
  const PipelineShape pipeline = pipeline_shape(plan);
  const auto schedule = make_schedule(plan, mapping.microbatches);
  std::vector<StageMemoryNeed> stages;
  for (int stage = 0; stage < plan.pp; ++stage) {
    const double rows = shard.local_tokens() * shape.top_k * plan.etp * overload[stage];
    ChunkCounter counter(shape, plan, shard, sharding, rows);
    std::vector<ChunkNeed> needs;
    std::vector<ChunkContent> contents;
    StageMemoryNeed& result = stages.emplace_back();
    for (int index = 0; index < pipeline.chunks; ++index) {
      contents.push_back(chunks[pipeline.slice({stage, index})]);
      needs.push_back(counter.count(contents.back()));
      result.state += needs.back().state;
    }
    if (needs_embedding_copy(shape, contents))
      result.state += embedding_state_bytes(shape, sharding);
    const auto buffers =
        framework_buffers(shape, plan, shard, sharding, contents, mapping.microbatches);
    for (const HeldBytes& buffer : buffers) result.buffers_bytes += buffer.bytes;
    SchedulePlayer player(needs, plan.overlap_blocks, result);
    player.play(schedule[stage]);
    result.held = held_at_peak(result, needs, player.alive_at_peak(), buffers);
  }
  return stages;
}

}  // namespace moesim
