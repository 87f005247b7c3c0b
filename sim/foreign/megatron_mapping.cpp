#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/text.hpp"
#include "foreign/megatron_reader.hpp"

namespace moesim {
namespace {

void import_expert_tensor(MegatronReader& reader) {
  if (reader.out().integer("workload.experts", 0) == 0) return;
  const MegatronReader::Names names = {"expert-tensor-parallel-size"};
  if (const auto stated = reader.integer(names)) return reader.state("plan.etp", *stated, names);
  const long long tp = reader.out().integer("plan.tp", 1);
  if (tp > 1) reader.state("plan.etp", tp, names);  // Megatron-Core: as tensor parallelism
}

// How many model chunks a stage has.
long long import_chunks(MegatronReader& reader) {
  const MegatronReader::Names layers_each = {"num-layers-per-virtual-pipeline-stage"},
                              stages = {"num-virtual-stages-per-pipeline-rank"},
                              text = {"pipeline-model-parallel-layout"};
  const long long pp = std::max(1LL, reader.out().integer("plan.pp", 1));
  // Those that the split counts: the embedding and the loss may stand for one each.
  const long long layers = reader.out().integer("workload.layers", 0) +
                           reader.has({"account-for-embedding-in-pipeline-split"}) +
                           reader.has({"account-for-loss-in-pipeline-split"});
  long long vpp = 1;
  MegatronReader::Names from = stages;
  if (reader.has(text)) {
    std::string layout = reader.text(text);
    while (layout.ends_with('\'') || layout.ends_with('"')) layout.pop_back();
    while (layout.starts_with('\'') || layout.starts_with('"')) layout.erase(0, 1);
    const LaunchArgument& argument = *reader.find(text);
    reader.out().state_text("plan.layout", layout, reader.from(argument));
    from = text;
    // Chunks are what "|" separates, those of a repeated group as often as it is.
    std::vector<long long> counts = {0};
    bool sound = true;
    for (size_t at = 0; at < layout.size(); ++at) {
      if (layout[at] == '|') ++counts.back();
      if (layout[at] == '(') counts.push_back(0);
      if (layout[at] != ')') continue;
      long long times = 0;
      if (at + 1 < layout.size() && layout[at + 1] == '*')
        for (size_t i = at + 2;
             i < layout.size() && layout[i] >= '0' && layout[i] <= '9' && times < 10'000; ++i)
          times = 10 * times + (layout[i] - '0');
      sound = sound && counts.size() > 1;
      if (!sound) break;
      sound = sound && counts.back() <= 1'000'000;
      if (!sound) break;
      const long long inside = counts.back() * std::max(1LL, times);
      counts.pop_back();
      counts.back() += inside;
    }
    const long long chunks = counts.back() + 1;
    if (!sound || chunks % pp != 0)
      reader.fail(argument, fmt::format("{} chunks for {} stages", chunks, pp));
    vpp = chunks / pp;
  } else if (const auto stated = reader.integer(stages)) {
    vpp = *stated;
  } else if (const auto each = reader.integer(layers_each); each && *each > 0) {
    from = layers_each;
    if (layers % (pp * *each) != 0)
      reader.fail(*reader.find(from),
                  fmt::format("{} layers are not divisible by {} stages of {}", layers, pp, *each));
    vpp = std::max(1LL, layers / (pp * *each));
  }
  if (pp > 1 && vpp > 1) {
    reader.state("plan.vpp", vpp, from);
    reader.state("plan.schedule", "interleaved", from);
  }
  return pp > 1 ? std::max(1LL, vpp) : 1;
}

// "Et*2|(t*3|)*30t*2L": equal chunks that follow one another are written once.
std::string joined_chunks(const std::vector<std::string>& chunks) {
  std::string text;
  for (size_t at = 0; at < chunks.size();) {
    size_t same = 1;
    while (at + same < chunks.size() && chunks[at + same] == chunks[at]) ++same;
    const bool last = at + same == chunks.size();
    if (same > 2 && !last)
      text += fmt::format("({}|)*{}", chunks[at], same);
    else
      for (size_t i = 0; i < same; ++i)
        text += chunks[at] + (at + i + 1 < chunks.size() ? "|" : "");
    at += same;
  }
  return text;
}

// Layers of each chunk, in the order of plan.layout.
void import_split(MegatronReader& reader, long long vpp) {
  const MegatronReader::Names first = {"decoder-first-pipeline-num-layers"},
                              last = {"decoder-last-pipeline-num-layers"},
                              embedding = {"account-for-embedding-in-pipeline-split"},
                              loss = {"account-for-loss-in-pipeline-split"};
  const long long pp = reader.out().integer("plan.pp", 1);
  const long long layers = reader.out().integer("workload.layers", 0);
  if (reader.out().find("plan.layout") || pp < 2 || pp > 100'000 || layers > 10'000 || vpp > 10'000)
    return;
  const long long in_first = reader.integer_or(first, 0), in_last = reader.integer_or(last, 0);
  const bool counts_embedding = reader.has(embedding), counts_loss = reader.has(loss);
  if (in_first + in_last == 0 && !counts_embedding && !counts_loss) return;
  const LaunchArgument& from = *reader.find(
      {"decoder-first-pipeline-num-layers", "decoder-last-pipeline-num-layers",
       "account-for-embedding-in-pipeline-split", "account-for-loss-in-pipeline-split"});
  const long long counted = layers + counts_embedding + counts_loss;
  const long long others = pp - (in_first > 0) - (in_last > 0);
  const long long rest = counted - in_first - in_last;
  const long long each = others > 0 ? rest / (others * vpp) : 0;
  if (rest < 0 || (others > 0 ? rest % (others * vpp) != 0 : rest != 0) || in_first % vpp != 0 ||
      in_last % vpp != 0)
    return reader.fail(
        from, fmt::format("{} layers do not divide into {} chunks this way", layers, pp * vpp));
  std::vector<std::string> chunks;
  for (long long chunk = 0; chunk < pp * vpp; ++chunk) {
    const long long stage = chunk % pp;
    long long here = each;
    if (stage == 0 && in_first > 0) here = in_first / vpp;
    if (stage == pp - 1 && in_last > 0) here = in_last / vpp;
    if (chunk == 0 && counts_embedding) --here;
    if (chunk == pp * vpp - 1 && counts_loss) --here;
    chunks.push_back(here > 1 ? fmt::format("t*{}", here) : here == 1 ? "t" : "");
  }
  const auto mtp =
      static_cast<size_t>(std::min(reader.out().integer("workload.mtp_layers", 0), 100LL));
  chunks.front() = "E" + chunks.front();
  chunks.back() += std::string(mtp, 'm') + "L";
  reader.out().state_text("plan.layout", joined_chunks(chunks), reader.from(from));
}

void import_replicas(MegatronReader& reader) {
  const MegatronReader::Names sharded = {"use-megatron-fsdp", "use-custom-fsdp"},
                              torch = {"use-torch-fsdp2"},
                              strategy = {"data-parallel-sharding-strategy"},
                              optimizer = {"use-distributed-optimizer"};
  long long stage = reader.has(optimizer) ? 1 : 0;
  if (reader.has(torch)) {
    stage = 3;
    reader.state("plan.zero_stage", stage, torch);
  } else if (reader.has(sharded)) {
    const std::string word = reader.has(strategy) ? reader.text(strategy) : "optim_grads_params";
    stage = word == "no_shard" ? 0 : word == "optim" ? 1 : word == "optim_grads" ? 2 : 3;
    if (reader.has(strategy))
      reader.state("plan.zero_stage", stage, strategy);
    else
      reader.state("plan.zero_stage", stage, sharded);
  } else {
    reader.state("plan.zero_stage", stage, optimizer);
  }
  if (stage != 3) reader.out().drop("plan.reshard_after_forward");
  const bool aligns = stage == 1 || stage == 2;
  if (!aligns || reader.out().integer("plan.vpp", 1) < 2)
    reader.out().drop("plan.align_param_gather");
  if (stage == 0) reader.out().drop("plan.optimizer_instances");
  // With one hardware queue kernels start in the order of their launches, so that a reduction holds
  // up what was launched behind it: the framework's profile knows where that binds.
  const MegatronReader::Names overlap = {"overlap-grad-reduce"};
  const std::string& queues = reader.launch().queues;
  if (!reader.has(overlap))
    reader.state("plan.overlap_grad_reduce", "false", overlap);
  else if (!queues.empty() && queues != "1")
    reader.out().state(
        "plan.overlap_grad_reduce", "true",
        fmt::format("{}, with CUDA_DEVICE_MAX_CONNECTIONS={}", reader.from(overlap), queues));
}

}  // namespace

void import_mapping(MegatronReader& reader) {
  import_expert_tensor(reader);
  const long long vpp = import_chunks(reader);
  import_split(reader, vpp);
  import_replicas(reader);
  const long long cp = reader.out().integer("plan.cp", 1);
  if (cp < 2) reader.out().drop("plan.cp_kind");
  const long long ep = reader.out().integer("plan.ep", 1);
  if (reader.out().integer("workload.experts", 0) == 0 && ep > 1) reader.out().drop("plan.ep");
}

}  // namespace moesim
