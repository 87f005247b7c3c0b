#include "measured/validate_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <tuple>

#include "base/diagnostics.hpp"
#include "config/consistency.hpp"
#include "measured/validate_layout.hpp"
#include "measured/validate_text.hpp"

namespace moesim {
namespace {

// Of Dirichlet-distributed expert popularity: the most loaded of 64 experts gets 1.7 times the
// mean, as measured with an auxiliary loss of 0.001 at the end of training (arXiv:2408.15664 Table
// 2: 1.72 and 1.52).
constexpr double kNaturalConcentration = 11;
// Without a balancing loss: the most loaded of 128 experts gets 7.2 times the mean. Measured on
// Qwen3-30B-A3B routing freely, 93 microbatches, mean over layers: 7.34 on DAPO-Math, 7.08 on
// StarCoderData (somebody's research note on GitHub; the collection that we took the figures from
// does not name it).
constexpr double kUnbalancedConcentration = 0.6;

bool is_blackwell(const std::string& gpu) { return gpu.starts_with("b") || gpu.starts_with("gb"); }
bool is_rack(const std::string& gpu) { return gpu.find("nvl72") != std::string::npos; }
int or_one(int value) { return std::max(1, value); }

class RowReader {
 public:
  RowReader(const MeasuredRow& row, const std::string& platform, const SearchPath& search,
            const Files& files)
      : row_(row), platform_(platform), search_(search), files_(files) {}

  RowScenario read(const std::vector<std::string>& sets) {
    require_sizes();
    if (result_.reason.empty()) load();
    if (!result_.reason.empty()) return std::move(result_);
    set_mapping();
    set_precision();
    set_recompute();
    set_communication();
    set_data_parallel();
    set_kernels();
    set_routing();
    set_batch();
    if (!sets.empty()) lay_over(sets);
    Problems problems;
    check_consistency(scenario(), {}, problems);
    if (!problems.empty() && result_.reason.empty())
      result_.reason = problems.items().front().message;
    return std::move(result_);
  }

 private:
  Scenario& scenario() { return result_.scenario; }
  Plan& plan() { return result_.scenario.plan; }
  void assume(std::string text) { result_.assumptions.push_back(std::move(text)); }

  bool is_mlperf() const { return contains_any(lowered(row_.source), {"mlperf"}); }
  bool is_mlperf_deepseek() const { return is_mlperf() && row_.model == "deepseek-v3"; }
  bool is_mlperf_gpt_oss() const { return is_mlperf() && row_.model == "gpt-oss-20b"; }
  bool is_deepseeks_own() const { return contains_any(lowered(row_.overlap), {"dualpipe"}); }
  bool has_own_framework() const {
    return is_deepseeks_own() || contains_any(row_.note, {"MegaScale"});
  }

  void require_sizes() {
    for (const auto& [value, name] :
         {std::pair(row_.num_gpus, "num_gpus"), std::pair(row_.seq_len, "seq_len"),
          std::pair(row_.gbs, "gbs")})
      if (value == 0 && result_.reason.empty()) result_.reason = fmt::format("{} is empty", name);
    if (row_.tp == 0 && row_.pp == 0 && row_.ep == 0 && result_.reason.empty())
      result_.reason = "tp, pp and ep are empty";
  }

  void load();
  void take_software(const std::string& platform);
  void set_mapping();
  void set_chunks();
  void set_layout();
  void set_precision();
  void set_recompute();
  void set_communication();
  void set_data_parallel();
  void set_dispatcher();
  void set_deepseeks_own();
  void set_kernels();
  void set_routing();
  void set_batch();
  void lay_over(const std::vector<std::string>& sets);

