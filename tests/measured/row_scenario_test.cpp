#include "measured/row_scenario.hpp"

#include <algorithm>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

const SearchPath kData{{MOESIM_SOURCE_DIR}};

// Mixtral 8x22B on 128 H100, tp 2, pp 8, ep 4: every figure of the mapping is given.
MeasuredRow mixtral() {
  MeasuredRow row;
  row.model = "mixtral-8x22b";
  row.gpu = "h100-sxm";
  row.precision = "bf16";
  row.num_gpus = 128;
  row.seq_len = 4096;
  row.gbs = 256;
  row.tp = 2;
  row.pp = 8;
  row.ep = 4;
  return row;
}

RowScenario read(const MeasuredRow& row) { return scenario_of_row(row, "", kData); }

bool assumes(const RowScenario& scenario, const std::string& part) {
  return std::any_of(scenario.assumptions.begin(), scenario.assumptions.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("Row to scenario: sizes, and what is not said has a stated assumption") {
  const RowScenario found = read(mixtral());
  REQUIRE(found.reason == "");
  const Scenario& s = found.scenario;
  CHECK(s.workload.name == "mixtral-8x22b");
  CHECK(s.platform.pod().gpus == 128);
  CHECK(s.plan.tp == 2);
  CHECK(s.plan.etp == 1);
  CHECK(s.plan.layout == "");
  CHECK(s.batch.micro_batch == 1);
  CHECK(s.batch.global_batch == 256);
  CHECK(s.routing.kind == RoutingKind::uniform);
  CHECK(assumes(found, "recompute not stated"));
  CHECK(assumes(found, "dispatcher not stated: NCCL"));
  CHECK(assumes(found, "routing not stated"));
}

TEST_CASE("Row to scenario: MCore without folding cuts experts by tp, with folding it does not") {
  MeasuredRow row = mixtral();
  row.note = "method=MCore; CF=1";
  CHECK(read(row).scenario.plan.etp == 2);
  CHECK(read(row).scenario.routing.kind == RoutingKind::balanced);
  row.note = "method=MCore w/ Folding; CF=1";
  CHECK(read(row).scenario.plan.etp == 1);
  row.note = "method=FSDP+EP; CF=1";
  row.pp = 1;
  row.ep = 8;
  CHECK(read(row).scenario.plan.zero_stage == 3);
}

TEST_CASE("Row to scenario: racks of 72 are used in segments that divide the job") {
  MeasuredRow row = mixtral();
  row.gpu = "gb200-nvl72";
  const RowScenario large = read(row);
  CHECK(large.scenario.platform.pod().gpus_per_node == 64);
  CHECK(assumes(large, "64 of the 72 GPUs"));
  CHECK(assumes(large, "dispatcher not stated: HybridEP"));
  row.num_gpus = 64;
  row.pp = 4;
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 72);
}

TEST_CASE("Row to scenario: layouts, given or built") {
  MeasuredRow row = mixtral();
  row.model = "deepseek-v3";
  row.num_gpus = 256;
  row.tp = 1;
  row.ep = 8;
  row.pp = 4;
  row.vpp = 4;
  row.note = "layout Et*4|(t*4|)*14tmL; force-balanced";
  const RowScenario given = read(row);
  CHECK(given.reason == "");
  CHECK(given.scenario.plan.layout == "Et*4|(t*4|)*14tmL");
  CHECK(given.scenario.plan.schedule == ScheduleKind::interleaved);
  row.note = "no MTP layer";
  const RowScenario built = read(row);
  CHECK(built.reason == "");
  CHECK(built.scenario.workload.mtp_layers == 0);
  CHECK(built.scenario.plan.layout.ends_with("|tL"));
  CHECK(assumes(built, "61 layers in 16 chunks"));
}

TEST_CASE(
    "Row to scenario: papers that print no vpp ran the interleaved schedule, release notes did "
    "not") {
  MeasuredRow row = mixtral();  // 56 layers, 8 stages, 32 microbatches
  CHECK(read(row).scenario.plan.vpp == 1);
  row.source = "arXiv:2504.14960 Table 3";
  CHECK(read(row).scenario.plan.vpp == 7);
  CHECK(read(row).scenario.plan.schedule == ScheduleKind::interleaved);
  CHECK(assumes(read(row), "vpp not printed"));
  row.gbs = 8 * 9;  // 9 microbatches do not divide by 8 stages
  CHECK(read(row).scenario.plan.vpp == 1);
}

TEST_CASE("Row to scenario: precision") {
  MeasuredRow row = mixtral();
  row.precision = "fp8";
  CHECK(read(row).scenario.plan.precision == PrecisionRecipe::fp8_current);
  CHECK(assumes(read(row), "FP8 recipe not stated"));
  row.overlap = "DualPipe F/B overlap";
  CHECK(read(row).scenario.plan.precision == PrecisionRecipe::fp8_block);
  CHECK(read(row).scenario.plan.dispatch_precision == PrecisionRecipe::fp8_block);
  row.precision = "fp6";
  CHECK(read(row).reason == "precision fp6 is not known");
}

TEST_CASE("Row to scenario: overlap, graphs and dispatcher") {
  MeasuredRow row = mixtral();
  row.overlap = "EP A2A overlap ON; CUDA graph full_iteration ";
  row.dispatcher = "HybridEP 32 SMs";
  const Plan plan = read(row).scenario.plan;
  CHECK(plan.ep_overlap);
  CHECK(plan.cuda_graph);
  CHECK(plan.dispatcher == Dispatcher::hybridep);
  CHECK(plan.communication_sms == 32);
  CHECK(plan.cuda_graph_scope == GraphScope::step);
  CHECK(plan.grouped_gemm == GroupedGemm::single);
  row.dispatcher = "deepep";
  CHECK(read(row).scenario.plan.communication_sms == 20);
  row.overlap = "EP A2A overlap OFF; CUDA graph transformer_engine attn+moe_router+moe_preprocess";
  CHECK(read(row).scenario.plan.cuda_graph_scope == GraphScope::layers);
  CHECK(read(row).scenario.plan.grouped_gemm == GroupedGemm::per_expert);
  row.overlap = "EP A2A overlap OFF; CUDA graph transformer_engine moe_router+moe_preprocess";
  CHECK(read(row).scenario.plan.cuda_graph_scope == GraphScope::router);
  row.overlap = "1F1B EP overlap";
  CHECK_FALSE(read(row).scenario.plan.cuda_graph);
  row.source = "vuiseng9/mlperf v6.0 rundown table";
  CHECK(read(row).scenario.plan.cuda_graph);
  CHECK(assumes(read(row), "as in the MLPerf v6.0 logs"));
}

TEST_CASE("Row to scenario: one hardware queue on Hopper leaves gradients exposed") {
  const auto reduces_beside = [](const MeasuredRow& row) {
    return read(row).scenario.plan.overlap_grad_reduce;
  };
  MeasuredRow row = mixtral();
  CHECK_FALSE(reduces_beside(row));
  CHECK(read(row).scenario.plan.overlap_param_gather);
  CHECK(assumes(read(row), "one hardware queue"));
  row.overlap = "1F1B EP overlap";
  CHECK(reduces_beside(row));
  row.overlap = "";
  row.note = "MegaScale-MoE";
  CHECK(reduces_beside(row));
  row.note = "";
  row.gpu = "b200-hgx";
  CHECK(reduces_beside(row));
  row.gpu = "h100-sxm";
  row.tp = 1;
  CHECK(reduces_beside(row));
  row.source = "arXiv:2504.14960 Table 4";
  CHECK_FALSE(reduces_beside(row));
}

TEST_CASE("Row to scenario: what recipes set, whatever the row says") {
  MeasuredRow row = mixtral();
  CHECK(read(row).scenario.plan.gradient_bytes == 4);
  row.dispatcher = "hybridep";
  CHECK(read(row).scenario.plan.communication_sms == 16);
  for (const char* source :
       {"NVIDIA-NeMo/Megatron-Bridge@067f987d docs", "MLPerf Training v6.0 log"}) {
    row.source = source;
    CHECK(read(row).scenario.plan.gradient_bytes == 2);
    CHECK(read(row).scenario.plan.communication_sms == 32);
  }
}

TEST_CASE("Row to scenario: papers that print no virtual stages interleave, but for one series") {
  MeasuredRow row = mixtral();
  row.source = "arXiv:2504.14960 Table 4";
  row.pp = 8;
  row.vpp = 0;
  row.num_gpus = 128;
  row.gbs = 1024;
  row.note = "method=MCore; CF=1";
  CHECK(read(row).scenario.plan.vpp == 7);
  row.model = "mixtral-8x22b-g8t8";
  CHECK(read(row).scenario.plan.vpp == 1);
  CHECK(assumes(read(row), "inferred: vpp"));
  row.note = "method=MCore w/ Folding; CF=1";
  CHECK(read(row).scenario.plan.vpp == 7);
}

TEST_CASE("Row to scenario: when, in which buckets and in which width parameters are gathered") {
  const auto plan = [](const MeasuredRow& row) { return read(row).scenario.plan; };
  MeasuredRow row = mixtral();
  row.pp = 2;
  row.vpp = 2;
  row.precision = "fp8-current";
  row.source = "yanring/Megatron-MoE-ModelZoo@e8650517";
  CHECK(plan(row).align_param_gather);
  CHECK(plan(row).dp_buckets == DpBuckets::megatron);
  CHECK(plan(row).dp_bucket_bytes == 0);
  CHECK(plan(row).gather_bytes == 2);
  row.source = "NVIDIA-NeMo/Megatron-Bridge@067f987d docs";
  CHECK(plan(row).align_param_gather);
  CHECK(plan(row).dp_bucket_bytes == 2.0 * (1 << 27));
  CHECK(plan(row).gather_bytes == 1);
  row.precision = "mxfp8";
  CHECK(plan(row).gather_bytes == 2);
  row.source = "MLPerf Training v6.0 log";
  CHECK_FALSE(plan(row).align_param_gather);
  CHECK(plan(row).dp_bucket_bytes == 0);
  row.source = "arXiv:2505.11432v3 Table 3";
  CHECK(plan(row).dp_buckets == DpBuckets::megatron);
  row.note = "MegaScale-MoE";
  CHECK(plan(row).dp_buckets == DpBuckets::layer);
}

TEST_CASE("Row to scenario: what is MLPerf's DeepSeek-V3 alone") {
  MeasuredRow row = mixtral();
  row.source = "MLPerf Training v6.0 log NVIDIA/results/theia_ngpu512";
  row.model = "deepseek-v3";
  row.gpu = "gb300-nvl72";
  row.precision = "mxfp8";
  row.num_gpus = 512;
  row.tp = row.etp = 1;
  row.pp = 4;
  row.vpp = 4;
  row.ep = 32;
  row.gbs = 15360;
  CHECK(read(row).scenario.plan.fp8_output_proj);
  CHECK_FALSE(read(row).scenario.plan.align_param_gather);
  row.gpu = "gb200-nvl72";
  CHECK_FALSE(read(row).scenario.plan.fp8_output_proj);
  row.gpu = "gb300-nvl72";
  CHECK(read(row).scenario.plan.gather_in_step);
  row.note = "parameters gathered between steps (SKIP_TRAIN_CG_PARAM_AG)";
  CHECK_FALSE(read(row).scenario.plan.gather_in_step);
}

TEST_CASE(
    "Row to scenario: MLPerf trains for real, gpt-oss without a balancing loss and with another "
    "vocabulary") {
  MeasuredRow row = mixtral();
  row.note = "";
  CHECK(read(row).scenario.routing.kind == RoutingKind::uniform);
  row.source = "MLPerf Training v6.0 log";
  CHECK(read(row).scenario.routing.kind == RoutingKind::dirichlet);
  CHECK(read(row).scenario.routing.concentration == 11);
  row.model = "gpt-oss-20b";
  row.note = "real data, no balancing loss";
  row.gpu = "gb300-nvl72";
  row.num_gpus = 64;
  row.tp = row.etp = row.pp = row.vpp = 1;
  row.ep = 8;
  CHECK(read(row).scenario.routing.concentration == 0.6);
  CHECK(read(row).scenario.workload.vocab == 128256);
  CHECK(read(row).scenario.plan.dp_bucket_bytes == 2 * 768e6);
  row.source = "NVIDIA-NeMo/Megatron-Bridge@067f987d docs";
  CHECK(read(row).scenario.workload.vocab == 201088);
}

TEST_CASE("Row to scenario: DeepSeek's own training is a production run") {
  MeasuredRow row = mixtral();
  row.model = "deepseek-v3";
  row.gpu = "h800-sxm";
  row.num_gpus = 2048;
  row.gbs = 15360;
  row.tp = 1;
  row.pp = 16;
  row.ep = 64;
  row.overlap = "DualPipe F/B overlap";
  const RowScenario found = read(row);
  REQUIRE(found.reason == "");
  CHECK(found.scenario.plan.schedule == ScheduleKind::dualpipe);
  CHECK(found.scenario.routing.kind == RoutingKind::dirichlet);
  CHECK(found.scenario.plan.recompute_policy().drops(RecomputeModule::mla_up_proj));
  CHECK_FALSE(found.scenario.plan.overlap_param_gather);
  CHECK(assumes(found, "DeepSeek's own training"));
}

TEST_CASE(
    "Row to scenario: release 25.05 on GB200 sent large all-to-alls over InfiniBand, an inference "
    "that is told") {
  MeasuredRow row = mixtral();
  row.gpu = "gb200-nvl72";
  row.model = "deepseek-v3";
  row.num_gpus = 256;
  row.pp = 1;
  row.tp = 1;
  row.ep = 64;
  row.source = "NVIDIA/dgxc-benchmarking tag v25.05.05 deepseek_v3/pretraining/README.md";
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 4);
  CHECK(assumes(read(row), "inferred"));
  row.ep = 8;
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 64);
  row.ep = 64;
  row.source = "NVIDIA-NeMo/Megatron-Bridge@067f987d";
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 64);
}

