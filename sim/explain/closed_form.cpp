#include "explain/closed_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lower/collectives.hpp"
#include "lower/data_parallel.hpp"
#include "lower/step.hpp"
#include "lower/token_exchange.hpp"
#include "report/format.hpp"

namespace moesim {

namespace {

// Kernel seconds of one rank per stage, mean over stages, of a whole step.
struct KernelSums {
  double forward = 0, backward = 0, weight = 0;
  double total() const { return forward + backward + weight; }
};

KernelSums sums_of(const Program& program, const TaskGraph& graph, const InstanceData& data) {
  KernelSums sums;
  for (const Task& task : graph.tasks) {
    if (task.kind != TaskKind::compute || task.rank != 0 || task.phase == Phase::optimizer)
      continue;
    const double seconds =
        task.draw >= 0 ? data.seconds[static_cast<size_t>(task.draw)] : task.seconds;
    const std::vector<ChainPart>& parts = program.chains[task.payload].parts;
    double nominal = 0;
    for (const ChainPart& part : parts) nominal += part.seconds;
    for (const ChainPart& part : parts) {
      const bool weight = part.phase == Phase::weight_gradient;
      double& sum = part.phase == Phase::forward ? sums.forward
                    : weight                     ? sums.weight
                                                 : sums.backward;
      sum += nominal > 0 ? seconds * part.seconds / nominal : 0;
    }
  }
  return sums;
}

// With balanced routing all instances of a template are alike.
KernelSums kernel_sums(LoweredStep& step) {
  const Program& program = step.program;
  std::vector<KernelSums> of_template(program.templates.size());
  std::vector<bool> known(program.templates.size(), false);
  KernelSums mean;
  InstanceData data;
  for (const Block& block : program.blocks) {
    if (block.replica > 0) continue;
    const TaskGraph& graph = program.templates[block.graph];
    if (!known[block.graph]) {
      data.seconds.assign(static_cast<size_t>(graph.drawn_computes), 0);
      data.flows.assign(static_cast<size_t>(graph.drawn_transfers), {});
      data.fixed_s.assign(static_cast<size_t>(graph.drawn_transfers), 0);
      if (graph.drawn_computes + graph.drawn_transfers > 0) step.work->fill(block, graph, data);
      of_template[block.graph] = sums_of(program, graph, data);
      known[block.graph] = true;
    }
    const double share = 1.0 / step.context.plan.pp;
    mean.forward += of_template[block.graph].forward * share;
    mean.backward += of_template[block.graph].backward * share;
    mean.weight += of_template[block.graph].weight * share;
  }
  return mean;
}

std::string s(double seconds) { return seconds_text(seconds); }
std::string rate(double bytes_per_s) { return bytes_text(bytes_per_s) + "/s"; }

// One way of an all-to-all.
struct OneWay {
  double seconds = 0;
  std::string formula, numbers;
};

class ClosedForm {
 public:
  explicit ClosedForm(const Scenario& scenario) : scenario_(scenario) {
    Plan plan = scenario.plan;
    plan.simulated_replicas = 1;
    plan.ep_overlap = false;  // nothing is overlapped here, so nothing costs the host more
    RoutingSpec routing = scenario.routing;
    routing.kind = RoutingKind::balanced;
    routing.target_overload = 0;
    step_ =
        lower_step({scenario.workload, scenario.platform.pod(), plan, routing, scenario.batch, 1});
  }

  std::vector<MathTerm> run() {
    kernels_ = kernel_sums(*step_);
    compute();
    all_to_all();
    expert_tensor_parallel();
    tensor_parallel();
    context_parallel();
    bubble();
    messages();
    data_parallel();
    optimizer();
    return std::move(terms_);
  }

