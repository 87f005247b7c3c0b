#include "measured/vocabulary.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

using Words = std::vector<std::string>;

std::vector<RecomputeModule> modules(const std::string& text) {
  return read_recompute(text).policy.modules;
}

}  // namespace

TEST_CASE("Vocabulary: overlap, in the words of its documentation") {
  CHECK(read_overlap("ep").ep == true);
  CHECK(read_overlap("none").ep == false);
  CHECK(read_overlap("dp,pp").ep == false);
  CHECK(read_overlap("grad_reduce,param_gather").ep == false);
  CHECK(read_overlap("ep,delayed_wgrad").delay_wgrad == true);
  CHECK(read_overlap("ep").delay_wgrad == std::nullopt);
  CHECK(read_overlap("dualpipe").dualpipe);
  CHECK(read_overlap("dualpipe").ep == std::nullopt);
  CHECK(read_overlap("").ep == std::nullopt);
  for (const char* text : {"ep", "none", "dp,pp", "ep,delayed_wgrad", "dualpipe", ""})
    CHECK(read_overlap(text).unknown.empty());
}

TEST_CASE("Vocabulary: overlap as sources spell it") {
  for (const char* text :
       {"EP A2A overlap ON; CUDA graph full_iteration ", "A2A_OVERLAP=1; CUDA graph",
        "1F1B EP-comm overlap, full-iteration CUDA graph", "overlap ON; CUDA graph",
        "EP overlap on, delayed wgrad off, CUDA graph moe_router", "EP overlap ON (matched A/B)"}) {
    CAPTURE(text);
    CHECK(read_overlap(text).ep == true);
    CHECK(read_overlap(text).unknown.empty());
  }
  for (const char* text :
       {"A2A_OVERLAP=0", "EP overlap OFF (matched A/B)", "no EP overlap", "overlap OFF; CUDA graph",
        "DP/PP overlap only", "no CUDA graph", "grad-reduce+param-gather overlap"}) {
    CAPTURE(text);
    CHECK(read_overlap(text).ep == false);
    CHECK(read_overlap(text).unknown.empty());
  }
  CHECK(read_overlap("DualPipe F/B overlap").dualpipe);
  CHECK(read_overlap("EP overlap on, delayed wgrad off").delay_wgrad == false);
}

TEST_CASE("Vocabulary: phrases of overlap with a word that is not known are named whole") {
  const OverlapWords words = read_overlap("FSDP prefetch, EP overlap; torch.compile");
  CHECK(words.unknown == Words{"fsdp prefetch", "torch.compile"});
  CHECK(words.ep == true);
}

TEST_CASE("Vocabulary: what a CUDA graph holds") {
  const auto graph = [](const char* text) { return read_overlap(text).graph; };
  CHECK(graph("EP A2A overlap ON; CUDA graph full_iteration ") == GraphWord::step);
  CHECK(graph("CUDA graph transformer_engine attn+moe_router+moe_preprocess") == GraphWord::layers);
  CHECK(graph("A2A overlap + CUDA graph (moe_router,moe_preprocess)") == GraphWord::router);
  CHECK(graph("overlap OFF; CUDA graph") == GraphWord::layers);
  CHECK(graph("EP A2A overlap OFF; no CUDA graph") == GraphWord::none);
  CHECK(graph("no EP overlap") == std::nullopt);
  CHECK(read_graph("step") == GraphWord::step);
  CHECK(read_graph("layers") == GraphWord::layers);
  CHECK(read_graph("router") == GraphWord::router);
  CHECK(read_graph("none") == GraphWord::none);
  CHECK(read_graph("full") == std::nullopt);
}

TEST_CASE("Vocabulary: recomputed modules") {
  using M = RecomputeModule;
  CHECK(modules("layernorm,moe_act") == std::vector{M::layernorm, M::moe_act});
  CHECK(modules("norm,act,shared_expert") ==
        std::vector{M::layernorm, M::moe_act, M::shared_experts});
  CHECK(modules("up_proj,mlp (Table 17 also lists moe_act,layernorm)") ==
        std::vector{M::mla_up_proj, M::mlp});
  CHECK(modules("RMSNorm, MLA up-proj (report sec 3.2.3)") ==
        std::vector{M::layernorm, M::mla_up_proj});
  CHECK(read_recompute("full").policy.kind == Recompute::full);
  CHECK(read_recompute("none").policy.kind == Recompute::none);
  CHECK(read_recompute("moe_act + act offload").unknown == Words{"act offload"});
}

TEST_CASE("Vocabulary: dispatcher and its SMs") {
  const auto dispatcher = [](const char* text) { return read_dispatcher(text).dispatcher; };
  CHECK(dispatcher("flex/HybridEP (EP32 inside one NVL72 domain)") == Dispatcher::hybridep);
  CHECK(dispatcher("nccl") == Dispatcher::nccl);
  CHECK(dispatcher("alltoall (NCCL)") == Dispatcher::nccl);
  CHECK(dispatcher("allgather") == Dispatcher::allgather);
  CHECK(dispatcher("none (EP1)") == std::nullopt);
  CHECK(read_dispatcher("none (EP1)").unknown.empty());
  CHECK(dispatcher("DeepEP predecessor") == Dispatcher::deepep);
  CHECK(read_dispatcher("DeepEP predecessor").unknown == "predecessor");
  CHECK(read_dispatcher("per recipe").unknown == "per recipe");
  CHECK(read_dispatcher("HybridEP 32 SMs").communication_sms == 32);
  CHECK(read_dispatcher("DeepEP (20 SMs)").communication_sms == 20);
  CHECK(read_dispatcher("hybridep").communication_sms == std::nullopt);
}

TEST_CASE("Vocabulary: precision, and what a word leaves open") {
  CHECK(read_precision("mxfp8", true).recipe == "mxfp8");
  CHECK(read_precision("mxfp8", true).choice == "");
  CHECK(read_precision("fp8", false).recipe == "fp8-current");
  CHECK(read_precision("fp8", false).choice == "FP8 recipe not stated: per-tensor current scaling");
  CHECK(read_precision("fp8-tensorwise", true).recipe == "fp8-current");
  CHECK(read_precision("fp8-blockwise", true).recipe == "fp8-block");
  CHECK(read_precision("fp8-alt", true).recipe == "mxfp8");
  CHECK(read_precision("fp8-alt", false).recipe == "fp8-block");
  CHECK(read_precision("fp6", false).recipe == "");
}