  const MeasuredRow& row_;
  const std::string& platform_;
  const SearchPath& search_;
  const Files& files_;
  RowScenario result_;
};

// What the default profile knows of the software that runs on this platform.
void RowReader::take_software(const std::string& platform) {
  const MemoryFiles text({{"row.yaml", "batch: {global_batch: 1, sequence_length: 1}"}}, &files_);
  const Scenario blank = load_unchecked_scenario("row.yaml",
                                                 {"workload=" + row_.model, "platform=" + platform,
                                                  fmt::format("platform.gpus={}", row_.num_gpus)},
                                                 search_, text)
                             .scenario;
  scenario().platform = blank.platform;
  plan() = blank.plan;
}

void RowReader::load() {
  const std::string platform = platform_.empty() ? row_.gpu : platform_;
  try {
    std::vector<std::string> workload_sets;
    if (states_no_mtp(row_)) workload_sets.push_back("mtp_layers=0");
    // vocab_size in the pretrain.py of NVIDIA's and Cisco's submissions; the others' is not
    // published.
    if (is_mlperf_gpt_oss()) workload_sets.push_back("vocab=128256");
    scenario().workload = load_workload(row_.model, workload_sets, search_, files_);
    scenario().platform.system =
        load_pod(platform, {fmt::format("gpus={}", row_.num_gpus)}, search_, files_);
    take_software(platform);
  } catch (const InputError& error) {
    result_.reason = error.problems().items().front().message;
    return;
  }
  scenario().name = fmt::format("{} {} x {}", row_.model, row_.num_gpus, row_.gpu);
  // Jobs take whole trays from each rack: 64 of 72 GPUs for the powers of two that all sources use.
  Pod& pod = scenario().platform.pod();
  if (pod.gpus > pod.gpus_per_node && pod.gpus % pod.gpus_per_node != 0) {
    int segment = pod.gpus_per_node;
    while (pod.gpus % segment != 0) --segment;
    assume(fmt::format("{} of the {} GPUs of each NVLink domain are used", segment,
                       pod.gpus_per_node));
    pod.gpus_per_node = segment;
  }
  // Inferred from the rows themselves, since the source names no cause: all-to-alls of DeepSeek-V3
  // and Llama 4 (32 and 64 ranks) take as long as their bytes take over InfiniBand, 38 and 42 GB/s
  // per GPU, in BF16 and FP8 alike. Those of Grok-1 (8 ranks) do not, nor those of any later
  // release.
  if (is_rack(row_.gpu) && contains_any(row_.source, {"v25.05"}) && row_.ep >= 32) {
    pod.gpus_per_node = 4;
    assume(
        "inferred: release 25.05 sent what leaves 4 GPUs over InfiniBand, in jobs with 32 "
        "expert-parallel ranks and "
        "more");
  }
}

void RowReader::set_mapping() {
  Plan& p = plan();
  p.tp = or_one(row_.tp);
  p.pp = or_one(row_.pp);
  p.vpp = or_one(row_.vpp);
  p.cp = or_one(row_.cp);
  p.ep = or_one(row_.ep);
  p.etp = or_one(row_.etp);
  if (p.pp == 1 && p.vpp > 1) {
    assume("vpp without a pipeline has no effect");
    p.vpp = 1;
  }
  const int stated = p.tp * p.pp * row_.dp;
  if (row_.cp == 0 && stated > 0 && row_.num_gpus % stated == 0 && row_.num_gpus > stated) {
    p.cp = row_.num_gpus / stated;
    assume(fmt::format("tp x pp x dp leaves {} devices per sequence: context parallel", p.cp));
  }
  // Megatron-LM's default for --expert-tensor-parallel-size is the tensor parallel size;
  // arXiv:2504.14960 calls everything else folding.
  const bool unfolded = row_.note.find("method=") != std::string::npos &&
                        row_.note.find("Folding") == std::string::npos;
  if (row_.etp == 0 && p.tp > 1 &&
      (unfolded || row_.note.find("Megatron-LM") != std::string::npos)) {
    p.etp = p.tp;
    assume("experts are cut by tp too (etp = tp), as Megatron-LM does without parallel folding");
  }
  if (states_fsdp(row_)) p.zero_stage = 3;
  set_chunks();
  set_layout();
}

// Papers print PP without VPP. Those with Megatron-LM's 1F1B mean the interleaved schedule:
// Megatron-MoE-ModelZoo runs the same mapping of Mixtral 8x22B with one layer per chunk (TP2 PP8
// VPP7), and from 128 to 16 microbatches on 8 stages plain 1F1B alone would lose 27 % of the speed
// where arXiv:2504.14960 Table 4 measured 14 %. One series of that paper loses 32 %: its
// fine-grained Mixtral without folding. Plain 1F1B meets its five rows, of two tables and 16 to 128
// microbatches, within 1 %; one layer per chunk would be 3 to 37 % too fast.
void RowReader::set_chunks() {
  Plan& p = plan();
  const bool folding = row_.note.find("Folding") != std::string::npos;
  if (row_.vpp == 0 && p.pp > 1 && contains_any(row_.source, {"arXiv:2504.14960"}) &&
      row_.model == "mixtral-8x22b-g8t8" && !folding)
    return assume("inferred: vpp not printed, no virtual stages");
  const int layers = scenario().workload.layers;
  const bool paper = row_.source.starts_with("arXiv:") &&
                     lowered(row_.overlap).find("dualpipe") == std::string::npos;
  if (row_.vpp == 0 && p.pp > 1 && paper && layers % p.pp == 0) {
    const int dp = row_.num_gpus / (p.tp * p.cp * p.pp);
    if (dp > 0 && row_.gbs / (dp * or_one(row_.mbs)) % p.pp == 0) {
      p.vpp = layers / p.pp;
      assume("vpp not printed: interleaved, one layer per chunk");
    }
  }
  if (p.vpp > 1) p.schedule = ScheduleKind::interleaved;
}

void RowReader::set_layout() {
  Plan& p = plan();
  p.layout = stated_layout(row_);
  if (!p.layout.empty()) return;
  p.layout = uneven_layout(scenario().workload, p.pp * p.vpp);
  if (!p.layout.empty())
    assume(fmt::format("{} layers in {} chunks, as Megatron cuts them: {}",
                       scenario().workload.layers, p.pp * p.vpp,
                       (scenario().workload.layers + 2) % (p.pp * p.vpp) == 0
                           ? "embedding and loss count as layers"
                           : "the last chunk has fewer"));
}

void RowReader::set_precision() {
  Plan& p = plan();
  const std::string& text = row_.precision;
  if (text.empty() || text == "bf16") {
    p.precision = PrecisionRecipe::bf16;
  } else if (text == "fp8-delayed") {
    p.precision = PrecisionRecipe::fp8_delayed;
  } else if (text == "fp8-current") {
    p.precision = PrecisionRecipe::fp8_current;
  } else if (text == "fp8-block" || (text == "fp8" && is_deepseeks_own())) {
    p.precision = PrecisionRecipe::fp8_block;
  } else if (text == "mxfp8") {
    p.precision = PrecisionRecipe::mxfp8;
  } else if (text == "nvfp4") {
    p.precision = PrecisionRecipe::nvfp4;
  } else if (text == "fp8") {
    p.precision = PrecisionRecipe::fp8_current;
    assume("FP8 recipe not stated: per-tensor current scaling");
  } else if (text == "fp8-alt") {
    p.precision = is_blackwell(row_.gpu) ? PrecisionRecipe::mxfp8 : PrecisionRecipe::fp8_block;
    assume("FP8 in the alternative granularity: MXFP8 on Blackwell, block-wise on Hopper");
  } else {
    result_.reason = fmt::format("precision {} is not known", text);
  }
  // FP8_OUTPUT_PROJ=True in all of its configurations for GB300, in none for GB200.
  p.fp8_output_proj = is_mlperf_deepseek() && row_.gpu == "gb300-nvl72";
}

void RowReader::set_recompute() {
  if (is_deepseeks_own()) return;  // set_deepseeks_own
  const auto stated = stated_recompute(row_);
  if (!stated) return assume("recompute not stated: none");
  plan().recompute = stated->policy.kind;
  plan().recompute_modules = stated->policy.modules;
  for (const std::string& word : stated->unknown) assume(fmt::format("not modelled: {}", word));
}

void RowReader::set_communication() {
  Plan& p = plan();
  if (scenario().workload.experts > 0) set_dispatcher();
  const auto overlap = stated_ep_overlap(row_);
  auto graph = stated_cuda_graph(row_);
  // All logs of MLPerf Training v6.0 whose configuration was seen capture the whole step, optimizer
  // included.
  const bool scope_stated = contains_any(lowered(row_.overlap + row_.note), {"cuda graph attn"});
  if (is_mlperf() && !scope_stated) {
    if (graph != StatedGraph::step)
      assume("CUDA graph of the whole step, as in the MLPerf v6.0 logs that say so");
    graph = StatedGraph::step;
  }
  if (!overlap && p.ep > 1) assume("overlap of expert-parallel communication not stated: none");
  if (!graph) assume("CUDA graphs not stated: none");
  p.ep_overlap = p.ep > 1 && overlap.value_or(false);
  p.cuda_graph = graph && *graph != StatedGraph::none;
  if (graph == StatedGraph::router) p.cuda_graph_scope = GraphScope::router;
  if (graph == StatedGraph::layers) p.cuda_graph_scope = GraphScope::layers;
  if (is_deepseeks_own()) set_deepseeks_own();
  if (row_.note.find("Muon") != std::string::npos) assume("Muon optimizer, simulated as Adam");
}

// Gradients are reduced in BF16 by the recipes of Megatron-Bridge, of NeMo
// (nemo/collections/llm/recipes) and of MLPerf Training v6.0 (pretrain.py: grad_reduce_in_fp32 =
// False).
//
// With one hardware queue (CUDA_DEVICE_MAX_CONNECTIONS=1) kernels start in the order of their
// launches: gathers, which are launched early, still overlap; reduce-scatters, which wait for
// gradients, hold up whatever was launched after them (profiles in verl-project/verl-omni#421).
// Megatron-Bridge sets it on Hopper with tensor or context parallelism unless EP overlap is on
// (recipes/run_plugins.py), and Cisco's Hopper row of MLPerf v6.0 in its configuration file. That
// the measurements of arXiv:2504.14960 ran with it, FSDP's too, is inferred from them
// (docs/VALIDATION.md).
//
// With an interleaved schedule Megatron-LM aligns the gathers of all stages unless
// --no-align-param-gather is given, and so do NeMo and Megatron-Bridge (training/comm_overlap.py);
// MLPerf Training v6.0 does not (conf/deepseekv3_671b.yaml, conf/gpt_oss.yaml; Cisco does, without
// a pipeline). Buckets: 128 Mi parameters in Megatron-Bridge (comm_overlap.py) and MLPerf's
// DeepSeek-V3 (conf/deepseekv3_671b.yaml), 768 million in its gpt-oss (BUCKET_SIZE in
// config_common.sh), else Megatron-Core's default. How other frameworks cut is not known: by
// layers.
void RowReader::set_data_parallel() {
  Plan& p = plan();
  const bool bridge = contains_any(row_.source, {"Megatron-Bridge", "dgxc-benchmarking"});
  if (bridge || is_mlperf()) p.gradient_bytes = 2;
  p.align_param_gather = !is_mlperf();
  p.gather_in_step = !contains_any(row_.note, {"parameters gathered between steps"});
  // fp8_param_gather of training/mixed_precision.py; MXFP8 is gathered as bf16, into the buffer of
  // gradients.
  const bool scaled_per_tensor =
      p.precision == PrecisionRecipe::fp8_delayed || p.precision == PrecisionRecipe::fp8_current;
  if (scaled_per_tensor && (bridge || contains_any(row_.note, {"FP8 params"}))) p.gather_bytes = 1;
  if (has_own_framework()) p.dp_buckets = DpBuckets::layer;
  if (bridge || is_mlperf_deepseek()) p.dp_bucket_bytes = 134217728 * p.gradient_bytes;
  if (is_mlperf_gpt_oss()) p.dp_bucket_bytes = 768e6 * p.gradient_bytes;
  if (is_blackwell(row_.gpu) || has_own_framework()) return;
  const bool always = contains_any(row_.source, {"arXiv:2504.14960"}) ||
                      contains_any(lowered(row_.note), {"tp comm overlap on"});
  // Today's Megatron-Core refuses FSDP on a single queue.
  if (!always && (p.ep_overlap || p.zero_stage == 3 || (p.tp == 1 && p.cp == 1))) return;
  p.overlap_grad_reduce = false;
  assume(
      fmt::format("{}one hardware queue, as Megatron sets it before Blackwell: gradients are not "
                  "reduced beside compute",
                  contains_any(row_.source, {"arXiv:2504.14960"}) ? "inferred: " : ""));
}

// All of these rows but DeepSeek's and ByteDance's own ran Megatron-Core with TransformerEngine's
// GroupedLinear. A graph of the whole step cannot know how many rows an expert gets, so those rows
// must have grouped kernels that read the numbers on the device.
void RowReader::set_kernels() {
  Plan& p = plan();
  const bool whole_graph = p.cuda_graph && p.cuda_graph_scope == GraphScope::step;
  if (scenario().workload.experts > 0 && !has_own_framework() && !whole_graph)
    p.grouped_gemm = GroupedGemm::per_expert;
  // The measurements of the paper of April 2025 precede the fused permutation; MegaScale-MoE's (May
  // 2025) of Megatron-LM do not say that they switch it on (--moe-permute-fusion is off by
  // default).
  if (row_.source.starts_with("arXiv:2504.14960") ||
      (row_.source.starts_with("arXiv:2505.11432") && !has_own_framework())) {
    p.fused_permutation = false;
    assume(
        "tokens permuted by unfused operators, as Megatron-Core did before release 0.11 and does "
        "by default");
  }
}

// What its report (arXiv:2412.19437 sections 3.2 and 3.3) says of the training that all of these
// rows are about. arXiv:2505.09343 Table 4 has 0.29 s for the optimizer, where Adam's bytes take 11
// ms: the rest is what gradients and parameters take between replicas when nothing hides them.
void RowReader::set_deepseeks_own() {
  Plan& p = plan();
  p.schedule = ScheduleKind::dualpipe;  // overlaps by itself
  p.ep_overlap = false;
  p.overlap_grad_reduce = p.overlap_param_gather = false;
  assume("inferred: gradients and parameters travel between replicas when nothing computes");
  p.dispatch_precision = PrecisionRecipe::fp8_block;
  p.moment_bytes = 2;
  p.saved_hidden_bytes = 1;
  p.recompute = Recompute::selective;
  p.recompute_modules = {RecomputeModule::layernorm, RecomputeModule::mla_up_proj,
                         RecomputeModule::moe_act};
  assume(
      "DeepSeek's own training (arXiv:2412.19437 sections 3.2, 3.3): FP8 dispatch, BF16 moments, "
      "one byte per saved "
      "hidden value, norms, MLA up-projection and SwiGLU recomputed");
}

void RowReader::set_dispatcher() {
  Plan& p = plan();
  if (p.ep == 1) return;
  if (const auto stated = stated_dispatcher(row_)) {
    p.dispatcher = *stated;
  } else {
    // HybridEP came with the releases of late 2025.
    const bool early = row_.source.find("25.05") != std::string::npos ||
                       row_.source.find("25.09") != std::string::npos;
    p.dispatcher = is_rack(row_.gpu) && !early ? Dispatcher::hybridep : Dispatcher::nccl;
    assume(fmt::format("dispatcher not stated: {}",
                       p.dispatcher == Dispatcher::nccl ? "NCCL" : "HybridEP"));
  }
  // Defaults of DeepEP (Buffer.num_sms) and of Megatron-Core (moe_hybridep_num_sms);
  // Megatron-Bridge's recipes and MLPerf's DeepSeek-V3 (conf/model/671b.yaml) set 32.
  const bool bridge = is_mlperf() || contains_any(row_.source, {"Megatron-Bridge"});
  const int usual = p.dispatcher == Dispatcher::deepep     ? 20
                    : p.dispatcher != Dispatcher::hybridep ? 0
                    : bridge                               ? 32
                                                           : 16;
  p.communication_sms = usual == 0 ? 0 : stated_communication_sms(row_).value_or(usual);
}

void RowReader::set_routing() {
  RoutingSpec& routing = scenario().routing;
  if (scenario().workload.experts == 0) return;
  const auto natural = [&] {
    routing.kind = RoutingKind::dirichlet;
    if (contains_any(row_.note, {"no balancing loss"})) {
      routing.concentration = kUnbalancedConcentration;
      return assume(
          "no balancing loss: Dirichlet popularity, the most loaded of 128 experts 7.2 times the "
          "mean");
    }
    routing.concentration = kNaturalConcentration;
    assume(
        "natural routing: Dirichlet popularity, the most loaded of 64 experts 1.7 times the mean");
  };
  switch (stated_routing(row_)) {
    case StatedRouting::forced:
      routing.kind = RoutingKind::uniform;
      break;
    case StatedRouting::natural:
      natural();
      break;
    case StatedRouting::open:
      if (is_deepseeks_own() || is_mlperf()) return natural();  // these train for real
      routing.kind = RoutingKind::uniform;
      assume("routing not stated: random, every expert equally likely");
      break;
    case StatedRouting::capacity_limited:
      routing.capacity_factor = stated_capacity_factor(row_).value_or(1);
      if (!stated_capacity_factor(row_)) assume("capacity factor not stated: 1");
      if (routing.capacity_factor > 1) return natural();
      // No expert may exceed the mean, so the busiest ranks have it, and padding gives it to the
      // others.
      routing.kind = RoutingKind::balanced;
      routing.capacity_factor = 0;
      assume("tokens dropped at capacity factor 1: every expert computes the mean");
      break;
  }
}

void RowReader::set_batch() {
  Batch& batch = scenario().batch;
  batch.global_batch = row_.gbs;
  batch.sequence_length = row_.seq_len;
  batch.micro_batch = row_.mbs;
  if (row_.mbs > 0) return;
  batch.micro_batch = 1;
  const int replica = plan().tp * plan().cp * plan().pp;
  const auto accumulation = stated_accumulation(row_);
  if (!accumulation || *accumulation == 0 || row_.num_gpus % replica != 0) return;
  const int dp = row_.num_gpus / replica;
  if (row_.gbs % (dp * *accumulation) == 0) batch.micro_batch = row_.gbs / (dp * *accumulation);
}

void RowReader::lay_over(const std::vector<std::string>& sets) {
  const std::string file = fmt::format("{}:{}", row_.table, row_.line);
  const MemoryFiles texts(std::map<std::string, std::string>{{file, scenario_text(scenario())}});
  scenario() = load_unchecked_scenario(file, sets, search_, texts).scenario;
  for (const std::string& set : sets) assume(set);
}

auto configuration(const MeasuredRow& r) {
  return std::tuple(r.model, r.gpu, r.num_gpus, r.precision, r.seq_len, or_one(r.mbs), or_one(r.tp),
                    or_one(r.pp), or_one(r.vpp), or_one(r.cp), or_one(r.ep), r.etp);
}

}  // namespace

std::vector<std::vector<std::string>> fill_from_equal_rows(std::vector<MeasuredRow>& rows) {
  const std::vector<MeasuredRow> given = rows;
  std::vector<std::vector<std::string>> filled(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [member, name] : {std::pair(&MeasuredRow::recompute, "recompute"),
                                       std::pair(&MeasuredRow::overlap, "overlap"),
                                       std::pair(&MeasuredRow::dispatcher, "dispatcher")}) {
      if (!(rows[i].*member).empty()) continue;
      int nearest = std::numeric_limits<int>::max();
      for (const MeasuredRow& other : given) {
        const int distance = std::abs(other.line - rows[i].line);
        if ((other.*member).empty() || distance >= nearest ||
            configuration(other) != configuration(given[i]))
          continue;
        nearest = distance;
        rows[i].*member = other.*member;
      }
      if (nearest < std::numeric_limits<int>::max()) filled[i].emplace_back(name);
    }
  }
  return filled;
}

RowScenario scenario_of_row(const MeasuredRow& row, const std::string& platform,
                            const SearchPath& search, const Files& files,
                            const std::vector<std::string>& sets) {
  return RowReader(row, platform, search, files).read(sets);
}

}  // namespace moesim
