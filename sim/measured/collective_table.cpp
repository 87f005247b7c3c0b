#include "measured/collective_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "engine/link_load.hpp"
#include "lower/all_to_all.hpp"
#include "lower/collectives.hpp"
#include "measured/table_row.hpp"
#include "model/kernel_builders.hpp"

namespace moesim {

namespace {

constexpr double kSmall = 1e6;  // bytes; below, time is latency and start-up

bool moves_tokens(const MeasuredCollective& row) {
  return row.collective == "dispatch" || row.collective == "combine";
}

std::optional<CollectiveKind> ring_kind(const std::string& name) {
  if (name == "all-gather") return CollectiveKind::all_gather;
  if (name == "reduce-scatter") return CollectiveKind::reduce_scatter;
  if (name == "all-reduce") return CollectiveKind::all_reduce;
  return std::nullopt;
}

MeasuredCollective measured(const TableRow& row) {
  MeasuredCollective out;
  out.library = row.at("library");
  out.collective = row.at("collective");
  out.platform = row.at("platform");
  out.gpus = static_cast<int>(row.number("gpus"));
  out.bytes = row.number("bytes");
  out.tokens = static_cast<int>(row.number("tokens"));
  out.hidden = static_cast<int>(row.number("hidden"));
  out.top_k = static_cast<int>(row.number("top_k"));
  out.experts = static_cast<int>(row.number("experts"));
  out.n_group = std::max(1, static_cast<int>(row.number("n_group")));
  out.topk_group = std::max(1, static_cast<int>(row.number("topk_group")));
  const bool fp8 = row.at("precision") == "fp8";
  out.token_bytes =
      out.hidden * operand_bytes(fp8 ? PrecisionRecipe::fp8_block : PrecisionRecipe::bf16);
  out.sms = static_cast<int>(row.number("sms"));
  out.fitted = row.at("fit") == "yes";
  out.seconds = row.number("time_us") * 1e-6;
  out.source = row.at("source");
  if (out.library != "nccl" && out.library != "deepep" && out.library != "hybridep")
    row.problem("library",
                fmt::format("expected nccl, deepep or hybridep, got \"{}\"", out.library));
  if (!ring_kind(out.collective) && out.collective != "all-to-all" && !moves_tokens(out))
    row.problem("collective", fmt::format("\"{}\" is not known", out.collective));
  if (out.gpus < 2) row.problem("gpus", "at least 2");
  if (out.seconds <= 0) row.problem("time_us", "more than 0");
  if (moves_tokens(out) &&
      (out.tokens < 1 || out.top_k < 1 || out.hidden < 1 || out.experts < out.gpus))
    row.problem(
        "experts",
        "dispatch and combine need tokens, hidden, top_k and at least one expert per device");
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

Transfer nccl_all_to_all(const Pod& pod, const AllToAll& group, const ByteMatrix& matrix) {
  Transfer transfer;
  group.port_balanced(matrix, transfer.flows);
  transfer.latency_s =
      group.latency_s() + pod.collective_startup_s + pod.message_startup_s * group.messages(false);
  return transfer;
}

Transfer tokens_transfer(const Pod& pod, const AllToAll& group, const MeasuredCollective& row,
                         const RoutedTokens& tokens) {
  const int n = row.gpus;
  ByteMatrix matrix;
  matrix.reset(n);
  const bool copies = row.library == "nccl", reverse = row.collective == "combine";
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      const size_t at = static_cast<size_t>(i) * n + j;
      const double sent =
          row.token_bytes * (copies ? tokens.rank_copies[at] : tokens.rank_tokens[at]);
      (copies && reverse ? matrix.at(j, i) : matrix.at(i, j)) = sent;
    }
  if (copies) return nccl_all_to_all(pod, group, matrix);
  TwoHopBytes bytes;
  bytes.to_rank = matrix;
  bytes.to_node.resize(tokens.node_tokens.size());
  for (size_t i = 0; i < bytes.to_node.size(); ++i)
    bytes.to_node[i] = row.token_bytes * tokens.node_tokens[i];
  const DispatcherCost& cost = row.library == "deepep" ? pod.deepep : pod.hybridep;
  Transfer transfer;
  group.hierarchical(bytes, reverse, transfer.flows);
  transfer.latency_s = group.latency_s() + cost.startup_s;
  transfer.nic_rate = cost.nic_efficiency;
  transfer.nvlink_rate = pod.nvlink_share(cost, row.sms, row.token_bytes);
  return transfer;
}

}  // namespace

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
  RoutingShape shape;
  shape.sources = shape.ranks = row.gpus;
  shape.tokens_per_source = row.tokens;
  shape.experts = row.experts;
  shape.top_k = row.top_k;
  shape.n_group = row.n_group;
  shape.topk_group = row.topk_group;
  shape.ranks_per_node = pod.gpus_per_node;
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  Router(spec, shape, 1, 1).sample(0, 0, 0, prepared.tokens);
  return prepared;
}

double predicted_s(Pod pod, const PreparedCollective& prepared) {
  const MeasuredCollective& row = prepared.row;
  pod.gpus = row.gpus;
  std::vector<int> members(static_cast<size_t>(row.gpus));
  std::iota(members.begin(), members.end(), 0);
  const Fabric fabric = build_fabric(pod, members);
  if (const auto kind = ring_kind(row.collective))
    return alone_s(fabric, ring_collective(fabric, pod, *kind, 0, members, row.bytes));
  const AllToAll group(fabric, 0, members);
  if (moves_tokens(row)) return alone_s(fabric, tokens_transfer(pod, group, row, prepared.tokens));
  ByteMatrix matrix;
  matrix.reset(row.gpus);
  std::fill(matrix.bytes.begin(), matrix.bytes.end(), row.bytes / row.gpus);
  return alone_s(fabric, nccl_all_to_all(pod, group, matrix));
}

}  // namespace moesim