TEST_CASE("Row to scenario: settings lie over what the row says, and are told") {
  const auto with = [](std::vector<std::string> sets) {
    return scenario_of_row(mixtral(), "", kData, disk_files(), sets);
  };
  const RowScenario found =
      with({"plan.overlap_grad_reduce=true", "platform.device.host_launch_s=5us"});
  REQUIRE(found.reason == "");
  CHECK(found.scenario.plan.overlap_grad_reduce);
  CHECK(found.scenario.platform.pod().device.host_launch_s == Approx(5e-6));
  CHECK(found.scenario.batch.global_batch == 256);
  CHECK(assumes(found, "platform.device.host_launch_s=5us"));
  CHECK_THROWS_AS(with({"plan.no_such_key=1"}), InputError);
  CHECK_THROWS_AS(with({"plan.pp=many"}), InputError);
}

TEST_CASE(
    "Row to scenario: settings that do not fit a row are its reason not to run, and may mend one "
    "that does not") {
  MeasuredRow row = mixtral();
  const auto reason = [&](std::vector<std::string> sets) {
    return scenario_of_row(row, "", kData, disk_files(), sets).reason;
  };
  const std::string misfit = "ep x etp x pp = 3 x 1 x 8 = 24 does not divide platform.gpus = 128";
  CHECK(reason({"plan.ep=3"}) == misfit);
  row.ep = 3;
  CHECK(reason({}) == misfit);
  CHECK(reason({"plan.ep=8"}) == "");
}

