// Values that are each in range but do not fit together.
#include "config/error_case.hpp"

using namespace moesim;

namespace {

const std::string kDense = "workload: dense\nplatform: pod\n" + kBatch;

}  // namespace

TEST_CASE("ranks against machine and model") {
  check({
      {"tp x cp x pp", plan("tp: 4, cp: 2, pp: 4"),
       "s.yaml:4:12: plan.tp: tp x cp x pp = 4 x 2 x 4 = 32 does not divide platform.gpus = 16"},
      {"ep x etp x pp", plan("pp: 2, ep: 16"),
       "s.yaml:4:19: plan.ep: ep x etp x pp = 16 x 1 x 2 = 32 does not divide platform.gpus = 16"},
      {"a partial node", "workload: tiny\nplatform: {base: pod, gpus: 12}\n" + kBatch,
       "s.yaml:2:29: platform.gpus: 12 is not a multiple of gpus_per_node = 8; where nodes are "
       "used in part, give the "
       "devices used per node\n"
       "s.yaml:3:23: batch.global_batch: 32 sequences are not divisible by micro_batch x dp = 1 x "
       "12 = 12"},
      {"experts and ep",
       plan("ep: 8"),
       "s.yaml:4:12: plan.ep: 36 experts are not divisible by ep = 8",
       {"workload.experts=36"}},
      {"ep of a dense model", kDense + "plan: {ep: 8}\n",
       "s.yaml:4:12: plan.ep: expert parallelism needs a model with experts"},
      {"heads and tp",
       plan("tp: 8"),
       "s.yaml:4:12: plan.tp: 12 heads are not divisible by tp = 8",
       {"workload.heads=12"}},
      {"kv_heads and tp",
       plan("tp: 4"),
       "s.yaml:4:12: plan.tp: kv_heads = 6 and tp = 4: neither divides the other",
       {"workload.kv_heads=6", "workload.heads=12"}},
      {"dense_ffn and tp",
       kDense + "plan: {tp: 16}\n",
       "s.yaml:4:12: plan.tp: dense_ffn = 4100 is not divisible by tp = 16",
       {"workload.dense_ffn=4100"}},
      {"moe_ffn and etp",
       plan("etp: 16"),
       "s.yaml:4:13: plan.etp: moe_ffn = 520 is not divisible by etp = 16",
       {"workload.moe_ffn=520"}},
      {"shared_ffn and tp",
       plan("tp: 16"),
       "s.yaml:4:12: plan.tp: shared_ffn = 520 is not divisible by tp = 16",
       {"workload.shared_experts=1", "workload.shared_ffn=520"}},
  });
}

TEST_CASE("pipeline and layout") {
  check({
      {"layers and stages", plan("pp: 16"),
       "s.yaml:4:12: plan.pp: 8 layers do not divide into pp x vpp = 16 x 1 = 16 chunks; give "
       "plan.layout"},
      {"layers and virtual stages", plan("pp: 4, vpp: 4, schedule: interleaved"),
       "s.yaml:4:12: plan.pp: 8 layers do not divide into pp x vpp = 4 x 4 = 16 chunks; give "
       "plan.layout"},
      {"vpp without the interleaved schedule", plan("pp: 4, vpp: 2"),
       "s.yaml:4:20: plan.vpp: vpp = 2 needs schedule: interleaved"},
      {"a custom schedule without its operations", plan("pp: 2, schedule: custom"),
       "s.yaml:4:25: plan.schedule: schedule: custom needs schedule_ops: a list of operations for "
       "each of the pp = 2 "
       "stages, as [\"F0 F1 B0 B1\"]"},
      {"vpp without pp", plan("vpp: 2, schedule: interleaved"),
       "s.yaml:4:13: plan.vpp: vpp = 2 needs pp > 1"},
      {"layout: bad character", plan("pp: 2, layout: Ett|x"),
       "s.yaml:4:23: plan.layout: pipeline layout, character 5: expected E, t, m, L, '|' or '('"},
      {"layout: chunks", plan("pp: 4, layout: Et*4|t*4L"),
       "s.yaml:4:23: plan.layout: the layout has 2 chunks, but pp x vpp = 4 x 1 = 4"},
      {"layout: layers", plan("pp: 2, layout: Et*4|t*3L"),
       "s.yaml:4:23: plan.layout: the layout has 7 layers (t), the model 8"},
      {"layout: prediction layers", plan("pp: 2, layout: Et*4|t*4mL"),
       "s.yaml:4:23: plan.layout: the layout has 1 multi-token-prediction layers (m), the model 0"},
      {"layout: order", plan("pp: 2, layout: t*4E|t*4L"),
       "s.yaml:4:23: plan.layout: a layout starts with one E, then t, then m, and ends with one L"},
      {"layout: no loss", plan("pp: 2, layout: Et*4|t*4"),
       "s.yaml:4:23: plan.layout: a layout starts with one E, then t, then m, and ends with one L"},
  });
}

