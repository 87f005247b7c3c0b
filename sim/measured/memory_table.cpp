#include "measured/memory_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.hpp"
#include "measured/table_row.hpp"
#include "measured/vocabulary.hpp"

namespace moesim {
namespace {

bool holds(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

// A whole number, "" as 0; nothing for other text.
std::optional<int> whole(const std::string& text) {
  if (text.empty()) return 0;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "31.585", "~80 (fits)", ">182 (OOM)": the figure, and what is said of it.
void read_peak(const TableRow& cells, MeasuredMemory& memory) {
  const std::string text = cells.at("peak_memory");
  const std::string words = lowercase(text);
  if (holds(words, "oom") || holds(words, "out of memory"))
    memory.verdict = MeasuredMemory::Verdict::out_of_memory;
  else
    memory.verdict = MeasuredMemory::Verdict::fits;
  const size_t begin = text.find_first_of("0123456789");
  double figure = 0;
  if (begin == std::string::npos) return cells.problem("peak_memory", "holds no number");
  std::from_chars(text.data() + begin, text.data() + text.size(), figure);
  if (begin > 0 || memory.verdict == MeasuredMemory::Verdict::out_of_memory) return;  // no peak
  if (!std::isfinite(figure) || figure <= 0)
    return cells.problem("peak_memory", fmt::format("expected a number above 0, got \"{}\"", text));
  const std::string unit = cells.at("unit");
  const auto is = [&](const char* name) { return unit.rfind(name, 0) == 0; };
  const double scale = is("GiB")   ? std::pow(2, 30)
                       : is("MiB") ? std::pow(2, 20)
                       : is("GB")  ? 1e9
                       : is("MB")  ? 1e6
                                   : 0;
  if (scale == 0)
    cells.problem("unit", fmt::format("expected GiB, GB, MiB or MB first, got \"{}\"", unit));
  memory.bytes = figure * scale;
}

void read_kind(const TableRow& cells, MeasuredMemory& memory) {
  const std::string words = lowercase(cells.at("what_is_measured"));
  if (holds(words, "reserved"))
    memory.kind = MemoryKind::reserved;
  else if (holds(words, "persistent") || holds(words, "end of the step"))
    memory.kind = MemoryKind::persistent;
  else if (holds(words, "device") || holds(words, "nvidia-smi") || holds(words, "printed") ||
           holds(words, "log"))
    memory.kind = MemoryKind::device;
}

// "stage 0", "stage 1 (last)", "last rank (last stage)", "pp rank 3 (rank 6)"; all else: the
// fullest.
void read_stage(const TableRow& cells, MeasuredMemory& memory) {
  const std::string words = lowercase(cells.at("stage_or_rank"));
  if (holds(words, "last")) {
    memory.stage = MeasuredMemory::kLast;
    return;
  }
  for (const char* name : {"stage ", "pp rank "}) {
    const size_t at = words.find(name);
    if (at == std::string::npos) continue;
    int stage = 0;
    const char* begin = words.data() + at + std::string(name).size();
    if (std::from_chars(begin, words.data() + words.size(), stage).ec == std::errc()) {
      memory.stage = stage;
      return;
    }
  }
  // Rank 0 is in the first stage.
  if (words.rfind("rank 0", 0) == 0) memory.stage = 0;
}

// "ZeRO-1 distributed optimizer, fp32 grads", "FSDP2 (weights, ...)", "distributed optimizer".
void read_sharding(const TableRow& cells, MeasuredRow& row) {
  const std::string words = lowercase(cells.at("zero_or_distributed_optimizer"));
  const bool fsdp = holds(words, "fsdp") || holds(words, "zero-3") || holds(words, "zero 3");
  if (fsdp && holds(words, " or ")) return;
  if (fsdp)
    row.zero = 3;
  else if (holds(words, "distributed optimizer") || holds(words, "zero-1"))
    row.zero = 1;
  if (holds(words, "fsdp2") && row.framework.empty()) row.framework = "fsdp2";
  // Trainers on FSDP2 leave multi-token prediction out.
  if (holds(words, "fsdp2") && row.mtp == MeasuredRow::kOpen) row.mtp = 0;
  if (holds(words, "reshard_after_forward false")) {
    row.set.push_back("plan.memory.keeps_gathered=true");
    row.set.push_back("plan.memory.sums_whole_gradients=true");
  }
  if (holds(words, "fp32 grad")) row.set.push_back("plan.gradient_bytes=4");
}

void read_sets(const TableRow& cells, MeasuredRow& row) {
  const std::string text = cells.at("set");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const size_t from = std::min(text.find_first_not_of(' ', begin), end);
    std::string set = text.substr(from, end - from);
    if (!set.empty() && set.find('=') == std::string::npos)
      cells.problem("set", "expected KEY.PATH=VALUE, got \"" + set + "\"");
    if (!set.empty()) row.set.push_back(std::move(set));
    begin = end + 1;
  }
}

// Recompute and precision in words that tables of memory use: what is open is no configuration.
void read_policies(MeasuredMemory& memory) {
  MeasuredRow& row = memory.row;
  for (const char* open : {"not stated", "per recipe", "see name", "not printed"})
    if (row.recompute == open) row.recompute.clear();
  if (holds(row.recompute, " or ") && memory.reason.empty())
    memory.reason = fmt::format("recompute is \"{}\"", row.recompute);
  // Selective checkpointing by operator saves products, attention and what was exchanged.
  if (row.zero == 3 && lowercase(row.recompute).rfind("selective", 0) == 0)
    row.recompute = "layernorm,moe_act,core_attn";
  if (row.precision == "fp16") row.precision = "bf16";  // as wide
  // "mxfp8 linears only": the recipe, and where it holds.
  row.precision = row.precision.substr(0, row.precision.find(' '));
}

// Fills in what the cells leave open and a peak does not depend on: the number of microbatches
// without a pipeline.
void complete(MeasuredMemory& memory) {
  MeasuredRow& row = memory.row;
  if (row.gbs == 0 && row.mbs > 0 && row.num_gpus > 0 && row.pp == 1 && row.tp > 0) {
    const int replicas = row.num_gpus / (row.tp * std::max(1, row.cp));
    row.gbs = row.mbs * replicas;
    memory.told = "gbs is not stated: one microbatch a step";
  }
  if (row.mbs == 0 && row.pp != 1) memory.reason = "mbs is empty";
}

}  // namespace

MemoryTable read_memory_table(const std::string& path, const Files& files) {
  MemoryTable table;
  table.file = path;
  const std::vector<std::string> columns = table_columns(path, files);
  for (const char* name : {"model", "gpu", "unit", "what_is_measured"})
    if (std::find(columns.begin(), columns.end(), name) == columns.end() && !columns.empty())
      throw InputError(fmt::format("{}:1:1: {}: this column is missing", path, name));
  read_table(path, files, "peak_memory", [&](const TableRow& cells) {
    MeasuredMemory& memory = table.rows.emplace_back();
    MeasuredRow& row = memory.row;
    row.table = path;
    row.line = cells.cells.front().place.line;
    row.set_place = cells.cells.front().place;
    for (const auto& [column, member] : text_columns()) row.*member = cells.at(column);
    row.cuda_graph = cells.at("cuda_graph");
    for (const auto& [column, member] : size_columns()) {
      const std::string text = cells.at(column);
      if (const auto value = whole(text))
        row.*member = *value;
      else if (memory.reason.empty())
        memory.reason = fmt::format("{} is \"{}\"", column, text);
    }
    for (const auto& [column, member] :
         {std::pair("mtp", &MeasuredRow::mtp), std::pair("zero", &MeasuredRow::zero)})
      if (!cells.at(column).empty()) row.*member = whole(cells.at(column)).value_or(row.*member);
    read_peak(cells, memory);
    read_kind(cells, memory);
    read_stage(cells, memory);
    read_sharding(cells, row);
    read_sets(cells, row);
    read_policies(memory);
    if (memory.reason.empty()) complete(memory);
  });
  return table;
}

}  // namespace moesim
