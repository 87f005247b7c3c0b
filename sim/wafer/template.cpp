#include "wafer/template.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "wafer/device_model.hpp"

namespace moesim {

namespace {

constexpr TaskId kNoTask = 0xffffffffu;

// Adds the tasks of a block in the order in which the wafers compute. Three chains run side by
// side: streams come in one after the other (last_stream_), the wafers compute one task after the
// other (front_), and gradients leave and are worked in one after the other (last_gradient_,
// last_update_). A compute task ties them together: it waits for its stream, and its gradient waits
// for it.
class Builder {
 public:
  Builder(const WaferContext& context, Program& program, const WaferBlock& block, bool update)
      : context_(context),
        program_(program),
        block_(block),
        update_(update),
        wafers_(static_cast<uint32_t>(context.fabric.wafers)),
        graph_(block.name + (update && block.phase == Phase::backward ? ", update" : ""),
               context.ranks()) {
    for (uint32_t rank = 0; rank < wafers_; ++rank) all_wafers_.push_back(rank);
    for (size_t i = 0; i < block.streams.size(); ++i) {
      const WaferStream& stream = block.streams[i];
      out_.stream_bytes.push_back(stream.held ? 0 : stream.bytes(context));
      if (stream.held) out_.held.push_back(i);
    }
    for (const WaferCompute& compute : block.computes)
      if (compute.gradient_elements > 0) out_.gradient_bytes.push_back(compute.gradient_bytes);
    out_.spills = block.spill_out_bytes > 0;
    out_.fetches = block.spill_in_bytes > 0;
  }

  WaferTemplate build(std::vector<WaferDraws>& draws, std::vector<WaferTasks>& tasks) {
    const size_t ports = kFirstRoom + out_.stream_bytes.size() + out_.gradient_bytes.size();
    MOESIM_CHECK(ports < 65536, "{} ports", ports);
    for (size_t port = 0; port < ports; ++port) add_entries(port);
    front_.assign(entries_[kComputed].begin(), entries_[kComputed].begin() + wafers_);
    last_stream_ = entries_[kStreamed][0];
    last_gradient_ = entries_[kReduced][0];
    last_update_ = entries_[kUpdated][0];
    if (out_.fetches) fetch();
    // Room for what this block saves, once that of the block before the last has left.
    if (out_.spills) arrived_.assign(entries_[kSaved].begin(), entries_[kSaved].begin() + wafers_);
    for (size_t i = 0; i < block_.computes.size(); ++i) add_compute(i);
    exit_ranks(kComputed, front_);
    exit_all(kStreamed, last_stream_);
    exit_all(kReduced, last_gradient_);
    exit_all(kUpdated, last_update_);
    spill();
    if (!copied_.empty()) exit_ranks(kCopied, copied_);
    TaskGraph graph = std::move(graph_).freeze();
    graph.drawn_computes = static_cast<int>(draws_.computes.size());
    graph.drawn_transfers = static_cast<int>(draws_.transfers.size());
    program_.templates.push_back(std::move(graph));
    draws.push_back(std::move(draws_));
    tasks.push_back({block_, std::move(computes_), std::move(streams_), std::move(gradients_),
                     out_.spills ? saves_ : 0, out_.fetches ? fetches_ : 0});
    out_.graph = static_cast<uint32_t>(program_.templates.size() - 1);
    return std::move(out_);
  }

 private:
  TaskId add(Task task, const std::vector<TaskId>& after) {
    const TaskId id = graph_.add(task);
    for (const TaskId before : after)
      if (before != kNoTask) graph_.edge(before, id);
    return id;
  }

  void add_entries(size_t port) {
    auto& entries = entries_.emplace_back();
    for (uint32_t rank = 0; rank < context_.ranks(); ++rank) {
      Task task;
      task.kind = TaskKind::entry;
      task.rank = rank;
      task.payload = static_cast<uint32_t>(port);
      entries.push_back(graph_.add(task));
    }
  }

