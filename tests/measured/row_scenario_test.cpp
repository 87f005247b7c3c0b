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
  row.model = "mixtral-8x22b", row.gpu = "h100-sxm", row.precision = "bf16";
  row.num_gpus = 128, row.seq_len = 4096, row.gbs = 256;
  row.tp = 2, row.pp = 8, row.ep = 4;
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
  CHECK(assumes(found, "framework not stated: neutral"));
  CHECK(assumes(found, "recompute not stated: none"));
  CHECK(assumes(found, "dispatcher not stated: NCCL"));
  CHECK(assumes(found, "routing not stated: random"));
  CHECK(assumes(found, "ZeRO not stated: stage 1"));
}

TEST_CASE("Row to scenario: free text decides nothing") {
  MeasuredRow row = mixtral();
  const std::string plain = scenario_text(read(row).scenario);
  row.source =
      "arXiv:2504.14960 Table 3, MLPerf Training v6.0, NVIDIA/dgxc-benchmarking tag v25.05";
  row.note = "method=FSDP+EP; CF=1; no MTP; layout Et*56L; GA 8; MegaScale-MoE; CUDA graph; DeepEP";
  row.verified = "no";
  CHECK(scenario_text(read(row).scenario) == plain);
}

TEST_CASE(
    "Row to scenario: the framework's profile sets what the row leaves open, with its source") {
  MeasuredRow row = mixtral();
  row.framework = "megatron-bridge-25.11";
  row.precision = "fp8-current";
  const RowScenario found = read(row);
  CHECK(found.scenario.plan.gradient_bytes == 2);
  CHECK(found.scenario.plan.gather_bytes == 1);
  CHECK(found.scenario.plan.dp_bucket_bytes == 2.0 * (1 << 27));
  CHECK(found.scenario.plan.grouped_gemm == GroupedGemm::per_expert);
  CHECK(assumes(found, "plan.gradient_bytes = 2 (recipe: "));
  row.set = {"plan.gradient_bytes=4"};
  CHECK(read(row).scenario.plan.gradient_bytes == 4);
  CHECK(assumes(read(row), "plan.gradient_bytes=4"));
  CHECK_FALSE(assumes(read(row), "plan.gradient_bytes = 2"));
  row.framework = "no-such-framework";
  CHECK(read(row).reason.starts_with("no framework is named \"no-such-framework\""));
}

TEST_CASE("Row to scenario: a release without a profile says which one stands in") {
  MeasuredRow row = mixtral();
  row.framework = "megatron-bridge-26.05";
  CHECK(assumes(read(row), "framework megatron-bridge-26.05 has no profile of its own: "));
}

TEST_CASE("Row to scenario: the capacity factor decides what tokens are dropped") {
  MeasuredRow row = mixtral();
  row.capacity_factor = 1;
  CHECK(read(row).scenario.routing.kind == RoutingKind::balanced);
  CHECK(read(row).scenario.routing.capacity_factor == 0);
  CHECK(assumes(read(row), "tokens dropped at capacity factor 1: every expert computes the mean"));
  row.capacity_factor = 1.25;
  CHECK(read(row).scenario.routing.kind == RoutingKind::dirichlet);
  CHECK(read(row).scenario.routing.capacity_factor == 1.25);
  row.routing = "uniform";
  CHECK(read(row).scenario.routing.kind == RoutingKind::uniform);
  CHECK(read(row).scenario.routing.capacity_factor == 1.25);
}

TEST_CASE("Row to scenario: routing is a preset's name") {
  MeasuredRow row = mixtral();
  const auto routing = [&](const char* name) {
    row.routing = name;
    return read(row).scenario.routing;
  };
  CHECK(routing("balanced").kind == RoutingKind::balanced);
  CHECK(routing("uniform").kind == RoutingKind::uniform);
  CHECK(routing("natural").concentration == 11);
  CHECK(routing("natural-unbalanced").concentration == 0.6);
  CHECK(assumes(read(row),
                "routing natural-unbalanced: Dirichlet popularity of concentration 0.6 "
                "(scenarios/routings/natural-unbalanced.yaml:"));
  row.routing = "naturl";
  CHECK(read(row).reason == "no routing is named \"naturl\" (did you mean \"natural\"?)");
}

