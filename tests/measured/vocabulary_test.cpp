#include "measured/vocabulary.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

MeasuredRow with(std::string MeasuredRow::*column, const std::string& text) {
  MeasuredRow row;
  row.*column = text;
  return row;
}
MeasuredRow overlap(const std::string& text) { return with(&MeasuredRow::overlap, text); }
MeasuredRow note(const std::string& text) { return with(&MeasuredRow::note, text); }

std::vector<RecomputeModule> modules(const std::string& text) {
  return stated_recompute(with(&MeasuredRow::recompute, text)).value().policy.modules;
}

}  // namespace

TEST_CASE("Row text: overlap of expert-parallel communication, in the words of the sources") {
  CHECK(stated_ep_overlap(overlap("EP A2A overlap ON; CUDA graph full_iteration ")) == true);
  CHECK(stated_ep_overlap(
            overlap("1F1B EP-comm overlap, delayed wgrad, full-iteration CUDA graph")) == true);
  CHECK(stated_ep_overlap(overlap("DualPipe full F/B overlap, 20 SMs comm")) == true);
  CHECK(stated_ep_overlap(overlap("A2A_OVERLAP=1; CUDA graph")) == true);
  CHECK(stated_ep_overlap(overlap("EP overlap on, delayed wgrad off, CUDA graph moe_router")) ==
        true);
  CHECK(stated_ep_overlap(overlap("A2A_OVERLAP=0")) == false);
  CHECK(stated_ep_overlap(overlap("EP overlap OFF (matched A/B)")) == false);
  CHECK(stated_ep_overlap(overlap("overlap OFF; CUDA graph")) == false);
  CHECK(stated_ep_overlap(overlap("DP/PP overlap only")) == false);
  CHECK(stated_ep_overlap(overlap("grad-reduce+param-gather overlap")) == false);
  CHECK(stated_ep_overlap(
            note("DeepEP flex dispatcher 20 SMs, EP A2A overlap ON, TP comm overlap ON")) == true);
  CHECK(stated_ep_overlap(note("force-balanced")) == std::nullopt);
}

TEST_CASE("Row text: scope of CUDA graphs") {
  CHECK(stated_cuda_graph(overlap("EP A2A overlap ON; CUDA graph full_iteration ")) ==
        StatedGraph::step);
  CHECK(stated_cuda_graph(overlap(
            "EP A2A overlap OFF; CUDA graph transformer_engine attn+moe_router+moe_preprocess")) ==
        StatedGraph::layers);
  CHECK(stated_cuda_graph(overlap("A2A overlap + CUDA graph (moe_router,moe_preprocess)")) ==
        StatedGraph::router);
  CHECK(stated_cuda_graph(overlap("EP A2A overlap OFF; no CUDA graph")) == StatedGraph::none);
  CHECK(stated_cuda_graph(overlap("no EP overlap")) == StatedGraph::none);
  CHECK(stated_cuda_graph(note("")) == std::nullopt);
}

TEST_CASE("Row text: recomputed modules") {
  using M = RecomputeModule;
  CHECK(modules("layernorm,moe_act") == std::vector{M::layernorm, M::moe_act});
  CHECK(modules("norm,act,shared_expert") ==
        std::vector{M::layernorm, M::moe_act, M::shared_experts});
  CHECK(modules("up_proj,mlp (Table 17 also lists moe_act,layernorm)") ==
        std::vector{M::mla_up_proj, M::mlp});
  CHECK(modules("RMSNorm, MLA up-proj (report sec 3.2.3)") ==
        std::vector{M::layernorm, M::mla_up_proj});
  CHECK(stated_recompute(with(&MeasuredRow::recompute, "full"))->policy.kind == Recompute::full);
  CHECK(stated_recompute(with(&MeasuredRow::recompute, "none"))->policy.kind == Recompute::none);
  CHECK(stated_recompute(with(&MeasuredRow::recompute, "moe_act + act offload"))->unknown ==
        std::vector<std::string>{"act offload"});
  CHECK(stated_recompute(note("GA=64; v25.07 lists recompute core_attn"))->policy.modules ==
        std::vector{M::core_attn});
  CHECK_FALSE(stated_recompute(note("")).has_value());
}