  void exit(size_t port, uint32_t rank, TaskId after) {
    Task task;
    task.kind = TaskKind::exit;
    task.rank = rank;
    task.payload = static_cast<uint32_t>(port);
    add(task, {after});
  }
  void exit_all(size_t port, TaskId after) {
    for (uint32_t rank = 0; rank < context_.ranks(); ++rank) exit(port, rank, after);
  }

  // MemoryX and SwarmX go with the last wafer.
  void exit_ranks(size_t port, const std::vector<TaskId>& after) {
    for (uint32_t rank = 0; rank < context_.ranks(); ++rank)
      exit(port, rank, after[std::min(rank, wafers_ - 1)]);
  }

  // Blocks are connected rank by rank; all ranks say the same, so one is waited for.
  TaskId room(size_t port) const { return entries_[port][0]; }

  Task task_of(TaskKind kind, Stream stream, Phase phase, const std::string& op) {
    Task task;
    task.kind = kind;
    task.stream = stream;
    task.phase = phase;
    task.op = program_.op(op);
    return task;
  }

  // `bytes` over every link of the tree and of the simulated wafers.
  TaskId tree_transfer(Stream stream, const std::string& op, double bytes,
                       const WaferStream* experts, bool up, const std::vector<TaskId>& after) {
    Task task = task_of(TaskKind::transfer, stream, up ? Phase::gradient_reduce : block_.phase, op);
    Transfer transfer;
    transfer.ranks = all_wafers_;
    transfer.ranks.push_back(context_.fabric.swarmx_rank());
    transfer.latency_s = context_.system.swarmx.latency_s * context_.fabric.levels;
    if (experts) {
      task.draw = static_cast<int32_t>(draws_.transfers.size());
      draws_.transfers.push_back(
          {experts->first_expert, experts->experts, up, bytes / experts->experts});
    } else {
      for (const Hop& hop : up ? context_.fabric.up : context_.fabric.down)
        transfer.flows.push_back({hop.source, hop.target, bytes});
    }
    task.payload = graph_.add_transfer(std::move(transfer));
    return add(task, after);
  }

  // Streams up to this one, in order. One that is in the prefetch window waits until enough earlier
  // ones are used up: in this block, or through its port in an earlier one.
  void add_streams(int until) {
    for (; next_stream_ <= until; ++next_stream_) {
      const WaferStream& stream = block_.streams[next_stream_];
      std::vector<TaskId> after{last_stream_};
      // Held ones wait until those of the layer before the last are used up.
      if (stream.held) {
        after.push_back(room(out_.stream_port(next_stream_)));
      } else {
        const int before =
            buffer_before(out_.stream_bytes, next_stream_, context_.system.prefetch_bytes);
        after.push_back(before >= 0 ? released_[before] : room(out_.stream_port(next_stream_)));
      }
      last_stream_ = tree_transfer(Stream::weights, stream.op, stream.bytes(context_),
                                   stream.experts > 0 ? &stream : nullptr, false, after);
      streams_.push_back(last_stream_);
      released_.push_back(kNoTask);
    }
  }

  bool last_use(size_t index) const {
    const int stream = block_.computes[index].stream;
    for (size_t later = index + 1; later < block_.computes.size(); ++later)
      if (block_.computes[later].stream == stream) return false;
    return true;
  }

  // A compute task may begin only when its gradients will have room, since a wafer cannot hold them
  // back. The last compute task of a stream frees its weights.
  void add_compute(size_t index) {
    const WaferCompute& compute = block_.computes[index];
    if (compute.stream >= 0) add_streams(compute.stream);
    const int gradient = compute.gradient_elements > 0 ? next_gradient_++ : -1;
    std::vector<TaskId> after{compute.stream >= 0 ? streams_[compute.stream] : kNoTask};
    if (gradient >= 0) {
      const int before =
          buffer_before(out_.gradient_bytes, gradient, context_.system.gradient_buffer_bytes);
      after.push_back(before >= 0 ? gradients_[before] : room(out_.gradient_port(gradient)));
    }
    run_on_wafers(compute, after);
    if (compute.stream >= 0 && last_use(index)) {
      released_[compute.stream] = add({}, front_);
      exit_all(out_.stream_port(compute.stream), released_[compute.stream]);
    }
    if (gradient >= 0) send_gradient(compute, gradient);
  }