TEST_CASE("Row to scenario: racks of 72 are used in segments that divide the job") {
  MeasuredRow row = mixtral();
  row.gpu = "gb200-nvl72";
  const RowScenario large = read(row);
  CHECK(large.scenario.platform.pod().gpus_per_node == 64);
  CHECK(assumes(large, "64 of the 72 GPUs"));
  CHECK(large.scenario.plan.dispatcher == Dispatcher::hybridep);
  CHECK(assumes(large, "plan.dispatcher = hybridep (inferred: "));
  row.num_gpus = 64;
  row.pp = 4;
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 72);
  row.set = {"platform.gpus_per_node=4"};
  CHECK(read(row).scenario.platform.pod().gpus_per_node == 4);
  CHECK(read(row).scenario.plan.dispatcher == Dispatcher::nccl);
}

TEST_CASE("Row to scenario: layouts, given or built") {
  MeasuredRow row = mixtral();
  row.model = "deepseek-v3", row.num_gpus = 256;
  row.tp = 1, row.ep = 8, row.pp = 4, row.vpp = 4;
  row.layout = "Et*4|(t*4|)*14tmL";
  const RowScenario given = read(row);
  CHECK(given.reason == "");
  CHECK(given.scenario.plan.layout == "Et*4|(t*4|)*14tmL");
  CHECK(given.scenario.plan.schedule == ScheduleKind::interleaved);
  row.layout = "";
  row.mtp = 0;
  const RowScenario built = read(row);
  CHECK(built.reason == "");
  CHECK(built.scenario.workload.mtp_layers == 0);
  CHECK(built.scenario.plan.layout.ends_with("|tL"));
  CHECK(assumes(built, "61 layers in 16 chunks"));
}

TEST_CASE("Row to scenario: values that the table infers are told") {
  MeasuredRow row = mixtral();
  row.vpp = 7;
  row.inferred = {"vpp"};
  CHECK(read(row).scenario.plan.vpp == 7);
  CHECK(read(row).scenario.plan.schedule == ScheduleKind::interleaved);
  CHECK(assumes(read(row), "vpp is not printed: as the table infers it"));
  row.pp = 1;
  CHECK(read(row).scenario.plan.vpp == 1);
  CHECK(assumes(read(row), "vpp without a pipeline has no effect"));
}

TEST_CASE("Row to scenario: precision") {
  MeasuredRow row = mixtral();
  row.precision = "fp8";
  CHECK(read(row).scenario.plan.precision == PrecisionRecipe::fp8_current);
  CHECK(assumes(read(row), "FP8 recipe not stated"));
  row.precision = "fp8-alt";
  CHECK(read(row).scenario.plan.precision == PrecisionRecipe::fp8_block);
  row.gpu = "b200-hgx";
  CHECK(read(row).scenario.plan.precision == PrecisionRecipe::mxfp8);
  row.precision = "";
  CHECK(assumes(read(row), "precision not stated: bf16"));
  row.precision = "fp6";
  CHECK(read(row).reason == "precision fp6 is not known");
}

TEST_CASE("Row to scenario: overlap, graphs and dispatcher") {
  MeasuredRow row = mixtral();
  row.overlap = "ep";
  row.cuda_graph = "step";
  row.dispatcher = "hybridep 32 SMs";
  const Plan plan = read(row).scenario.plan;
  CHECK(plan.ep_overlap);
  CHECK(plan.cuda_graph);
  CHECK(plan.dispatcher == Dispatcher::hybridep);
  CHECK(plan.communication_sms == 32);
  CHECK(plan.cuda_graph_scope == GraphScope::step);
  CHECK(plan.grouped_gemm == GroupedGemm::single);
  row.dispatcher = "deepep";
  CHECK(read(row).scenario.plan.communication_sms == 20);
  row.cuda_graph = "layers";
  CHECK(read(row).scenario.plan.cuda_graph_scope == GraphScope::layers);
  CHECK(read(row).scenario.plan.grouped_gemm == GroupedGemm::per_expert);
  row.cuda_graph = "router";
  CHECK(read(row).scenario.plan.cuda_graph_scope == GraphScope::router);
  row.cuda_graph = "none";
  CHECK_FALSE(read(row).scenario.plan.cuda_graph);
  row.cuda_graph = "";
  CHECK_FALSE(read(row).scenario.plan.cuda_graph);
  CHECK(assumes(read(row), "CUDA graphs not stated: none"));
  row.overlap = "EP overlap; CUDA graph full iteration; torch.compile";
  CHECK(read(row).scenario.plan.cuda_graph_scope == GraphScope::step);
  CHECK(assumes(read(row), "not modelled: torch.compile"));
  row.overlap = "dualpipe";
  CHECK(read(row).scenario.plan.schedule == ScheduleKind::dualpipe);
}