 private:
  const StepContext& context() const { return step_->context; }
  const Plan& plan() const { return context().plan; }
  const Pod& pod() const { return context().pod; }
  int microbatches() const { return context().mapping.microbatches; }
  double nic() const { return pod().nic_bytes_per_s * pod().nic_efficiency; }
  double nvlink() const { return pod().nvlink_bytes_per_s * pod().nvlink_efficiency; }
  int layers() const { return context().model.layers + context().model.mtp_layers; }

  void add(const char* name, std::string formula, std::string numbers, double seconds) {
    if (seconds > 0) terms_.push_back({name, std::move(formula), std::move(numbers), seconds});
  }

  void compute() {
    const Batch& batch = scenario_.batch;
    const double flops = model_flops(context().model, batch.global_batch, batch.sequence_length);
    const double peak = peak_flops(pod().device, gemm_precision(plan().precision));
    const double efficiency = flops / (context().mapping.world * peak * kernels_.total());
    add("compute", "model FLOPs / (devices x peak x kernel efficiency)",
        fmt::format("{} / ({} x {} x {:.4f})", count_text(flops), context().mapping.world,
                    count_text(peak), efficiency),
        kernels_.total());
  }

  // Returns the share of all layers that full recomputation runs again.
  double recomputed() const {
    if (plan().recompute != Recompute::full) return 0;
    if (plan().recompute_layers == 0) return 1;
    const int slices = pipeline_shape(plan()).slices;
    return std::min(1.0, static_cast<double>(plan().recompute_layers) * slices / layers());
  }

  double passes(bool backward) const {
    if (!backward) return 1;
    const bool moe = plan().recompute_policy().drops(RecomputeModule::moe);
    return 1 + (moe ? 1 : recomputed());
  }

  // One thing that copies of a token pass on their way, and how fast.
  struct Leg {
    const char* name;
    double copies, bytes_per_s;
  };

  // Returns the share of a NIC's bytes that leaves its leaf switch: those of another rail, and of
  // nodes under other leaves.
  double across_spine(TokenPath path, int nodes, double per_node) const {
    const int below = std::min(nodes, pod().nodes_per_leaf);
    if (pod().oversubscription <= 1 || nodes == 1) return 0;
    if (path == TokenPath::gather_all) return nodes > below ? 1.0 / below : 0;
    const double peers = path == TokenPath::two_hop ? nodes - 1 : (nodes - 1) * per_node;
    return 1 - (below - 1) / peers;
  }

  OneWay one_way(double token_bytes, bool combine) const {
    const ModelShape& m = context().model;
    const double tokens = context().shard.local_tokens();
    const int ranks = plan().ep * plan().etp;
    const int nodes = (ranks + pod().gpus_per_node - 1) / pod().gpus_per_node;
    const double per_node = static_cast<double>(ranks) / nodes, n = nodes;
    const DispatcherCost& cost = context().dispatcher_cost();
    const Transfer rates = dispatcher_rates(
        pod(), plan().dispatcher,
        {nodes, ranks - 1, 0, context().dispatch_sms(), token_bytes, combine, false});
    const double latency = farthest_hop_s(pod(), ranks);
    const TokenPath path = traits(plan().dispatcher).path;
    double over_nic = m.top_k * (n - 1) / n, over_nvlink = m.top_k * (per_node - 1) / ranks,
           start = latency + rates.latency_s + cost.host_s;
    if (path == TokenPath::gather_all) {
      // Every rank's tokens go to all others.
      const PortLoad load = port_load(CollectiveKind::all_gather, CollectiveAlgorithm::automatic,
                                      pod(), {ranks, nodes, per_node, latency}, ranks);
      start = load.startup_s;
      over_nic = load.nic_bytes;
      over_nvlink = load.nvlink_bytes;
    } else if (path == TokenPath::two_hop) {
      // A token travels once per node and once per rank that it has an expert on; node limits leave
      // it fewer of both.
      const double limit = static_cast<double>(m.topk_group) / std::max(1, m.n_group);
      const bool aligned = nodes > 1 && m.n_group % nodes == 0;
      const double reach = aligned ? std::max(1.0, n * limit) : n;
      over_nic = distinct_places(reach, m.top_k) * (n - 1) / n;
      over_nvlink = distinct_places(plan().ep * limit, m.top_k) * (per_node - 1) / per_node;
    }
    const Leg legs[] = {
        {"NVLink", over_nvlink, nvlink() * rates.nvlink_rate},
        {"NIC", over_nic, nic() * rates.nic_rate},
        {"leaf uplink", over_nic * across_spine(path, nodes, per_node),
         nic() * rates.nic_rate / pod().oversubscription},
    };
    const Leg& leg = *std::max_element(std::begin(legs), std::end(legs), [](auto& a, auto& b) {
      return a.copies / a.bytes_per_s < b.copies / b.bytes_per_s;
    });
    const double copies = leg.copies, bandwidth = leg.bytes_per_s;
    return {start + tokens * copies * token_bytes / bandwidth,
            fmt::format("start + tokens x copies over {} x bytes / bandwidth", leg.name),
            fmt::format("{} + {:.0f} x {:.3f} x {:.0f} B / {}", s(start), tokens, copies,
                        token_bytes, rate(bandwidth))};
  }

