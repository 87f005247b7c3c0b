#include "run/run_collective.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "engine/simulate.hpp"
#include "lower/collectives.hpp"
#include "run/process_facts.hpp"

namespace moesim {

namespace {

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

// Throws InputError for a collective or an algorithm that does not exist.
CollectiveKind checked_kind(const CollectiveRequest& request) {
  const auto kind = spelled<CollectiveKind>(request.collective);
  if (!kind)
    throw InputError(fmt::format("unknown collective '{}': one of {}", request.collective,
                                 fmt::join(enum_spellings<CollectiveKind>(), ", ")));
  if (*kind == CollectiveKind::send) {
    if (request.gpus < 2) throw InputError("send needs two devices: --gpus 2 or more");
    return *kind;
  }
  const auto carries = [&](const CollectiveAlgorithmTraits& algorithm) {
    return *kind == CollectiveKind::all_to_all ? algorithm.exchanges : algorithm.shares;
  };
  std::vector<std::string> fitting;
  for (const CollectiveAlgorithmTraits& algorithm : kCollectiveAlgorithms)
    if (carries(algorithm)) fitting.emplace_back(algorithm.name);
  if (!carries(traits(request.form)))
    throw InputError(fmt::format("--form {} does not carry {}: use {}", spelling(request.form),
                                 request.collective, fmt::join(fitting, ", ")));
  return *kind;
}

struct Planned {
  Transfer transfer;
  double lower_bound_s = 0;
  std::string form;
};

Planned plan_collective(const CollectiveGroup& group, const CollectiveRequest& request) {
  const CollectiveKind kind = checked_kind(request);
  Planned planned;
  planned.form = kind == CollectiveKind::send
                     ? "point_to_point"
                     : spelling(chosen_algorithm(kind, request.form, request.gpus));
  if (kind != CollectiveKind::all_to_all) {
    planned.transfer = collective(kind, request.form, group, request.bytes);
    planned.lower_bound_s = collective_lower_bound_s(kind, group, request.bytes);
    return planned;
  }
  const AllToAll all(group.fabric, group.first_rank, {group.members.begin(), group.members.end()});
  ExchangeBytes bytes;
  bytes.two_hop = traits(request.form).two_hop;
  bytes.to_rank = byte_matrix(request);
  bytes.to_node = all.node_totals(bytes.to_rank);
  planned.transfer = exchange(request.form, all, group.pod, bytes);
  planned.lower_bound_s = all.port_bound_s(all.hops(bytes));
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
  Planned planned = plan_collective({fabric, pod, 0, members}, request);
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
