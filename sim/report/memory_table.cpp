#include "report/memory_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/format.hpp"

namespace moesim {
namespace {

// Stores of different kinds and sizes, each in its own unit.
void stores(TableCanvas& table, const std::vector<StageMemory>& memory) {
  table.heading("Memory", "");
  table.line("  " + fit("", 7) +
             "  parameters   gradients   optimizer activations       total       used");
  for (const StageMemory& store : memory) {
    std::string text = fit(store.name, 7);
    for (double bytes : {store.parameters_bytes, store.gradients_bytes, store.optimizer_bytes,
                         store.activations_bytes, store.total_bytes})
      text += fit(bytes > 0 ? bytes_text(bytes) : "", 12, Align::right);
    table.line("  " + text +
               fit(percent_text(store.total_bytes / store.capacity_bytes), 11, Align::right));
    if (!store.fits)
      table.line(fmt::format("          OUT OF MEMORY by {} of {}: {} too large",
                             bytes_text(store.total_bytes - store.capacity_bytes),
                             bytes_text(store.capacity_bytes), store.breaks_it));
  }
}

// Consecutive stages that read the same are one row, "4-6".
void stages(TableCanvas& table, const std::vector<StageMemory>& memory) {
  double largest = 0;
  for (const StageMemory& stage : memory)
    largest = std::max({largest, stage.total_bytes, stage.capacity_bytes});
  const BytesColumn column(largest);
  table.heading("Memory per stage", fmt::format("{}, capacity {}", column.unit,
                                                bytes_text(memory.front().capacity_bytes)));
  const auto cells = [&](const StageMemory& stage) {
    std::string text;
    for (double bytes : {stage.parameters_bytes, stage.gradients_bytes, stage.optimizer_bytes,
                         stage.buffers_bytes, stage.activations_bytes, stage.total_bytes})
      text += fit(column.text(bytes), 10, Align::right);
    return text + fit(percent_text(stage.total_bytes / stage.capacity_bytes), 9, Align::right);
  };
  table.line("  " + fit("stage", 7) +
             "    params     grads optimizer   buffers  activat.     total     used");
  for (size_t i = 0; i < memory.size();) {
    const StageMemory& stage = memory[i];
    const std::string text = cells(stage);
    size_t end = i + 1;
    while (end < memory.size() && cells(memory[end]) == text && memory[end].fits == stage.fits)
      ++end;
    const int last = memory[end - 1].stage;
    const std::string name =
        end == i + 1 ? std::to_string(stage.stage) : fmt::format("{}-{}", stage.stage, last);
    table.line("  " + fit(name, 7) + text);
    if (!stage.fits)
      table.line(fmt::format("         OUT OF MEMORY by {}", bytes_text(stage.missing_bytes())));
    i = end;
  }
}

void fullest_moment(TableCanvas& table, const StageMemory& stage, size_t shown) {
  if (stage.moment.empty()) return;
  table.wrapped("  ",
                fmt::format("stage {} is fullest in the {}: allocated {}, reserved {}, beside the "
                            "allocator {}; then it holds",
                            stage.stage, stage.moment, bytes_text(stage.total_bytes),
                            bytes_text(stage.reserved_bytes), bytes_text(stage.outside_bytes)));
  for (size_t i = 0; i < std::min(shown, stage.largest.size()); ++i) {
    const HeldMemory& held = stage.largest[i];
    table.line("    " + fit(held.name, 34) + fit(bytes_text(held.bytes), 12, Align::right) +
               fit(percent_text(held.bytes / stage.total_bytes), 9, Align::right) +
               (held.count > 1 ? fmt::format("  {} tensors", held.count) : ""));
  }
}

}  // namespace

std::string memory_verdict(const std::vector<StageMemory>& memory) {
  const StageMemory* worst = nullptr;
  const auto rank = [](const StageMemory& stage) {
    return !stage.fits ? 2 : stage.verdict == "tight" ? 1 : 0;
  };
  for (const StageMemory& stage : memory)
    if (!worst || rank(stage) > rank(*worst) ||
        (rank(stage) == rank(*worst) &&
         stage.total_bytes * worst->capacity_bytes > worst->total_bytes * stage.capacity_bytes))
      worst = &stage;
  if (!worst) return "";
  const std::string where = memory.size() < 2     ? ""
                            : worst->name.empty() ? fmt::format(" (stage {})", worst->stage)
                                                  : fmt::format(" ({})", worst->name);
  if (!worst->fits)
    return fmt::format("out of memory by {}{}{}{}", bytes_text(worst->missing_bytes()), where,
                       worst->breaks_it.empty() ? "" : ", largest: ", worst->breaks_it);
  const double left = worst->capacity_bytes - worst->reserved_bytes - worst->outside_bytes;
  if (worst->verdict == "tight")
    return fmt::format("tight{}: {} free, reserve {}", where,
                       left > 0 ? bytes_text(left) : "nothing", bytes_text(worst->reserve_bytes));
  return fmt::format(
      "fits{}: {} of {}", where,
      bytes_text(std::max(worst->total_bytes, worst->reserved_bytes + worst->outside_bytes)),
      bytes_text(worst->capacity_bytes));
}

void add_memory(TableCanvas& table, const std::vector<StageMemory>& memory, size_t shown) {
  if (memory.empty()) return;
  if (!memory.front().name.empty())
    stores(table, memory);
  else
    stages(table, memory);
  if (const StageMemory* most = fullest(memory)) fullest_moment(table, *most, shown);
  table.line("  " + memory_verdict(memory));
}

std::string memory_table(const std::vector<StageMemory>& memory) {
  TableCanvas table;
  table.line("memory: " + memory_verdict(memory));
  add_memory(table, memory, 10);
  return table.text();
}

}  // namespace moesim
