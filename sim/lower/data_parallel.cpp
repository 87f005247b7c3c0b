#include "lower/data_parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lower/collectives.hpp"

namespace moesim {

RankParameters rank_layer_parameters(const StepContext& context, int layer) {
  const Plan& plan = context.plan;
  RankParameters held =
      rank_parameters(layer_parameters(context.model, layer), plan.tp, plan.ep, plan.etp);
  held.expert *= context.slots_per_expert();
  if (layer >= context.model.layers) held.dense += mtp_extra_parameters(context.model) / plan.tp;
  return held;
}

RankParameters rank_embedding_parameters(const StepContext& context) {
  return {embedding_parameters(context.model) / context.plan.tp, 0};
}

RankParameters rank_output_parameters(const StepContext& context) {
  return {output_parameters(context.model) / context.plan.tp, 0};
}

std::vector<RankParameters> parameters_by_layer(const StepContext& context,
                                                const ChunkContent& chunk) {
  std::vector<RankParameters> layers;
  for (int layer : chunk.layers) layers.push_back(rank_layer_parameters(context, layer));
  if (layers.empty()) layers.emplace_back();
  if (chunk.embedding) layers.front() += rank_embedding_parameters(context);
  if (chunk.loss) layers.back() += rank_output_parameters(context);
  return layers;
}

// Megatron-Core's DistributedDataParallel: stages after the first and chunks after the first are
// not cut, since what they communicate is seldom waited for; the default size is 40 million
// parameters, or a million per replica. Chunks of an interleaved schedule leave whole
// (align_grad_reduce, its default), and aligned gathers begin with the last bucket.
double bucket_size(const StepContext& context, int stage, int chunk, DpUse use) {
  const Plan& plan = context.plan;
  const bool reduces = use == DpUse::reduce;
  const double stated = plan.dp_bucket_bytes / plan.gradient_bytes;
  if (plan.zero_stage == 3) return reduces ? stated : 0;
  if (plan.dp_buckets == DpBuckets::layer) return stated;
  const bool first = context.pipeline.slice({stage, chunk}) == 0;
  const bool in_time_with_others =
      reduces ? plan.vpp > 1 || !plan.overlap_grad_reduce : gathers_ahead(plan);
  if (!first || in_time_with_others) return std::numeric_limits<double>::infinity();
  return stated > 0 ? stated : std::max(40e6, 1e6 * context.mapping.dp * plan.cp);
}

namespace {

// Empties what has reached the size.
double take_if(bool full, double& pending) { return full ? std::exchange(pending, 0) : 0; }

// Puts each bucket at the layer that it begins with.
std::vector<RankParameters> buckets_by_first_layer(const std::vector<RankParameters>& layers,
                                                   BucketFill fill) {
  std::vector<RankParameters> buckets(layers.size());
  for (size_t i = layers.size(); i-- > 0;) buckets[i] = fill.add(layers[i], i == 0);
  return buckets;
}

}  // namespace

RankParameters BucketFill::add(const RankParameters& layer, bool first) {
  pending_ += layer;
  return {take_if(first || pending_.dense >= size_, pending_.dense),
          take_if(first || pending_.expert >= size_, pending_.expert)};
}

// Embedding and logits are gathered in bf16, whatever the layers' matrices are.
std::vector<RankParameters> gathered_before_layers(const StepContext& context, int stage,
                                                   int chunk) {
  const ChunkContent& content = context.chunk(stage, chunk);
  auto buckets =
      buckets_by_first_layer(parameters_by_layer(context, content),
                             BucketFill(bucket_size(context, stage, chunk, DpUse::gather)));
  const double width = context.plan.gather_bytes, wider = std::max(2.0, width) - width;
  for (RankParameters& bucket : buckets) bucket = {bucket.dense * width, bucket.expert * width};
  if (content.embedding) buckets.front().dense += rank_embedding_parameters(context).dense * wider;
  if (content.loss) {
    const auto last = std::find_if(buckets.rbegin(), buckets.rend(),
                                   [](const RankParameters& b) { return b.dense > 0; });
    last->dense += rank_output_parameters(context).dense * wider;
  }
  return buckets;
}

namespace {

// The replicas that shard a state among them, and those that hold equal shards.
SpreadGroup sharding_group(const SpreadGroup& replicas, int instances) {
  return {replicas.size / instances, replicas.stride};
}

SpreadGroup instance_group(const SpreadGroup& replicas, int instances) {
  return {instances, replicas.stride * (replicas.size / instances)};
}

// Dense and expert parts of a bucket go to different groups and start together. Compute beside them
// loses SMs.
Transfer bucket_transfer(const StepContext& context, CollectiveKind kind, int rank,
                         double dense_bytes, double expert_bytes, bool between_instances = false) {
  const Pod& pod = context.pod;
  const auto members = between_instances ? instance_group : sharding_group;
  const int instances = context.plan.optimizer_instances;
  const auto part = [&](const SpreadGroup& group, double bytes) {
    return collective(kind, CollectiveAlgorithm::automatic, FoldedGroup{pod, rank, group}, bytes);
  };
  Transfer transfer =
      part(members(attention_data_group(context.plan, context.mapping), instances), dense_bytes);
  const Transfer expert =
      part(members(expert_data_group(context.plan, context.mapping), instances), expert_bytes);
  for (const Flow& flow : expert.flows) {
    const auto same =
        std::find_if(transfer.flows.begin(), transfer.flows.end(), [&flow](const Flow& other) {
          return other.source == flow.source && other.target == flow.target;
        });
    if (same == transfer.flows.end())
      transfer.flows.push_back(flow);
    else
      same->bytes += flow.bytes;  // two flows would take two shares of a port that others use too
  }
  transfer.latency_s = std::max(transfer.latency_s, expert.latency_s);
  transfer.nic_rate = pod.dp_nic_efficiency;
  transfer.sm_share = context.dp_sm_share;
  return transfer;
}

CollectiveKind gradient_collective(const Plan& plan) {
  return plan.zero_stage == 0 ? CollectiveKind::all_reduce : CollectiveKind::reduce_scatter;
}

}  // namespace

std::vector<TaskId> reduce_gradients(const StepContext& context, TemplateBuilder& builder,
                                     const RankParameters& bucket, int local_layer) {
  const double width = context.plan.gradient_bytes;
  std::vector<TaskId> reduced = builder.background(
      {Stream::dp, "gradient reduce", local_layer, Phase::gradient_reduce}, [&](int rank) {
        return bucket_transfer(context, gradient_collective(context.plan), rank,
                               bucket.dense * width, bucket.expert * width);
      });
  const int instances = context.plan.optimizer_instances;
  if (instances == 1) return reduced;
  const auto shard = [&](double bytes, const SpreadGroup& replicas) {
    return bytes * width / sharding_group(replicas, instances).size;
  };
  const double dense = shard(bucket.dense, attention_data_group(context.plan, context.mapping));
  const double expert = shard(bucket.expert, expert_data_group(context.plan, context.mapping));
  const std::vector<TaskId> summed = builder.background(
      {Stream::dp, "gradient all-reduce", local_layer, Phase::gradient_reduce}, [&](int rank) {
        return bucket_transfer(context, CollectiveKind::all_reduce, rank, dense, expert, true);
      });
  for (size_t rank = 0; rank < reduced.size(); ++rank)
    if (summed[rank] != TemplateBuilder::kNoTask) reduced[rank] = summed[rank];
  return reduced;
}

std::vector<TaskId> gather_parameters(const StepContext& context, TemplateBuilder& builder,
                                      const RankParameters& bytes, int local_layer,
                                      bool after_front) {
  return builder.background(
      {Stream::dp, "parameter gather", local_layer, Phase::parameter_gather},
      [&](int rank) {
        return bucket_transfer(context, CollectiveKind::all_gather, rank, bytes.dense,
                               bytes.expert);
      },
      after_front);
}

namespace {

// Sum over all ranks of 4 bytes: its latency counts, its bandwidth does not (recursive doubling).
double gradient_norm_s(const StepContext& context) {
  const double hop =
      farthest_hop_s(context.pod, context.mapping.world) + context.pod.message_startup_s;
  return context.mapping.world < 2 ? 0 : 2 * std::ceil(std::log2(context.mapping.world)) * hop;
}

void wait_for_all(TemplateBuilder& builder, const std::vector<std::vector<TaskId>>& transfers) {
  for (const auto& tasks : transfers) builder.wait_for(tasks);
}

}  // namespace

Kernels optimizer_kernels(const StepContext& context, const RankParameters& stage) {
  const Plan& plan = context.plan;
  const Mapping& mapping = context.mapping;
  const double all = stage.dense + stage.expert;
  const double own = plan.zero_stage == 0
                         ? all
                         : (stage.dense / (mapping.dp * plan.cp) + stage.expert / mapping.edp) /
                               context.pipeline.copies() * plan.optimizer_instances;
  Kernels kernels = gradient_pass_ops(plan.zero_stage < 3 ? all : own, plan.gradient_bytes,
                                      plan.software.gradient_passes);
  append(kernels, optimizer_ops(own, plan.gradient_bytes, plan.adam_moment_bytes(),
                                plan.software.norm_passes));
  append(kernels, weight_cast_ops(all, plan.precision));
  return kernels;
}

void emit_optimizer(const StepContext& context, TemplateBuilder& builder, int stage) {
  const Plan& plan = context.plan;
  RankParameters held;
  std::vector<std::vector<TaskId>> reductions, gathers;
  const bool reduces =
      !plan.overlap_grad_reduce && plan.zero_stage < 3 && !plan.reduces_every_microbatch();
  for (int index = 0; index < context.pipeline.chunks; ++index) {
    const auto layers = parameters_by_layer(context, context.chunk(stage, index));
    const BucketFill fill(bucket_size(context, stage, index, DpUse::reduce));
    for (const RankParameters& layer : layers) held += layer;
    const std::vector<RankParameters> buckets = buckets_by_first_layer(layers, fill);
    for (const RankParameters& bucket : buckets)
      if (reduces && !bucket.empty())
        reductions.push_back(reduce_gradients(context, builder, bucket, 0));
  }
  wait_for_all(builder, reductions);
  builder.delay("gradient norm", Phase::optimizer, gradient_norm_s(context));
  builder.compute(optimizer_kernels(context, held), 0, Phase::optimizer);
  if (plan.shards_optimizer_only() && !plan.overlap_param_gather && plan.gather_in_step) {
    for (int index = 0; index < context.pipeline.chunks; ++index)
      for (const RankParameters& bytes : gathered_before_layers(context, stage, index))
        if (!bytes.empty()) gathers.push_back(gather_parameters(context, builder, bytes, 0, true));
    wait_for_all(builder, gathers);
  }
  builder.exit(0);
}

}  // namespace moesim