TEST_CASE("batch, sequence and ranks") {
  check({
      {"global batch and dp",
       "workload: tiny\nplatform: pod\nbatch: {global_batch: 24, sequence_length: 4096}\nplan: "
       "{tp: 1}\n",
       "s.yaml:3:23: batch.global_batch: 24 sequences are not divisible by micro_batch x dp = 1 x "
       "16 = 16"},
      {"microbatches and the interleaved schedule",
       "workload: tiny\nplatform: pod\nbatch: {global_batch: 24, sequence_length: 4096}\nplan: "
       "{pp: 4, vpp: 2, "
       "schedule: interleaved}\n",
       "s.yaml:3:23: batch.global_batch: 6 microbatches per rank are not divisible by pp = 4, "
       "which the interleaved "
       "schedule needs"},
      {"replicas", plan("tp: 4, simulated_replicas: 8"),
       "s.yaml:4:35: plan.simulated_replicas: 8 is more than the 4 replicas there are"},
      {"sequence and cp",
       "workload: tiny\nplatform: pod\nbatch: {global_batch: 32, sequence_length: 4098}\nplan: "
       "{cp: 2}\n",
       "s.yaml:3:44: batch.sequence_length: 4098 tokens are not divisible by 2 x cp = 4"},
      {"sequence and cp, all-gather",
       "workload: tiny\nplatform: pod\nbatch: {global_batch: 32, sequence_length: 4097}\nplan: "
       "{cp: 2, cp_kind: "
       "all_gather}\n",
       "s.yaml:3:44: batch.sequence_length: 4097 tokens are not divisible by cp = 2"},
      {"sequence and tp",
       "workload: tiny\nplatform: pod\nbatch: {global_batch: 32, sequence_length: 4098}\nplan: "
       "{tp: 4}\n",
       "s.yaml:3:44: batch.sequence_length: 4098 tokens of a context-parallel rank are not "
       "divisible by tp = 4, which "
       "sequence_parallel needs"},
  });
}