TEST_CASE(
    "Row to scenario: the data parallel size tells of context parallelism that is not printed") {
  MeasuredRow row = mixtral();
  row.dp = 4;
  CHECK(read(row).scenario.plan.cp == 2);
  row.cp = 1;
  CHECK(read(row).scenario.plan.cp == 1);
}

TEST_CASE("Row to scenario: gradient accumulation gives the micro-batch where none is printed") {
  MeasuredRow row = mixtral();
  row.note = "GA 8";
  CHECK(read(row).scenario.batch.micro_batch == 4);
  row.mbs = 2;
  CHECK(read(row).scenario.batch.micro_batch == 2);
}

TEST_CASE("Row to scenario: a row that cannot run says why") {
  MeasuredRow row = mixtral();
  row.gbs = 0;
  CHECK(read(row).reason == "gbs is empty");
  row = mixtral();
  row.gpu = "mi355x";
  CHECK(read(row).reason.find("mi355x") != std::string::npos);
  row = mixtral();
  row.tp = 3;
  CHECK(read(row).reason.find("tp x cp x pp") != std::string::npos);
  row = mixtral();
  row.tp = row.pp = row.ep = 0;
  CHECK(read(row).reason == "tp, pp and ep are empty");
}

TEST_CASE(
    "Row to scenario: empty columns take those of the nearest row of the same configuration") {
  std::vector<MeasuredRow> rows(4, mixtral());
  for (int i = 0; i < 4; ++i) rows[i].line = i + 2;
  rows[1].recompute = "none";
  rows[2].recompute = "full";
  rows[2].ep = 8;
  rows[3].dispatcher = "deepep";
  const auto filled = fill_from_equal_rows(rows);
  CHECK(rows[0].recompute == "none");
  CHECK(rows[0].dispatcher == "deepep");
  CHECK(filled[0] == std::vector<std::string>{"recompute", "dispatcher"});
  CHECK(rows[2].dispatcher == "");
  CHECK(filled[2].empty());
  CHECK(rows[3].recompute == "none");
}
