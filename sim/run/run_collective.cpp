#include "run/run_collective.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "engine/simulate.hpp"
#include "lower/all_to_all.hpp"
#include "lower/collectives.hpp"
#include "run/process_facts.hpp"

namespace moesim {

namespace {

// A flat all-to-all of more ranks takes minutes (docs/decisions/0003); whoever wants it must name
// it.
constexpr int kFlatRanks = 16;

struct NoRouting : InstanceSource {
  void fill(const Block&, const TaskGraph&, InstanceData&) const override {}
};

// Equal shares, or popularity of the destinations times a perturbation by each source.
ByteMatrix byte_matrix(const CollectiveRequest& request) {
  ByteMatrix matrix;
  matrix.reset(request.gpus);
  if (request.skew == 0) {
    matrix.bytes.assign(matrix.bytes.size(), request.bytes / request.gpus);
    return matrix;
  }
  Random popularity(request.seed, {1});
  std::vector<double> load(request.gpus);
  for (double& value : load) value = std::exp(request.skew * popularity.normal());
  for (int i = 0; i < request.gpus; ++i) {
    Random perturbation(request.seed, {2, static_cast<uint64_t>(i)});
    double total = 0;
    for (int j = 0; j < request.gpus; ++j)
      total += matrix.at(i, j) = load[j] * std::exp(0.2 * request.skew * perturbation.normal());
    for (int j = 0; j < request.gpus; ++j) matrix.at(i, j) *= request.bytes / total;
  }
  return matrix;
}

TwoHopBytes without_duplicates(const AllToAll& group, const ByteMatrix& matrix) {
  TwoHopBytes bytes;
  bytes.to_rank = matrix;
  bytes.to_node.assign(static_cast<size_t>(matrix.ranks) * group.nodes(), 0);
  for (int i = 0; i < matrix.ranks; ++i)
    for (int j = 0; j < matrix.ranks; ++j)
      bytes.to_node[static_cast<size_t>(i) * group.nodes() + group.node_of(j)] += matrix.at(i, j);
  return bytes;
}

struct Planned {
  Transfer transfer;
  double lower_bound_s = 0;
  std::string form;
};

Planned plan_all_to_all(const Fabric& fabric, const Pod& pod, const CollectiveRequest& request,
                        const std::vector<int>& members) {
  const AllToAll group(fabric, 0, members);
  const ByteMatrix matrix = byte_matrix(request);
  AllToAllForm form = request.form;
  if (form == AllToAllForm::automatic)
    form = request.gpus <= kFlatRanks ? AllToAllForm::flat : AllToAllForm::port_balanced;
  Planned planned;
  planned.lower_bound_s = group.port_bound_s(matrix);
  planned.transfer.latency_s =
      pod.collective_startup_s + group.latency_s() +
      pod.message_startup_s * group.messages(form == AllToAllForm::hierarchical);
  switch (form) {
    case AllToAllForm::automatic:
    case AllToAllForm::flat:
      planned.form = "flat";
      group.flat(matrix, planned.transfer.flows);
      break;
    case AllToAllForm::port_balanced:
      planned.form = "port_balanced";
      group.port_balanced(matrix, planned.transfer.flows);
      break;
    case AllToAllForm::hierarchical:
      planned.form = "hierarchical";
      group.hierarchical(without_duplicates(group, matrix), false, planned.transfer.flows);
      break;
    case AllToAllForm::closed_form:
      planned.form = "closed_form";
      planned.transfer.latency_s += planned.lower_bound_s;
      break;
  }
  return planned;
}

Planned plan_collective(const Fabric& fabric, const Pod& pod, const CollectiveRequest& request,
                        const std::vector<int>& members) {
  Planned planned;
  if (request.collective == "send") {
    if (request.gpus < 2) throw InputError("send needs two devices: --gpus 2 or more");
    planned.transfer = point_to_point(fabric, pod, 0, 0, request.gpus - 1, request.bytes);
    const Route route =
        fabric.route(planned.transfer.flows[0].source, planned.transfer.flows[0].target);
    planned.lower_bound_s = request.bytes / fabric.links[route.links[0]].bytes_per_s;
    planned.form = "point_to_point";
    return planned;
  }
  CollectiveKind kind;
  if (request.collective == "all-reduce")
    kind = CollectiveKind::all_reduce;
  else if (request.collective == "reduce-scatter")
    kind = CollectiveKind::reduce_scatter;
  else if (request.collective == "all-gather")
    kind = CollectiveKind::all_gather;
  else if (request.collective == "broadcast")
    kind = CollectiveKind::broadcast;
  else
    throw InputError(
        fmt::format("unknown collective '{}': one of all-to-all, all-reduce, reduce-scatter, "
                    "all-gather, broadcast, send",
                    request.collective));
  if (request.form == AllToAllForm::flat || request.form == AllToAllForm::port_balanced)
    throw InputError(
        "--form flat and port_balanced are forms of all-to-all; use auto (ring), hierarchical, "
        "closed_form");
  const bool two_level = request.form == AllToAllForm::hierarchical;
  planned.transfer = two_level
                         ? hierarchical_collective(fabric, pod, kind, 0, members, request.bytes)
                         : ring_collective(fabric, pod, kind, 0, members, request.bytes);
  planned.lower_bound_s = collective_lower_bound_s(fabric, kind, 0, members, request.bytes);
  planned.form = two_level ? "hierarchical" : "ring";
  if (request.form == AllToAllForm::closed_form) {
    planned.form = "closed_form";
    planned.transfer.latency_s += planned.lower_bound_s;
    planned.transfer.flows.clear();
  }
  return planned;
}

Program one_transfer(const Transfer& transfer, int ranks) {
  Program program;
  TaskGraphBuilder builder("collective", static_cast<uint32_t>(ranks));
  Task task;
  task.kind = TaskKind::transfer;
  task.stream = Stream::ep;
  task.op = program.op("collective");
  task.payload = builder.add_transfer(transfer);
  builder.add(task);
  program.templates.push_back(std::move(builder).freeze());
  program.add_block({});
  program.simulated_ranks = static_cast<uint32_t>(ranks);
  return program;
}

}  // namespace

CollectiveReport run_collective(const Pod& platform, const CollectiveRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  if (request.gpus < 1) throw InputError("--gpus must be at least 1");
  if (!(request.bytes > 0) || !std::isfinite(request.bytes))
    throw InputError("--bytes must be positive");
  Pod pod = platform;
  pod.gpus = request.gpus;
  std::vector<int> members(request.gpus);
  std::iota(members.begin(), members.end(), 0);
  const Fabric fabric = build_fabric(pod, members);
  Planned planned = request.collective == "all-to-all"
                        ? plan_all_to_all(fabric, pod, request, members)
                        : plan_collective(fabric, pod, request, members);
  planned.transfer.ranks.assign(members.begin(), members.end());

  CollectiveReport report;
  report.request = request;
  report.platform = pod.name;
  report.form = planned.form;
  report.simgrid_version = simgrid_version();
  report.lower_bound_s = planned.lower_bound_s;
  EngineOptions options;
  options.all_activities = request.transport == Transport::flows;
  NoRouting source;
  report.execution =
      execute_simgrid(one_transfer(planned.transfer, request.gpus), fabric, source, options);
  report.time_s = report.execution.makespan_s;
  report.bandwidth_bytes_per_s = report.time_s > 0 ? request.bytes / report.time_s : 0;
  report.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.peak_rss_bytes = peak_rss_bytes();
  return report;
}

std::string collective_json(const CollectiveReport& report) {
  nlohmann::ordered_json json;
  json["collective"] = report.request.collective;
  json["platform"] = report.platform;
  json["gpus"] = report.request.gpus;
  json["bytes"] = report.request.bytes;
  json["form"] = report.form;
  json["skew"] = report.request.skew;
  json["seed"] = report.request.seed;
  json["time_s"] = report.time_s;
  json["lower_bound_s"] = report.lower_bound_s;
  json["flows"] = report.execution.flows;
  json["bandwidth_bytes_per_s"] = report.bandwidth_bytes_per_s;
  json["simgrid_version"] = report.simgrid_version;
  json["simulation"] = {{"wall_s", report.wall_s},
                        {"flows", report.execution.flows},
                        {"timers", report.execution.timers},
                        {"peak_rss_bytes", report.peak_rss_bytes}};
  return json.dump(2) + "\n";
}

std::string collective_table(const CollectiveReport& report) {
  return fmt::format(
      "{} of {:.6g} MB over {} devices on {}, {}\n"
      "  time         {:.3f} us\n"
      "  lower bound  {:.3f} us\n"
      "  bandwidth    {:.3f} GB/s per device\n"
      "  flows        {}   (simulated in {:.3f} s, {:.0f} MB)\n",
      report.request.collective, report.request.bytes / 1e6, report.request.gpus, report.platform,
      report.form, report.time_s * 1e6, report.lower_bound_s * 1e6,
      report.bandwidth_bytes_per_s / 1e9, report.execution.flows, report.wall_s,
      static_cast<double>(report.peak_rss_bytes) / 1e6);
}

}  // namespace moesim