TEST_CASE("precision, memory and communication options") {
  check({
      {"FP8 without hardware",
       "workload: tiny\nplatform: {base: pod, device: old}\n" + kBatch +
           "plan: {precision: fp8-block}\n",
       "s.yaml:4:19: plan.precision: fp8-block needs a device with peak_fp8_flops"},
      {"FP4 without hardware", plan("precision: nvfp4"),
       "s.yaml:4:19: plan.precision: nvfp4 needs a device with peak_fp4_flops"},
      {"FP8 slower than BF16",
       "workload: tiny\nplatform: {base: pod, device: {base: gpu, "
       "peak_fp8_flops: 1 TFLOPS}}\n" +
           kBatch,
       "s.yaml:2:59: platform.device.peak_fp8_flops: is less than peak_bf16_flops = 9.894e+14"},
      {"FP8 on the wire without hardware",
       "workload: tiny\nplatform: {base: pod, device: old}\n" + kBatch +
           "plan: {dispatch_precision: fp8-block}\n",
       "s.yaml:4:28: plan.dispatch_precision: fp8-block needs a device with peak_fp8_flops"},
      {"FP8 without a fitted efficiency",
       "workload: tiny\nplatform: {base: pod, device: {fp8_efficiency: 0}}\n" + kBatch +
           "plan: {precision: mxfp8}\n",
       "s.yaml:4:19: plan.precision: mxfp8 needs a device with fp8_efficiency"},
      {"all SMs for communication", plan("communication_sms: 132"),
       "s.yaml:4:27: plan.communication_sms: 132 leave none of the device's 132 SMs to compute"},
      {"all SMs for data-parallel collectives",
       "workload: tiny\nplatform: {base: pod, collective_sms: 132}\n" + kBatch,
       "s.yaml:2:39: platform.collective_sms: 132, and 0 of dispatch and combine, leave none of "
       "the device's 132 SMs "
       "to compute"},
      {"quantized logits in bf16", plan("fp8_output_proj: true"),
       "s.yaml:4:25: plan.fp8_output_proj: has no effect with precision: bf16"},
      {"no gather where there is none", plan("zero_stage: 3, gather_in_step: false"),
       "s.yaml:4:39: plan.gather_in_step: false has no effect without zero_stage: 1 or 2"},
      {"instances that do not divide the replicas", plan("optimizer_instances: 3"),
       "s.yaml:4:29: plan.optimizer_instances: 3 does not divide the replicas of the dense "
       "parameters and of the experts"},
      {"instances of nothing", plan("zero_stage: 0, optimizer_instances: 2"),
       "s.yaml:4:44: plan.optimizer_instances: 2 need zero_stage > 0"},
      {"modules without selective", plan("recompute: full, recompute_modules: [mlp]"),
       "s.yaml:4:44: plan.recompute_modules: has no effect without recompute: selective"},
      {"selective without modules", plan("recompute: selective"),
       "s.yaml:4:19: plan.recompute: recompute: selective needs recompute_modules"},
      {"MLA recomputation without MLA",
       plan("recompute: selective, recompute_modules: [mla_up_proj]"),
       "s.yaml:4:49: plan.recompute_modules: mla_up_proj needs a model with mla attention"},
  });
}

TEST_CASE("model shapes and routing") {
  check({
      {"top_k and experts", "workload: {base: tiny, top_k: 64}\nplatform: pod\n" + kBatch,
       "s.yaml:1:31: workload.top_k: top_k = 64 is more than the 32 experts"},
      {"no top_k", "workload: {base: tiny, top_k: 0}\nplatform: pod\n" + kBatch,
       "s.yaml:1:31: workload.top_k: a model with experts needs top_k"},
      {"no expert width", "workload: {base: tiny, moe_ffn: 0}\nplatform: pod\n" + kBatch,
       "s.yaml:1:33: workload.moe_ffn: a model with experts needs moe_ffn"},
      {"dense layers without width",
       "workload: {base: tiny, first_dense_layers: 1}\nplatform: pod\n" + kBatch,
       "s.yaml:1:44: workload.first_dense_layers: layers without experts need dense_ffn"},
      {"shared experts without width",
       "workload: {base: tiny, shared_experts: 1}\nplatform: pod\n" + kBatch,
       "s.yaml:1:40: workload.shared_experts: shared experts need shared_ffn"},
      {"groups and experts", "workload: {base: tiny, n_group: 5}\nplatform: pod\n" + kBatch,
       "s.yaml:1:33: workload.n_group: 32 experts do not form n_group = 5 equal groups"},
      {"topk_group and n_group", "workload: {base: tiny, topk_group: 2}\nplatform: pod\n" + kBatch,
       "s.yaml:1:36: workload.topk_group: topk_group = 2 is more than n_group = 1"},
      {"groups too small for top_k",
       "workload: {base: tiny, n_group: 16, topk_group: 1}\nplatform: pod\n" + kBatch,
       "s.yaml:1:49: workload.topk_group: topk_group = 1 groups hold fewer than top_k = 4 experts"},
      {"gqa without kv_heads", "workload: {base: tiny, kv_heads: 0}\nplatform: pod\n" + kBatch,
       "s.yaml:1:34: workload.kv_heads: gqa attention needs kv_heads"},
      {"gqa without head_dim", "workload: {base: tiny, head_dim: 0}\nplatform: pod\n" + kBatch,
       "s.yaml:1:34: workload.head_dim: gqa attention needs head_dim"},
      {"heads and kv_heads", "workload: {base: tiny, kv_heads: 3}\nplatform: pod\n" + kBatch,
       "s.yaml:1:34: workload.kv_heads: heads = 16 is not a multiple of kv_heads = 3"},
      {"mla without ranks", "workload: {base: tiny, attention: mla}\nplatform: pod\n" + kBatch,
       "s.yaml:1:11: workload.kv_lora_rank: mla attention needs kv_lora_rank\n"
       "s.yaml:1:11: workload.qk_nope_dim: mla attention needs qk_nope_dim\n"
       "s.yaml:1:11: workload.qk_rope_dim: mla attention needs qk_rope_dim\n"
       "s.yaml:1:11: workload.v_dim: mla attention needs v_dim"},
      {"linear attention without heads",
       "workload: {base: tiny, linear_attention_period: 4}\nplatform: pod\n" + kBatch,
       "s.yaml:1:49: workload.linear_attention_period: linear attention needs linear_key_heads, "
       "linear_value_heads and "
       "linear_head_dim"},
      {"dense without width",
       kDense,
       "--set workload.dense_ffn=0: workload.dense_ffn: a model without experts needs dense_ffn",
       {"workload.dense_ffn=0"}},
      {"histogram of another length", kScenario + "routing: {kind: histogram, histogram: [1, 2]}\n",
       "s.yaml:4:39: routing.histogram: has 2 entries for the 32 experts of the model"},
      {"histogram of nothing",
       "workload: {base: tiny, experts: 2, top_k: 1}\nplatform: pod\n" + kBatch +
           "routing: {kind: histogram, histogram: [0, 0]}\n",
       "s.yaml:4:39: routing.histogram: no expert has any load"},
  });
}