TEST_CASE("Row text: dispatcher and its SMs") {
  CHECK(stated_dispatcher(
            with(&MeasuredRow::dispatcher, "flex/HybridEP (EP32 inside one NVL72 domain)")) ==
        Dispatcher::hybridep);
  CHECK(stated_dispatcher(with(&MeasuredRow::dispatcher, "DeepEP predecessor")) ==
        Dispatcher::deepep);
  CHECK(stated_dispatcher(with(&MeasuredRow::dispatcher, "nccl")) == Dispatcher::nccl);
  CHECK(stated_dispatcher(note("config; HybridEP; CUDA graph")) == Dispatcher::hybridep);
  CHECK(stated_dispatcher(note("")) == std::nullopt);
  CHECK(stated_communication_sms(with(&MeasuredRow::dispatcher, "HybridEP 32 SMs")) == 32);
  CHECK(stated_communication_sms(with(&MeasuredRow::dispatcher, "hybridep")) == std::nullopt);
}

TEST_CASE("Row text: pipeline layout in the note") {
  CHECK(stated_layout(note("recipe v1 pp_layout=Et*4|(t*4|)*14tmL; step_time derived")) ==
        "Et*4|(t*4|)*14tmL");
  CHECK(stated_layout(note("PP8 per Table 17; layout Et*3|(tt|)*29m|L; x")) == "Et*3|(tt|)*29m|L");
  CHECK(stated_layout(note("PP layout Et*4|(tttt|)*14tmL")) == "Et*4|(tttt|)*14tmL");
  CHECK(stated_layout(note("parallel layout pure DP inferred")) == "");
  CHECK(stated_layout(note("LAYOUT INCONSISTENT: config file")) == "");
}

TEST_CASE("Row text: routing") {
  CHECK(stated_routing(note("force-balanced experts, dropless")) == StatedRouting::forced);
  CHECK(stated_routing(note("iterations 41-50; force balance; peak mem")) == StatedRouting::forced);
  CHECK(stated_routing(note("REAL data and REAL routing (force balancing off, aux loss 0.01)")) ==
        StatedRouting::natural);
  CHECK(stated_routing(note("aux loss+token drop")) == StatedRouting::capacity_limited);
  CHECK(stated_routing(note("method=FSDP+EP; CF=1; row alignment")) ==
        StatedRouting::capacity_limited);
  CHECK(stated_routing(note("GA=8")) == StatedRouting::open);
  CHECK(stated_capacity_factor(note("SP, expert capacity 1.25, DeepEP")) == 1.25);
  CHECK(stated_capacity_factor(note("token drop CF=1; tflops derived = MFU*989.5")) == 1.0);
  CHECK(stated_capacity_factor(note("token-drop")) == std::nullopt);
}

TEST_CASE("Row text: FSDP, MTP and accumulation") {
  CHECK(states_fsdp(note("method=FSDP+EP; CF=1")));
  CHECK(states_fsdp(note("FSDP on, GA=4")));
  CHECK(states_fsdp(note("dense model; FSDP=64 (0); GA=1 (16)")));
  CHECK_FALSE(states_fsdp(note("dense model; FSDP=64 (0); GA=1 (16); parenthesised variant")));
  CHECK_FALSE(states_fsdp(note("method=MCore w/ Folding")));
  CHECK(states_no_mtp(note("no MTP layer; without MTP; GA=32")));
  CHECK_FALSE(states_no_mtp(note("with MTP layer")));
  CHECK(stated_accumulation(note("real data; GBS 24, GA 1 (=3 seq/GPU)")) == 1);
  CHECK(stated_accumulation(note("without MTP; GA=32; step")) == 32);
  CHECK(stated_accumulation(note("MEGA 3")) == std::nullopt);
}
