#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr NumberRange kFlops = above(0, 1e20);
constexpr NumberRange kBandwidth = above(0, 1e18);
constexpr NumberRange kShortTime{0, 10};
constexpr NumberRange kFraction = above(0, 1);

// Fitted constants of the cost model.
void visit_fit(Visitor& v, Device& d) {
  const auto seconds = [&](const char* key, double& value, const char* doc) {
    v.number(key, value, Unit::seconds, kShortTime, doc);
  };
  seconds("launch_s", d.launch_s, "gap between two kernels in a stream kept full");
  seconds("host_launch_s", d.host_launch_s,
          "host time to issue one kernel; 0 in a preset: the framework's profile knows it");
  seconds("host_timing_s", d.host_timing_s,
          "in benchmarks timed from the host, beyond a kernel and launch_s");
  seconds("host_call_s", d.host_call_s,
          "least time of a call in such benchmarks; a GEMM, or each of a grouped one");
  seconds("host_attention_call_s", d.host_attention_call_s, "the same of attention");
  seconds("gemm_overhead_s", d.gemm_overhead_s, "ramp up and drain of a GEMM or attention kernel");
  v.number("gemm_efficiency", d.gemm_efficiency, Unit::number, kFraction,
           "fraction of peak that one SM sustains in the main loop of a full tile", Need::required);
  v.number("grouped_gemm_efficiency", d.grouped_gemm_efficiency, Unit::number, kFraction,
           "same, grouped GEMM", Need::required);
  v.number("fp8_efficiency", d.fp8_efficiency, Unit::number, {0, 1}, "same, in FP8 and FP4");
  v.number("vector_scaling_efficiency", d.vector_scaling_efficiency, Unit::number, kFraction,
           "of that, weight gradients of block-wise FP8");
  v.number("sustained_efficiency", d.sustained_efficiency, Unit::number, kFraction,
           "fraction of peak that GEMMs of any shape reach for a moment, before power binds",
           Need::required);
  v.integer("tile_m", d.tile_m, {1, 65'536}, "rows of a GEMM's output tile");
  v.integer("tile_n", d.tile_n, {1, 65'536}, "columns of a GEMM's output tile");
  v.number("gemm_half_k", d.gemm_half_k, Unit::number, {0, 1e6},
           "prologue and epilogue of a tile, as the k of a BF16 main loop of the same time");
  v.number("tile_half_width", d.tile_half_width, Unit::number, {0, 1e6},
           "tile width at which loading operands doubles the time of the main loop");
  v.number("attention_efficiency", d.attention_efficiency, Unit::number, kFraction,
           "fraction of peak, forward, long sequences", Need::required);
  v.number("attention_backward_efficiency", d.attention_backward_efficiency, Unit::number,
           kFraction, "same, backward", Need::required);
  v.number("attention_wide_efficiency", d.attention_wide_efficiency, Unit::number, kFraction,
           "of that, forward, where heads of queries and keys are wider than 128");
  v.number("attention_wide_backward_efficiency", d.attention_wide_backward_efficiency, Unit::number,
           kFraction, "same, backward");
  v.number("attention_half_length", d.attention_half_length, Unit::number, {0, 1e9},
           "keys per query at which a tile's fixed cost halves the attention efficiency");
  v.number("attention_half_dim", d.attention_half_dim, Unit::number, {0, 1e6},
           "qk_dim + v_dim at which softmax takes as long as the two products");
  v.number("gemm_fitted_least_flops", d.gemm_fitted_least_flops, Unit::number, {0, 1e20},
           "of the smallest GEMM that was measured");
  v.number("gemm_fitted_most_flops", d.gemm_fitted_most_flops, Unit::number, {0, 1e20},
           "of the largest; 0: none was measured");
  v.number("attention_fitted_least_flops", d.attention_fitted_least_flops, Unit::number, {0, 1e20},
           "of the smallest attention that was measured");
  v.number("attention_fitted_most_flops", d.attention_fitted_most_flops, Unit::number, {0, 1e20},
           "of the largest; 0: none was measured");
  v.number("step_efficiency", d.step_efficiency, Unit::number, kFraction,
           "speed of kernels inside a step against a benchmark loop");
  v.number("memory_efficiency", d.memory_efficiency, Unit::number, kFraction,
           "fraction of the memory bandwidth that streaming kernels sustain", Need::required);
  v.number("memory_half_bytes", d.memory_half_bytes, Unit::bytes, {0, 1e15},
           "size at which a streaming kernel reaches half of that");
}

}  // namespace

void visit(Visitor& v, Device& d) {
  v.text("name", d.name, "for reports");
  v.text("generation", d.generation,
         "of the architecture: ampere, hopper, blackwell, blackwell-ultra, cdna3, ...; frameworks "
         "go by it");
  v.number("peak_bf16_flops", d.peak_bf16_flops, Unit::flops_per_s, kFlops, "dense BF16 peak",
           Need::required);
  v.number("peak_fp8_flops", d.peak_fp8_flops, Unit::flops_per_s, {0, 1e20},
           "dense FP8 peak; 0: not supported");
  v.number("peak_fp4_flops", d.peak_fp4_flops, Unit::flops_per_s, {0, 1e20},
           "dense FP4 peak; 0: not supported");
  v.integer("sms", d.sms, {1, 1e6}, "streaming multiprocessors or compute units", Need::required);
  v.number("memory_bytes", d.memory_bytes, Unit::bytes, above(0, 1e18), "device memory",
           Need::required);
  v.number("memory_bytes_per_s", d.memory_bytes_per_s, Unit::bytes_per_s, kBandwidth,
           "of device memory", Need::required);
  v.number("context_bytes", d.context_bytes, Unit::bytes, {0, 1e12},
           "device memory of the driver's context and of loaded kernels");
  v.number("power_w", d.power_w, Unit::watts, {0, 1e6}, "of one device at full load");
  v.number("static_power_w", d.static_power_w, Unit::watts, {0, 1e6},
           "of that, drawn whatever runs");
  v.number("bf16_pj_per_flop", d.bf16_pj_per_flop, Unit::number, {0, 1e3},
           "picojoules of a BF16 FLOP in a GEMM; 0: power never limits");
  v.number("fp8_pj_per_flop", d.fp8_pj_per_flop, Unit::number, {0, 1e3}, "the same in FP8");
  v.number("fp4_pj_per_flop", d.fp4_pj_per_flop, Unit::number, {0, 1e3}, "the same in FP4");
  v.number("memory_pj_per_byte", d.memory_pj_per_byte, Unit::number, {0, 1e5},
           "picojoules of a byte read from or written to device memory");
  v.number("power_reserve_j", d.power_reserve_j, Unit::number, {0, 1e6},
           "joules beyond the limit that a rested device spends before it slows");
  visit_fit(v, d);
}

void visit(Visitor& v, DispatcherCost& d) {
  const auto copies = [&](const char* token_key, double& token_s, const char* bytes_key,
                          double& bytes_per_s, const char* doc) {
    v.number(token_key, token_s, Unit::seconds, kShortTime, doc);
    v.number(bytes_key, bytes_per_s, Unit::bytes_per_s, {0, 1e15},
             "and its bytes at this rate; 0: in no time");
  };
  v.number("startup_s", d.startup_s, Unit::seconds, kShortTime,
           "from the launch of the kernels to the first byte");
  v.number("host_s", d.host_s, Unit::seconds, kShortTime,
           "of the framework's host, before each dispatch and combine of a step");
  v.number("counts_s", d.counts_s, Unit::seconds, kShortTime,
           "the same before a forward dispatch: it waits for the counts of arriving tokens");
  v.number("nic_efficiency", d.nic_efficiency, Unit::number, kFraction, "of what the NIC sustains");
  v.number("nvlink_efficiency", d.nvlink_efficiency, Unit::number, kFraction,
           "of what NVLink sustains");
  copies("sm_token_s", d.sm_token_s, "sm_bytes_per_s", d.sm_bytes_per_s,
         "one SM copies a token over NVLink in this time");
  copies("combine_token_s", d.combine_token_s, "combine_bytes_per_s", d.combine_bytes_per_s,
         "the same of combine; 0 and 0: as dispatch");
  copies("send_token_s", d.send_token_s, "send_bytes_per_s", d.send_bytes_per_s,
         "one SM readies a token for a node, its own included, in this time");
  copies("combine_send_token_s", d.combine_send_token_s, "combine_send_bytes_per_s",
         d.combine_send_bytes_per_s, "the same of combine; 0 and 0: as dispatch");
  v.integer("sms", d.usual_sms, {0, 1e6}, "that plan.communication_sms: auto stands for");
  v.number("queue_pairs", d.queue_pairs, Unit::number, above(0, 1e6),
           "of a NIC that it keeps busy to each other node: its share where transfers meet");
  v.number("buffer_bytes", d.buffer_bytes, Unit::bytes, {0, 1e12},
           "device memory of its buffers, whatever the tokens");
  v.number("worst_case_copies", d.worst_case_copies, Unit::number, {0, 100},
           "buffers of all tokens of a group on each of its ranks");
}

void visit(Visitor& v, Pod& p) {
  const auto fraction = [&](const char* key, double& value, const char* doc) {
    v.number(key, value, Unit::number, kFraction, doc);
  };
  const auto seconds = [&](const char* key, double& value, const char* doc) {
    v.number(key, value, Unit::seconds, kShortTime, doc);
  };
  v.text("name", p.name, "for reports");
  v.section("device", p.device, "the accelerator: a preset of platforms/devices/, a file, or a map",
            Need::required);
  v.integer("gpus", p.gpus, {1, 1e6}, "devices in the cluster", Need::required);
  v.integer("gpus_per_node", p.gpus_per_node, {1, 1e6},
            "devices in one scale-up domain (8: HGX, 72: NVL72)");
  v.number("nvlink_bytes_per_s", p.nvlink_bytes_per_s, Unit::bytes_per_s, kBandwidth,
           "scale-up bandwidth per device and direction", Need::required);
  fraction("nvlink_efficiency", p.nvlink_efficiency, "of it that transfers sustain");
  seconds("nvlink_latency_s", p.nvlink_latency_s, "of one transfer in the scale-up domain");
  v.number("nic_bytes_per_s", p.nic_bytes_per_s, Unit::bytes_per_s, kBandwidth,
           "scale-out bandwidth per device and direction", Need::required);
  fraction("nic_efficiency", p.nic_efficiency, "of it that transfers sustain");
  seconds("nic_latency_s", p.nic_latency_s, "of one transfer through the leaf switch");
  seconds("nic_spine_latency_s", p.nic_spine_latency_s, "added when crossing the spine");
  v.integer("nodes_per_leaf", p.nodes_per_leaf, {1, 1e6},
            "nodes whose same-rail NICs meet in one leaf switch");
  v.number("oversubscription", p.oversubscription, Unit::number, {1, 1e4},
           "leaf downlinks : uplinks; 1: non-blocking");
  fraction("overlapped_efficiency", p.overlapped_efficiency,
           "of their bandwidth that dispatch and combine keep while compute runs beside them");
  fraction("dp_nic_efficiency", p.dp_nic_efficiency,
           "of what the NIC sustains, for data-parallel collectives between nodes");
  v.integer("collective_sms", p.collective_sms, {0, 1e4},
            "SMs that data-parallel collectives beside compute occupy");
  for (const Dispatcher dispatcher : all_dispatchers())
    if (traits(dispatcher).own_costs())
      v.section(traits(dispatcher).name, p.dispatchers[dispatcher], traits(dispatcher).costs);
  v.number("communicator_bytes", p.communicator_bytes, Unit::bytes, {0, 1e12},
           "device memory that one communicator takes on each member");
  v.number("memory_reserve", p.memory_reserve, Unit::bytes, {0, 1e15},
           "of a device's memory, not to be planned with: less left is called tight");
  seconds("message_startup_s", p.message_startup_s, "software cost of starting a message");
  seconds("collective_startup_s", p.collective_startup_s,
          "software cost of launching a collective");
  v.number("collective_queue_pairs", p.collective_queue_pairs, Unit::number, above(0, 1e6),
           "of a NIC that a collective keeps busy: its share where transfers meet");
  v.number("peer_queue_pairs", p.peer_queue_pairs, Unit::number, above(0, 1e6),
           "the same of a message, and of an all-to-all to each peer in another node");
  v.number("link_bytes_per_s", p.link_bytes_per_s, Unit::bytes_per_s, {0, 1e15},
           "of the one link between each pair of a node's devices; 0: a switch joins them");
}

// A platform that names a wafer is a wafer system, any other a pod.
void visit(Visitor& v, Platform& p) {
  if (!p.is_wafer_system() && v.has("wafer")) p.system = WaferSystem{};
  if (p.is_wafer_system())
    visit(v, p.wafers());
  else
    visit(v, p.pod());
}

}  // namespace moesim