TEST_CASE("Row to scenario: recomputation") {
  MeasuredRow row = mixtral();
  row.recompute = "layernorm,moe_act,act offload";
  const RowScenario found = read(row);
  CHECK(found.scenario.plan.recompute_modules ==
        std::vector{RecomputeModule::layernorm, RecomputeModule::moe_act});
  CHECK(assumes(found, "not modelled: act offload"));
  row.recompute = "full";
  CHECK(read(row).scenario.plan.recompute == Recompute::full);
}

TEST_CASE("Row to scenario: stages of ZeRO") {
  MeasuredRow row = mixtral();
  row.pp = 1;
  row.zero = 3;
  CHECK(read(row).scenario.plan.zero_stage == 3);
  row.zero = 0;
  CHECK(read(row).scenario.plan.zero_stage == 0);
  row.zero = 2;
  CHECK(read(row).scenario.plan.zero_stage == 2);
}

TEST_CASE("Row to scenario: one hardware queue on Hopper leaves gradients exposed") {
  const auto reduces_beside = [](const MeasuredRow& row) {
    return read(row).scenario.plan.overlap_grad_reduce;
  };
  MeasuredRow row = mixtral();
  CHECK_FALSE(reduces_beside(row));
  CHECK(read(row).scenario.plan.overlap_param_gather);
  CHECK(assumes(read(row), "plan.overlap_grad_reduce = false (stated: "));
  row.overlap = "ep";
  CHECK(reduces_beside(row));
  row.overlap = "";
  row.framework = "megascale";
  CHECK(reduces_beside(row));
  row.framework = "";
  row.gpu = "b200-hgx";
  CHECK(reduces_beside(row));
  row.gpu = "h100-sxm";
  row.tp = 1;
  CHECK(reduces_beside(row));
  row.framework = "megatron-lm-folding";
  CHECK_FALSE(reduces_beside(row));
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

TEST_CASE("Row to scenario: a setting of the row that names no key is an error of the table") {
  MeasuredRow row = mixtral();
  row.set = {"plan.ep_overlapp=true"};
  row.set_place = {"t.csv", 3, 41};
  CHECK_THROWS_WITH(
      read(row), "t.csv:3:41: plan.ep_overlapp: is not a known key (did you mean \"ep_overlap\"?)");
}

TEST_CASE("Row to scenario: values of a framework round-trip through the scenario's text") {
  MeasuredRow row = mixtral();
  row.framework = "mlperf-v6.0";
  const std::string text = scenario_text(read(row).scenario);
  const MemoryFiles files({{"s.yaml", text}});
  CHECK(scenario_text(load_unchecked_scenario("s.yaml", {}, kData, files).scenario) == text);
}

TEST_CASE("Row to scenario: a row that cannot run says why") {
  MeasuredRow row = mixtral();
  row.gbs = 0;
  CHECK(read(row).reason == "gbs is empty");
  row = mixtral();
  row.gpu = "mi999x";
  CHECK(read(row).reason.find("mi999x") != std::string::npos);
  row = mixtral();
  row.tp = 3;
  CHECK(read(row).reason.find("tp x cp x pp") != std::string::npos);
  row = mixtral();
  row.tp = row.pp = row.ep = 0;
  CHECK(read(row).reason == "tp, pp and ep are empty");
}