  void all_to_all() {
    const ModelShape& m = context().model;
    if (m.experts == 0 || plan().ep == 1) return;
    double moe_layers = 0;
    for (int layer = 0; layer < layers(); ++layer) moe_layers += has_experts(m, layer);
    const double per_stage = moe_layers / plan().pp;
    const OneWay out = one_way(token_bytes(m, plan().dispatch_precision), false);
    const OneWay back = one_way(token_bytes(m, PrecisionRecipe::bf16), true);
    forward_communication_ += per_stage * (out.seconds + back.seconds);
    backward_communication_ += per_stage * passes(true) * (out.seconds + back.seconds);
    const double times = microbatches() * per_stage * (1 + passes(true));
    const std::string count = fmt::format("{} microbatches x {:.4g} layers x {} passes",
                                          microbatches(), per_stage, 1 + passes(true));
    add("dispatch", count + ", each " + out.formula, out.numbers, times * out.seconds);
    add("combine", count + ", each " + back.formula, back.numbers, times * back.seconds);
  }

  // Around the experts: their rows gathered over the expert tensor group, and their sums scattered.
  void expert_tensor_parallel() {
    const ModelShape& m = context().model;
    const int etp = plan().etp;
    if (m.experts == 0 || etp == 1) return;
    double moe_layers = 0;
    for (int layer = 0; layer < layers(); ++layer) moe_layers += has_experts(m, layer);
    const double bytes = context().shard.local_tokens() * m.top_k * etp * expert_width(m) * 2;
    const bool inside = etp <= pod().gpus_per_node;
    const double one = 2 * bytes_sent_per_member(CollectiveKind::all_gather, etp, bytes) /
                       (inside ? nvlink() : nic());
    const double each = moe_layers / plan().pp * one;
    forward_communication_ += each;
    backward_communication_ += each * passes(true);
    add("expert tensor parallel",
        "microbatches x layers x passes x 2 bytes (t - 1) / t / bandwidth",
        fmt::format("{} x {:.4g} x {} x 2 x {} x {}/{} / {}", microbatches(),
                    moe_layers / plan().pp, 1 + passes(true), bytes_text(bytes), etp - 1, etp,
                    rate(inside ? nvlink() : nic())),
        microbatches() * each * (1 + passes(true)));
  }

