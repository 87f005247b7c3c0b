#include "config/scenario.hpp"
#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr NumberRange kRanks{1, 1e6};

// The algorithms that carry an all-to-all.
std::vector<Spelled<CollectiveAlgorithm>> exchange_algorithms() {
  std::vector<Spelled<CollectiveAlgorithm>> names;
  for (const auto& algorithm : kCollectiveAlgorithmNames)
    if (traits(algorithm.value).exchanges) names.push_back(algorithm);
  return names;
}

void visit_parallelism(Visitor& v, Plan& p) {
  v.integer("tp", p.tp, kRanks, "tensor parallel");
  v.integer("cp", p.cp, kRanks, "context parallel");
  v.integer("ep", p.ep, kRanks, "expert parallel");
  v.integer("etp", p.etp, kRanks, "tensor parallel inside an expert");
  v.integer("pp", p.pp, {1, 10'000}, "pipeline parallel");
  v.integer("vpp", p.vpp, {1, 10'000}, "model chunks per stage (interleaved schedule)");
  v.flag("sequence_parallel", p.sequence_parallel,
         "with tp > 1: norms and the router see 1/tp of the tokens");
  v.choice("cp_kind", p.cp_kind, "how context parallel ranks exchange keys and values");
  v.choice("schedule", p.schedule, "order of forward and backward passes in the pipeline");
  v.texts("schedule_ops", p.schedule_ops,
          "of schedule custom, one list per stage, as \"F0 F1+B0 D1 W1\": F forward, B backward, D "
          "and W its data and "
          "weight half, .1 on chunk 1, + overlapping");
  v.text("layout", p.layout,
         "Megatron-LM's pipeline layout, as \"Et*4|(t*4|)*14tmL\"; empty: layers cut evenly");
}

}  // namespace

void visit(Visitor& v, SoftwareCost& c) {
  const auto count = [&](const char* key, int& value, NumberRange range, const char* doc) {
    v.integer(key, value, range, doc);
  };
  const auto host_s = [&](const char* key, double& value, double most, const char* doc) {
    v.number(key, value, Unit::seconds, {0, most}, doc);
  };
  const auto factor = [&](const char* key, double& value, const char* doc) {
    v.number(key, value, Unit::number, {1, 100}, doc);
  };
  count("dispatch_launches", c.dispatch_launches, {0, 10'000},
        "host launches that prepare a dispatch; 0: as many as its kernels");
  count("router_launch_factor", c.router_launch_factor, {1, 1000},
        "host launches per kernel of the router's top-k");
  count("permutation_factor", c.permutation_factor, {1, 100},
        "bytes and kernels of unfused permutation against the fused one");
  v.number("expert_bias_forward_bytes", c.expert_bias_forward_bytes, Unit::bytes, {0, 1e4},
           "that experts' biases move per element of the output, with grouped_gemm: per_expert");
  v.number("expert_bias_backward_bytes", c.expert_bias_backward_bytes, Unit::bytes, {0, 1e4},
           "the same in the backward pass");
  host_s("overlap_piece_s", c.overlap_piece_s, 10,
         "host time of each piece that ep_overlap cuts a layer into");
  factor("overlap_launch_factor", c.overlap_launch_factor,
         "host_launch_s is multiplied by this with ep_overlap");
  count("gradient_passes", c.gradient_passes, {0, 100},
        "once a step, reads and writes of all gradients held, beside their accumulation");
  count("norm_passes", c.norm_passes, {1, 100},
        "reads of the gradients of the optimizer's share for norms");
  v.flag("gathers_input_again", c.gathers_input_again,
         "with sequence parallelism, inputs of linear layers travel again in the backward pass");
  host_s("collective_launch_s", c.collective_launch_s, 1,
         "host time of a collective that compute waits for, beside launches of kernels");
  host_s("checkpoint_s", c.checkpoint_s, 1,
         "host time of each module that selective recomputation runs again, forward and backward");
  v.number("loss_forward_bytes", c.loss_forward_bytes, Unit::bytes, {0, 1000},
           "that the loss moves per logit in the forward pass (6: fused, over bf16 logits)");
  v.number("loss_backward_bytes", c.loss_backward_bytes, Unit::bytes, {0, 1000},
           "the same in the backward pass (4: fused)");
  factor("rope_factor", c.rope_factor,
         "bytes and kernels of rotary embeddings against the fused ones");
  factor("activation_factor", c.activation_factor,
         "bytes and kernels of an FFN's activation against the fused one");
}

void visit(Visitor& v, FrameworkMemory& m) {
  const auto bytes = [&](const char* key, double& value, double most, const char* doc) {
    v.number(key, value, Unit::bytes, {0, most}, doc);
  };
  v.flag("weight_gradient_buffers", m.weight_gradient_buffers,
         "a bf16 gradient that nobody reads, kept for each distinct shape of weights");
  v.flag("expert_gradient_buffers", m.expert_gradient_buffers, "the same of the experts' weights");
  v.flag("output_gradient_buffer", m.output_gradient_buffer,
         "the same of the output layer, in its backward pass");
  bytes("loss_bytes", m.loss_bytes, 64,
        "per logit, alive at once in the loss (2: fused in bf16; 6: an fp32 copy)");
  v.flag("padded_values", m.padded_values, "MLA's values are padded to the width of the keys");
  v.flag("saves_exchanged_attention", m.saves_exchanged_attention,
         "with cp: the output of attention is saved before and after its exchange");
  v.flag("saves_expert_output", m.saves_expert_output,
         "the gate's weights are applied after the experts, whose output is saved");
  bytes("quantized_weight_bytes", m.quantized_weight_bytes, 8,
        "per element of a layer's matrices: quantised copies beside the weights");
  bytes("sharded_parameter_bytes", m.sharded_parameter_bytes, 8,
        "zero_stage 3: of a weight's shard beside its fp32 master");
  v.integer("gathered_layers", m.gathered_layers, {1, 1000},
            "zero_stage 3: whole layers that are gathered at once");
  bytes("reduced_gradient_bytes", m.reduced_gradient_bytes, 16,
        "zero_stage 3: of a whole layer's gradients until they are reduced");
  v.flag("keeps_gathered", m.keeps_gathered,
         "zero_stage 3: weights are gathered once a step and stay whole between passes");
  v.flag("sums_whole_gradients", m.sums_whole_gradients,
         "zero_stage 2, 3: whole gradients are summed over microbatches, and reduced with the "
         "last");
  v.number("fragmentation", m.fragmentation, Unit::number, {1, 4},
           "bytes that the caching allocator holds over those in use");
}

void visit(Visitor& v, Plan& p) {
  v.text("framework", p.framework,
         "a profile of scenarios/frameworks/ that sets what the scenario leaves open; empty: the "
         "profile `default`");
  v.flag("framework_applied", p.framework_applied,
         "framework is only a label: its values are written out, no profile is read");
  visit_parallelism(v, p);
  v.choice("precision", p.precision, "of the GEMMs, and how FP8 and FP4 operands are scaled");
  v.choice(
      "dispatch_precision", p.dispatch_precision,
      "precision of the tokens, and of their gradients, on the way to the experts; the way back "
      "is bf16");
  v.flag("fp8_output_proj", p.fp8_output_proj, "the logits' GEMM follows precision; false: bf16");
  v.number("gradient_bytes", p.gradient_bytes, Unit::bytes, {1, 8},
           "per element, accumulated and reduced (4: fp32)");
  v.number("gather_bytes", p.gather_bytes, Unit::bytes, {0.5, 4},
           "per element of a layer that replicas gather (2: bf16, 1: fp8)");
  v.number("moment_bytes", p.moment_bytes, Unit::bytes, {1, 8},
           "per element of each moment of the optimizer (4: fp32)");
  v.integer("moments", p.moments, {0, 2},
            "that the optimizer keeps of each weight: 2: Adam, 1: Muon, momentum, 0: factored");
  v.number(
      "saved_hidden_bytes", p.saved_hidden_bytes, Unit::bytes, {0.5, 4},
      "per element of an FFN's hidden activations kept for the backward pass (2: bf16, 1: fp8)");
  v.choice("recompute", p.recompute, "activations recomputed in the backward pass");
  v.choices("recompute_modules", p.recompute_modules, "what selective recomputation recomputes");
  v.integer("recompute_layers", p.recompute_layers, {0, 10'000},
            "of recompute full: the first of each chunk that recompute; 0: all");
  v.choices("recompute_keeps", p.recompute_keeps,
            "what full recomputation keeps of a layer beside its input");
  v.integer("zero_stage", p.zero_stage, {0, 3},
            "0: none, 1: optimizer state sharded over DP, 2: gradients too, 3: parameters too "
            "(FSDP)");
  v.flag("reshard_after_forward", p.reshard_after_forward,
         "zero_stage 3: weights are gathered again for the backward pass");
  v.flag("root_stays_gathered", p.root_stays_gathered,
         "zero_stage 3: the logits' weights stay whole from forward to backward pass");
  v.integer("optimizer_instances", p.optimizer_instances, {1, 1e6},
            "parts of the replicas that each shard the state over themselves (HSDP)");
  v.flag("overlap_grad_reduce", p.overlap_grad_reduce,
         "reduce gradients while the backward pass runs (one hardware queue: false)");
  v.flag("overlap_param_gather", p.overlap_param_gather,
         "gather parameters while the forward pass runs");
  v.flag(
      "align_param_gather", p.align_param_gather,
      "with vpp: all stages gather from the step's beginning; false: a chunk at its first forward");
  v.flag("gather_in_step", p.gather_in_step,
         "false: parameters are gathered between steps (an evaluation)");
  v.choice(
      "dp_buckets", p.dp_buckets,
      "what replicas reduce and gather at once; megatron: chunks, but stage 0's first in buckets");
  v.number("dp_bucket_bytes", p.dp_bucket_bytes, Unit::bytes, {0, 1e15},
           "of a bucket's gradients, at least; 0: a layer, or Megatron-LM's default");
  v.choice("dispatcher", p.dispatcher, "library that moves tokens to experts and back");
  v.choice_of("all_to_all", p.all_to_all, exchange_algorithms(),
              "how many flows an all-to-all is; the bytes are the dispatcher's");
  v.integer_or("communication_sms", p.communication_sms, {0, 1e6}, "auto", -1,
               "SMs that dispatch and combine occupy, and copy tokens with; auto: the platform's "
               "for this dispatcher; 0: none are taken, and copying is no limit");
  v.flag("ep_overlap", p.ep_overlap,
         "hide dispatch and combine behind the compute of another microbatch");
  v.flag("delay_wgrad", p.delay_wgrad,
         "compute a layer's weight gradients while its gradients travel");
  v.flag("overlap_blocks", p.overlap_blocks,
         "false: passes that the schedule overlaps take turns (for comparison)");
  v.flag("overlap_shared_expert", p.overlap_shared_expert,
         "shared experts compute while tokens travel");
  v.flag("cuda_graph", p.cuda_graph,
         "kernels are launched from a graph: host_launch_s does not bind");
  v.choice("cuda_graph_scope", p.cuda_graph_scope, "with cuda_graph: what the graph holds");
  v.choice("grouped_gemm", p.grouped_gemm,
           "single: one kernel for all experts of a rank; per_expert: a cast and a GEMM each, as "
           "TransformerEngine");
  v.flag("fused_permutation", p.fused_permutation, "tokens are permuted by one kernel each way");
  v.section("memory", p.memory, "what the framework's own code keeps; its profile sets it");
  v.section("software", p.software, "what the framework's own code costs; its profile sets it");
  v.choice("transport", p.transport,
           "adaptive: timers while a transfer meets no other; flows: always flows; uncontended: "
           "nothing is shared");
  v.integer("simulated_replicas", p.simulated_replicas, {0, 1e6},
            "data-parallel cells simulated; 0: all");
  v.integer_or(
      "attention_tiles", p.attention_tiles, {1, 1e6}, "auto", 0,
      "wafers: tiles in which attention runs through a microbatch; auto: the best that fits");
  v.integer_or("attention_batch", p.attention_batch, {0, 1e6}, "max", -1,
               "wafers: sequences of a tile; 0: batch.micro_batch; max: the most that fit");
  v.choice("saved_activations", p.saved_activations,
           "wafers: where what the backward pass needs is kept; auto: on the host where it does "
           "not fit");
  v.choice("attention_scores", p.attention_scores,
           "wafers: kept: scores are tensors that the backward pass reads; recomputed: they are "
           "never in SRAM");
  v.choice("attention_again", p.attention_again,
           "wafers, with recompute full; batch: attention made again is held until its backward; "
           "tiles: it runs once more there, tile by tile; auto: tiles where batch does not fit");
  v.number("weight_sparsity", p.weight_sparsity, Unit::number, {0, 0.999},
           "wafers: part of the weights of attention, FFNs and experts that is zero: not streamed, "
           "not multiplied");
  v.flag("sparse_gradients", p.sparse_gradients,
         "with weight_sparsity: false: zeros have gradients and optimizer state too");
}

void visit(Visitor& v, Batch& b) {
  v.integer_or("global_batch", b.global_batch, {1, 1e9}, "auto", 0,
               "sequences per step; auto: what the wafers take at once", Need::required);
  v.integer("micro_batch", b.micro_batch, {1, 1e6},
            "sequences per microbatch and data-parallel rank");
  v.integer("sequence_length", b.sequence_length, {1, 1e8}, "tokens per sequence", Need::required);
}

void visit(Visitor& v, Scenario& s) {
  v.text("name", s.name, "for reports; the file's name when not given");
  v.section("workload", s.workload,
            "the model: a preset of workloads/, a file, a HuggingFace config.json, or a map",
            Need::required);
  v.section("platform", s.platform, "the cluster: a preset of platforms/, a file, or a map",
            Need::required);
  v.section("plan", s.plan, "how the model is mapped on the cluster");
  v.section("routing", s.routing, "how tokens choose experts");
  v.section("batch", s.batch, "what one step processes", Need::required);
  v.section("faults", s.faults, "what is wrong with the cluster");
  v.section("goodput", s.goodput, "failures and checkpoints of a long run");
  v.integer("runs", s.runs, {1, 100'000},
            "simulations with seeds of their own, for the spread of the step time");
}

}  // namespace moesim