  // Fetched activations are waited for by the first compute task only.
  void run_on_wafers(const WaferCompute& compute, const std::vector<TaskId>& also_after) {
    const Task model = compute.routed ? routed_task(compute) : plain_task(compute);
    computes_.push_back(kNoTask);
    for (uint32_t wafer = 0; wafer < wafers_; ++wafer) {
      Task task = model;
      task.rank = wafer;
      if (compute.routed) {
        const WaferStream& chunk = block_.streams[compute.stream];
        task.draw = static_cast<int32_t>(draws_.computes.size());
        draws_.computes.push_back({chunk.first_expert, chunk.experts, wafer,
                                   static_cast<int>(draws_.kernels.size()) - 1, 0});
      }
      std::vector<TaskId> after = also_after;
      after.push_back(front_[wafer]);
      if (!arrived_.empty()) after.push_back(arrived_[wafer]);
      front_[wafer] = add(task, after);
      if (wafer == 0) computes_.back() = front_[0];
      MOESIM_CHECK(front_[wafer] == computes_.back() + wafer, "wafer {}", wafer);
    }
    arrived_.clear();
  }

  double add_parts(KernelChain& parts, const Kernels& kernels, Phase phase,
                   std::span<const int> rows) {
    double sum = 0;
    for (const Kernel& kernel : kernels) {
      const double seconds = wafer_kernel_seconds(context_.system.wafer, kernel, rows);
      const Phase part_phase = phase == Phase::backward && kernel.pass == Pass::backward_weight
                                   ? Phase::weight_gradient
                                   : phase;
      parts.parts.push_back({program_.op(name_of(kernel.op)), part_phase, 0, seconds});
      sum += seconds;
    }
    return sum;
  }

  Task compute_task(const WaferCompute& compute, std::span<const int> rows) {
    KernelChain parts;
    double seconds = add_parts(parts, compute.again, Phase::recompute, rows);
    seconds += add_parts(parts, compute.kernels, compute.phase, rows);
    Task task;
    task.kind = TaskKind::compute;
    task.phase = parts.parts.front().phase;
    task.op = parts.parts.front().op;
    task.seconds = seconds;
    program_.chains.push_back(std::move(parts));
    task.payload = static_cast<uint32_t>(program_.chains.size() - 1);
    return task;
  }
  Task plain_task(const WaferCompute& compute) { return compute_task(compute, {}); }
  Task routed_task(const WaferCompute& compute) {
    // The split of a task into kernels is that of balanced experts.
    const auto& chunk = block_.streams[compute.stream];
    const std::vector<int> even(static_cast<size_t>(chunk.experts), 1);
    Kernels kernels = compute.again;
    kernels.insert(kernels.end(), compute.kernels.begin(), compute.kernels.end());
    draws_.kernels.push_back(std::move(kernels));
    return compute_task(compute, even);
  }