TEST_CASE("recorded loads and placements") {
  const std::string two =
      "workload: {base: tiny, experts: 2, top_k: 1}\nplatform: pod\n" + kBatch + "routing: ";
  check({
      {"recorded without counts", two + "{kind: recorded}\n",
       "s.yaml:4:17: routing.kind: kind: recorded needs recorded counts"},
      {"recorded row of three", two + "{kind: recorded, recorded: [[0, 0, 1, 5], [0, 0, 1]]}\n",
       "s.yaml:4:52: routing.recorded[1]: expected 4 numbers, got 3"},
      {"recorded layer without tokens",
       two + "{kind: recorded, recorded: [[0, 0, 1, 5], [1, 3, 1, 0]]}\n",
       "s.yaml:4:37: routing.recorded: layer 1 has no tokens in step 3"},
      {"recorded expert that is none",
       two + "{kind: recorded, recorded: [[0, 0, 1, 5], [7, 0, 2, 5]]}\n",
       "s.yaml:4:37: routing.recorded: row 1: the model has no layer 7 with an expert 2"},
      {"two histograms", two + "{kind: histogram, histogram: [1, 2], layer_histograms: [[1, 2]]}\n",
       "s.yaml:4:65: routing.layer_histograms: give either histogram or layer_histograms"},
      {"layer histogram of another length",
       two + "{kind: histogram, layer_histograms: [[1, 2], [1]]}\n",
       "s.yaml:4:46: routing.layer_histograms: has 1 entries for the 2 experts of the model"},
      {"table that misses an expert", two + "{placement: table, expert_of_slot: [1, 1]}\n",
       "s.yaml:4:45: routing.expert_of_slot: placement: table needs each of the 2 experts at least "
       "once in expert_of_slot"},
      {"slots of a table and ep",
       two + "{placement: table, expert_of_slot: [0, 1, 1]}\nplan: {ep: 2}\n",
       "s.yaml:4:45: routing.expert_of_slot: 3 slots are not divisible by ep = 2"},
      {"redundant experts and ep", two + "{placement: eplb, redundant_experts: 1}\nplan: {ep: 2}\n",
       "s.yaml:4:47: routing.redundant_experts: 2 experts and 1 redundant ones are not divisible "
       "by "
       "ep = 2"},
  });
  CHECK(errors_of(two + "{kind: recorded, recorded: [[0, 0, 1, 5]]}\n") == "");
  CHECK(errors_of(two + "{placement: table, expert_of_slot: [0, 1, 1, 0]}\nplan: {ep: 2}\n") == "");
  // 3 experts and 1 copy over 2 ranks.
  CHECK(errors_of("workload: {base: tiny, experts: 3, top_k: 1}\nplatform: pod\n" + kBatch +
                  "routing: {placement: eplb, redundant_experts: 1}\nplan: {ep: 2}\n") == "");
  CHECK(errors_of(two + "{kind: histogram, layer_histograms: [[1, 2], [2, 1]], placement: table,\n"
                        "  expert_of_slot: [1, 0]}\n") == "");
}

