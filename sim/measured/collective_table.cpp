#include "measured/collective_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/check.hpp"
#include "base/text.hpp"
#include "engine/link_load.hpp"
#include "lower/collectives.hpp"
#include "lower/token_exchange.hpp"
#include "measured/table_row.hpp"
#include "model/kernel_builders.hpp"

namespace moesim {

namespace {

constexpr double kSmall = 1e6;  // bytes; below, time is latency and start-up

bool is_collective(const std::string& name) {
  const auto kind = spelled<CollectiveKind>(name);
  return kind && *kind != CollectiveKind::send;
}

// Dispatchers that exchange tokens; "nccl" also runs collectives.
std::vector<std::string> libraries() {
  std::vector<std::string> names;
  for (const DispatcherTraits& dispatcher : kDispatchers)
    if (dispatcher.path != TokenPath::gather_all) names.emplace_back(dispatcher.name);
  return names;
}

RoutingShape shape_of(const MeasuredCollective& row, int gpus_per_node) {
  return {.sources = row.gpus,
          .tokens_per_source = row.tokens,
          .experts = row.experts,
          .top_k = row.top_k,
          .n_group = row.n_group,
          .topk_group = row.topk_group,
          .ranks = row.gpus,
          .ranks_per_node = gpus_per_node};
}

MeasuredCollective measured(const TableRow& row) {
  MeasuredCollective out;
  out.library = row.at("library");
  out.collective = row.at("collective");
  out.platform = row.at("platform");
  out.gpus = row.integer("gpus", 65'536);
  out.bytes = row.number("bytes");
  out.tokens = row.integer("tokens", 1 << 22);
  out.hidden = row.integer("hidden", 1 << 20);
  out.top_k = row.integer("top_k", 1024);
  out.experts = row.integer("experts", 65'536);
  out.n_group = std::max(1, row.integer("n_group", 1024));
  out.topk_group = std::max(1, row.integer("topk_group", 1024));
  const bool fp8 = row.at("precision") == "fp8";
  out.token_bytes =
      out.hidden * operand_bytes(fp8 ? PrecisionRecipe::fp8_block : PrecisionRecipe::bf16);
  out.sms = row.integer("sms", 1024);
  out.fitted = row.at("fit") == "yes";
  out.seconds = row.number("time_us") * 1e-6;
  out.host_s = row.number("host_us") * 1e-6;
  out.source = row.at("source");
  if (const auto known = libraries();
      std::find(known.begin(), known.end(), out.library) == known.end())
    row.problem("library", fmt::format("expected {}, got \"{}\"", join_or(known), out.library));
  if (!is_collective(out.collective) && !moves_tokens(out))
    row.problem("collective", fmt::format("\"{}\" is not known", out.collective));
  if (out.gpus < 2) row.problem("gpus", "at least 2");
  if (out.seconds <= 0) row.problem("time_us", "more than 0");
  if (moves_tokens(out) &&
      (out.tokens < 1 || out.top_k < 1 || out.hidden < 1 || out.experts < out.gpus))
    row.problem(
        "experts",
        "dispatch and combine need tokens, hidden, top_k and at least one expert per device");
  else if (moves_tokens(out) && out.gpus >= 2)
    check_routing({.kind = RoutingKind::uniform}, shape_of(out, 8), row.cells.front().place,
                  row.problems);
  if (!moves_tokens(out) && out.bytes <= 0) row.problem("bytes", "more than 0");
  return out;
}

double alone_s(const Fabric& fabric, const Transfer& transfer) {
  LinkLoads loads(fabric);
  double seconds = 0;
  for (const bool nvlink : {true, false}) {
    std::vector<LinkLoad> part;
    loads.collect(transfer.flows, 0, nvlink, part);
    seconds = std::max(
        seconds, busiest_s(fabric, part) / (nvlink ? transfer.nvlink_rate : transfer.nic_rate));
  }
  return transfer.latency_s + seconds;
}

Transfer tokens_transfer(const Pod& pod, const AllToAll& group,
                         const PreparedCollective& prepared) {
  const MeasuredCollective& row = prepared.row;
  const auto dispatcher = spelled<Dispatcher>(row.library);
  MOESIM_CHECK(dispatcher, "{} is no dispatcher", row.library);
  const CollectiveAlgorithm algorithm =
      exchange_algorithm(*dispatcher, CollectiveAlgorithm::automatic, row.gpus);
  ExchangeUse use = exchange_use(group, *dispatcher);
  use.sms = row.sms > 0 ? row.sms : pod.dispatchers[*dispatcher].usual_sms;
  use.token_bytes = row.token_bytes;
  use.combine = row.collective == "combine";
  Transfer transfer = dispatcher_rates(pod, *dispatcher, use);
  transfer.latency_s += group.latency_s() + row.host_s;
  ExchangeBytes bytes;
  fill_exchange(*dispatcher, group, prepared.tokens, shape_of(row, pod.gpus_per_node),
                row.token_bytes, row.collective == "combine", bytes);
  add_exchange(algorithm, group, bytes, transfer.flows);
  return transfer;
}

}  // namespace

bool moves_tokens(const MeasuredCollective& row) {
  return row.collective == "dispatch" || row.collective == "combine";
}

std::vector<MeasuredCollective> read_collective_table(const std::string& csv_file,
                                                      const Files& files) {
  std::vector<MeasuredCollective> rows;
  read_table(csv_file, files, "collective",
             [&](const TableRow& row) { rows.push_back(measured(row)); });
  return rows;
}

std::string class_of(const MeasuredCollective& row) {
  const char* size = moves_tokens(row)    ? ""
                     : row.bytes < kSmall ? ", less than 1 MB"
                                          : ", 1 MB and more";
  return fmt::format("{} {} {}{}", row.platform, row.library, row.collective, size);
}

PreparedCollective prepare(const Pod& pod, const MeasuredCollective& row) {
  PreparedCollective prepared{row, {}};
  if (!moves_tokens(row)) return prepared;
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  Router(spec, shape_of(row, pod.gpus_per_node), 1, 1).sample(0, 0, 0, prepared.tokens);
  return prepared;
}

double predicted_s(Pod pod, const PreparedCollective& prepared) {
  const MeasuredCollective& row = prepared.row;
  pod.gpus = row.gpus;
  std::vector<int> members(static_cast<size_t>(row.gpus));
  std::iota(members.begin(), members.end(), 0);
  const Fabric fabric = build_fabric(pod, members);
  if (moves_tokens(row))
    return alone_s(fabric, tokens_transfer(pod, AllToAll(fabric, 0, members), prepared));
  const auto kind = spelled<CollectiveKind>(row.collective);
  MOESIM_CHECK(kind, "{} is no collective", row.collective);
  return alone_s(fabric, collective(*kind, CollectiveAlgorithm::automatic,
                                    {fabric, pod, 0, members}, row.bytes));
}

}  // namespace moesim