  // The sum over the wafers travels up; then MemoryX adds it up or, with the last microbatch, runs
  // the optimizer on it.
  void send_gradient(const WaferCompute& compute, int gradient) {
    const MemoryX& memoryx = context_.system.memoryx;
    const bool routed = compute.routed;
    const WaferStream* chunk = routed ? &block_.streams[compute.stream] : nullptr;
    std::vector<TaskId> after = front_;
    after.push_back(last_gradient_);
    last_gradient_ = tree_transfer(Stream::gradients, "gradients", out_.gradient_bytes[gradient],
                                   chunk, true, after);
    gradients_.push_back(last_gradient_);
    exit_all(out_.gradient_port(gradient), last_gradient_);

    Task task = task_of(TaskKind::compute, Stream::optimizer, Phase::optimizer,
                        update_ ? "optimizer" : "accumulate");
    task.rank = context_.fabric.memoryx_rank();
    const double bytes = update_ ? memoryx.update_bytes : memoryx.accumulate_bytes;
    task.seconds = compute.gradient_elements * bytes / memoryx.update_bytes_per_s;
    program_.chains.push_back({{{task.op, Phase::optimizer, 0, task.seconds}}});
    task.payload = static_cast<uint32_t>(program_.chains.size() - 1);
    // With the last microbatch every expert's optimizer runs, also that of an expert without
    // tokens.
    if (routed && !update_) {
      task.draw = static_cast<int32_t>(draws_.computes.size());
      draws_.computes.push_back(
          {chunk->first_expert, chunk->experts, 0, -1, task.seconds / chunk->experts});
    }
    last_update_ = add(task, {last_gradient_, last_update_});
  }

  TaskId host_transfer(uint32_t wafer, bool out, const std::vector<TaskId>& after) {
    Task task = task_of(TaskKind::transfer, Stream::copy, block_.phase,
                        out ? "save activations" : "fetch activations");
    task.rank = wafer;
    const auto place = static_cast<int32_t>(wafer);
    const int32_t here = endpoint(place, Port::nic), host = endpoint(place, Port::far_nic);
    Transfer transfer;
    transfer.ranks = {wafer};
    transfer.flows = {{out ? here : host, out ? host : here,
                       out ? block_.spill_out_bytes : block_.spill_in_bytes}};
    task.payload = graph_.add_transfer(std::move(transfer));
    return add(task, after);
  }
  void fetch() {
    for (uint32_t wafer = 0; wafer < wafers_; ++wafer)
      arrived_.push_back(
          host_transfer(wafer, false, {entries_[kSaved][wafer], entries_[kCopied][wafer]}));
    copied_ = arrived_;
    fetches_ = copied_.front();
  }
  void spill() {
    if (!out_.spills) return;
    for (uint32_t wafer = 0; wafer < wafers_; ++wafer)
      copied_.push_back(host_transfer(wafer, true, {front_[wafer], entries_[kCopied][wafer]}));
    saves_ = copied_.front();
    exit_ranks(kSaved, copied_);
  }

  const WaferContext& context_;
  Program& program_;
  const WaferBlock& block_;
  bool update_;
  uint32_t wafers_;
  TaskGraphBuilder graph_;
  std::vector<uint32_t> all_wafers_;
  std::vector<std::vector<TaskId>> entries_;  // [port][rank]
  std::vector<TaskId> front_;                 // per wafer: what its next compute task waits for
  std::vector<TaskId> streams_, released_, gradients_, arrived_, copied_;
  std::vector<TaskId> computes_;  // of wafer 0
  TaskId saves_ = kNoTask, fetches_ = kNoTask;
  TaskId last_stream_ = kNoTask, last_gradient_ = kNoTask, last_update_ = kNoTask;
  int next_stream_ = 0, next_gradient_ = 0;
  WaferDraws draws_;
  WaferTemplate out_;
};

}  // namespace

int buffer_before(const std::vector<double>& bytes, int next, double window_bytes) {
  double sum = bytes[next];
  for (int before = next - 1; before >= 0; --before) {
    if (bytes[before] == 0) continue;  // not in the window
    sum += bytes[before];
    if (sum > window_bytes) return before;
  }
  return -1;
}

WaferTemplate add_wafer_template(const WaferContext& context, Program& program,
                                 const WaferBlock& block, bool update,
                                 std::vector<WaferDraws>& draws, std::vector<WaferTasks>& tasks) {
  return Builder(context, program, block, update).build(draws, tasks);
}

}  // namespace moesim