TEST_CASE("rules are left out where a value could not be read") {
  CHECK(errors_of(plan("tp: 3, ep: 5"), {"platform.gpus=none", "workload=unknown"}) ==
        "s.yaml:3:44: batch.sequence_length: 4096 tokens of a context-parallel rank are not "
        "divisible by tp = 3, which "
        "sequence_parallel needs\n"
        "--set workload=unknown: workload: no workload is named \"unknown\" (known: dense, tiny)\n"
        "--set platform.gpus=none: platform.gpus: expected an integer, got \"none\"");
}

TEST_CASE("what fits passes") {
  CHECK(errors_of(kScenario) == "");
  CHECK(errors_of(plan("tp: 8, ep: 8")) == "");  // kv_heads 4 < tp, but 4 divides 8
  CHECK(errors_of(plan("pp: 4, layout: Et|t*3|t*4|L")) == "");
  CHECK(errors_of(plan("pp: 4, vpp: 2, schedule: interleaved, ep: 4")) == "");
  CHECK(errors_of(plan("pp: 2, layout: Et*4|t*4mL"), {"workload.mtp_layers=1"}) == "");
  CHECK(errors_of(kScenario, {"platform.gpus=4"}) == "");  // less than a node
}

namespace {

// A wafer system beside the presets of the fixture.
const std::string kWafers =
    "workload: tiny\n"
    "platform: {systems: 2, wafer: {grid_rows: 10, grid_columns: 10, clock_hz: 1e9, "
    "macs_per_cycle: 4, sram_bytes: 40 "
    "GB, "
    "sram_bytes_per_s: 20 PB/s, fabric_bytes_per_s: 20 PB/s, io_bytes_per_s: 150 GB/s, "
    "gemm_efficiency: 0.5, "
    "attention_efficiency: 0.5}, memoryx: {capacity_bytes: 1 TB, egress_bytes_per_s: 150 GB/s, "
    "ingress_bytes_per_s: "
    "150 "
    "GB/s, update_bytes_per_s: 1 TB/s}, swarmx: {level_bytes_per_s: [150 GB/s]}, prefetch_bytes: 1 "
    "GB, "
    "gradient_buffer_bytes: 1 GB}\n" +
    kBatch;

}  // namespace

TEST_CASE("plans and batches on a wafer system") {
  check({
      {"fits", kWafers, ""},
      {"words", kWafers, "", {"plan.attention_tiles=auto", "plan.attention_batch=max"}},
      {"batch left open", kWafers, "", {"batch.global_batch=auto"}},
      {"all left open",
       kWafers,
       "--set plan.attention_batch=max: plan.attention_batch: global_batch, attention_tiles and "
       "attention_batch cannot "
       "all be left open",
       {"batch.global_batch=auto", "plan.attention_tiles=auto", "plan.attention_batch=max"}},
      {"parallel dimensions",
       kWafers,
       "--set plan.tp=2: plan.tp: must be 1 on a wafer system, got 2: wafers are data parallel "
       "only\n"
       "--set plan.ep=4: plan.ep: must be 1 on a wafer system, got 4: wafers are data parallel "
       "only",
       {"plan.tp=2", "plan.ep=4"}},
      {"too many systems",
       kWafers,
       "--set platform.systems=2: platform.systems: 2 is more than most_systems = 1",
       {"platform.systems=2", "platform.most_systems=1"}},
      {"batch and systems",
       kWafers,
       "s.yaml:3:23: batch.global_batch: 32 sequences are not divisible by 3 systems",
       {"platform.systems=3"}},
      {"selective",
       kWafers,
       "--set plan.recompute=selective: plan.recompute: selective recomputation is not known on a "
       "wafer: none or full",
       {"plan.recompute=selective"}},
      {"auto on a pod",
       kScenario,
       "--set batch.global_batch=auto: batch.global_batch: auto is for wafer systems",
       {"batch.global_batch=auto"}},
      {"another word",
       kWafers,
       "--set plan.attention_tiles=best: plan.attention_tiles: expected an integer or auto, got "
       "\"best\"",
       {"plan.attention_tiles=best"}},
  });
}