  // Around attention, and around a dense FFN or the shared experts: a gather and a scatter each (or
  // one sum).
  void tensor_parallel() {
    const ModelShape& m = context().model;
    const int tp = plan().tp;
    if (tp == 1) return;
    double regions = 0;
    for (int layer = 0; layer < layers(); ++layer)
      regions += (mixer_of(m, layer) != Mixer::none) + (ffn_of(m, layer) == Ffn::dense) +
                 (has_experts(m, layer) && m.shared_ffn > 0);
    const bool inside = tp <= pod().gpus_per_node;
    const double bytes = context().shard.gemm_tokens() * m.hidden * 2;
    const double one =
        bytes_sent_per_member(CollectiveKind::all_reduce, tp, bytes) / (inside ? nvlink() : nic());
    const double each = regions / plan().pp * one;
    const double again = recomputed();
    forward_communication_ += each;
    backward_communication_ += each * (1 + again);
    add("tensor parallel", "microbatches x regions x passes x 2 bytes (t - 1) / t / bandwidth",
        fmt::format("{} x {:.4g} x {} x 2 x {} x {}/{} / {}", microbatches(), regions / plan().pp,
                    2 + again, bytes_text(bytes), tp - 1, tp, rate(inside ? nvlink() : nic())),
        microbatches() * each * (2 + again));
  }

  void context_parallel() {
    const ModelShape& m = context().model;
    const int cp = plan().cp, tp = plan().tp;
    if (cp == 1) return;
    double width = 0;  // of the mean layer
    for (int layer = 0; layer < layers(); ++layer)
      width += exchanged_width(m, layer, tp) / layers();
    const double bytes = context().shard.gemm_tokens() * width * 2;
    const bool inside = tp * cp <= pod().gpus_per_node;
    const double per_stage = static_cast<double>(layers()) / plan().pp;
    const double one = (cp - 1) * bytes / (inside ? nvlink() : nic());
    const double again = recomputed();
    forward_communication_ += per_stage * one;
    backward_communication_ += per_stage * one * (2 + again);
    add("context parallel",
        "microbatches x layers x passes x (c - 1) bytes of keys and values / bandwidth",
        fmt::format("{} x {:.4g} x {} x {} x {} / {}", microbatches(), per_stage, 3 + again, cp - 1,
                    bytes_text(bytes), rate(inside ? nvlink() : nic())),
        microbatches() * per_stage * one * (3 + again));
  }

  void bubble() {
    if (plan().pp == 1) return;
    const double m = microbatches();
    MathTerm term =
        bubble_term(plan(), {kernels_.forward / m + forward_communication_,
                             kernels_.backward / m + backward_communication_, kernels_.weight / m});
    if (traits(plan().schedule).whole_pass_bubble)
      term.numbers +=
          fmt::format(" ((p-1)/(m+p-1) = {}/{} = {:.3f} of the pass)", plan().pp - 1,
                      microbatches() + plan().pp - 1, (plan().pp - 1) / (m + plan().pp - 1));
    if (term.seconds > 0) terms_.push_back(term);
  }

  void messages() {
    const int p = plan().pp;
    if (p == 1) return;
    const bool inside = context().mapping.ranks_per_stage < pod().gpus_per_node;
    const double latency =
        (inside ? pod().nvlink_latency_s : pod().nic_latency_s) + pod().message_startup_s;
    const double bytes = context().activation_bytes, bandwidth = inside ? nvlink() : nic();
    add("pipeline messages", "2 (p - 1) x (latency + bytes / bandwidth), filling and draining",
        fmt::format("2 x {} x ({} + {} / {})", p - 1, s(latency), bytes_text(bytes),
                    rate(bandwidth)),
        2 * (p - 1) * (latency + bytes / bandwidth));
  }

  RankParameters parameters_per_stage() const {
    RankParameters held;
    for (int layer = 0; layer < layers(); ++layer) held += rank_layer_parameters(context(), layer);
    held += rank_embedding_parameters(context());
    held += rank_output_parameters(context());
    const double share = static_cast<double>(context().pipeline.copies()) / plan().pp;
    return {held.dense * share, held.expert * share};
  }

  // The busiest port of reductions and gathers over the replicas.
  void replica_collective(const char* name, CollectiveKind kind, const RankParameters& bytes,
                          double times) {
    double nic_bytes = 0, nvlink_bytes = 0, spine_bytes = 0;
    const auto load = [&](const SpreadGroup& group, double amount) {
      const PortLoad more = port_load(kind, CollectiveAlgorithm::automatic, pod(),
                                      shape_of(FoldedGroup{pod(), 0, group}), amount);
      nic_bytes += more.nic_bytes;
      nvlink_bytes += more.nvlink_bytes;
      spine_bytes += more.nic_bytes * group.spine_share(pod().gpus_per_node, pod().nodes_per_leaf);
    };
    load(attention_data_group(plan(), context().mapping), bytes.dense);
    load(expert_data_group(plan(), context().mapping), bytes.expert);
    double nic_rate = nic() * pod().dp_nic_efficiency;
    if (spine_bytes * pod().oversubscription > nic_bytes) {
      nic_bytes = spine_bytes;
      nic_rate /= pod().oversubscription;
    }
    const bool by_nic = nic_bytes / nic_rate >= nvlink_bytes / nvlink();
    add(name, "times x bytes over the busiest port (of bytes (d - 1) / d) / bandwidth",
        fmt::format("{:.0f} x {} / {}", times, bytes_text(by_nic ? nic_bytes : nvlink_bytes),
                    rate(by_nic ? nic_rate : nvlink())),
        times * std::max(nic_bytes / nic_rate, nvlink_bytes / nvlink()));
  }

  void data_parallel() {
    const int zero = plan().zero_stage;
    const double m = plan().reduces_every_microbatch() ? microbatches() : 1;
    const bool once = plan().memory.keeps_gathered;
    const double gathers = !once ? (plan().reshard_after_forward ? 2 : 1) * microbatches() : 1;
    const RankParameters held = parameters_per_stage();
    RankParameters gathered;
    for (int stage = 0; stage < plan().pp; ++stage)
      for (int chunk = 0; chunk < context().pipeline.chunks; ++chunk)
        for (const RankParameters& bytes : gathered_before_layers(context(), stage, chunk))
          gathered += bytes;
    const double width = plan().gradient_bytes;
    replica_collective("gradient reduce",
                       zero == 0 ? CollectiveKind::all_reduce : CollectiveKind::reduce_scatter,
                       {held.dense * width, held.expert * width}, m);
    if (zero == 3 || (plan().shards_optimizer_only() && plan().gather_in_step))
      replica_collective("parameter gather", CollectiveKind::all_gather,
                         {gathered.dense / plan().pp, gathered.expert / plan().pp},
                         zero == 3 ? gathers : 1);
  }

  void optimizer() {
    const RankParameters held = parameters_per_stage();
    double bytes = 0;
    for (const Kernel& kernel : optimizer_kernels(context(), held)) bytes += kernel.bytes;
    const Device& device = pod().device;
    add("optimizer", "bytes read and written / (HBM bandwidth x efficiency)",
        fmt::format("{} / ({} x {:.3f})", bytes_text(bytes), rate(device.memory_bytes_per_s),
                    device.memory_efficiency),
        bytes / (device.memory_bytes_per_s * device.memory_efficiency));
  }

  const Scenario& scenario_;
  std::unique_ptr<LoweredStep> step_;
  KernelSums kernels_;
  double forward_communication_ = 0,
         backward_communication_ = 0;  // exposed, of one microbatch on one stage
  std::vector<MathTerm> terms_;
};

}  // namespace

double distinct_places(double places, double draws) {
  return places <= 1 ? 1 : places * (1 - std::pow(1 - 1 / places, draws));
}

MathTerm bubble_term(const Plan& plan, const PassSeconds& pass) {
  const Bubble bubble = traits(plan.schedule).bubble(plan, pass);
  return {"bubble", bubble.formula,
          fmt::format("{} with F {}, B {}, W {}", bubble.factor, s(pass.forward), s(pass.backward),
                      s(pass.weight)),
          std::max(0.0, bubble.seconds)};
}

std::vector<MathTerm> closed_form(const Scenario& scenario) { return ClosedForm(scenario).run(); }

}  // namespace moesim
