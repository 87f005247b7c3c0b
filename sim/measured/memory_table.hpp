// A table of measured peaks of device memory: one row per figure, its configuration as its source
// printed it. Returns typed rows; knows nothing of predictions (measured/memory_validation.hpp).
// Columns: docs/formats/tables.md.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/spelling.hpp"
#include "measured/measured_table.hpp"

namespace moesim {

// A figure counts one of these: tensors in use at the peak, or what the allocator held for them;
// what lasts from step to step; or all that the device had in use.
enum class MemoryKind { allocated, reserved, persistent, device };
inline constexpr auto kMemoryKinds = std::to_array<Spelled<MemoryKind>>({
    {MemoryKind::allocated, "allocated"},
    {MemoryKind::reserved, "reserved"},
    {MemoryKind::persistent, "persistent"},
    {MemoryKind::device, "device"},
});
constexpr const auto& enum_names(MemoryKind) { return kMemoryKinds; }

struct MeasuredMemory {
  static constexpr int kFullest = -1, kLast = -2;

  MeasuredRow row;     // the configuration
  std::string reason;  // why it states none that can run; empty: it does
  std::string told;    // what was taken for a cell that leaves something open
  MemoryKind kind = MemoryKind::allocated;
  double bytes = 0;  // 0: only whether it fits is known
  int stage = kFullest;
  enum class Verdict { open, fits, out_of_memory } verdict = Verdict::open;
};

struct MemoryTable {
  std::string file;
  std::vector<MeasuredMemory> rows;
};

// Columns in any order; model, gpu, peak_memory, unit and what_is_measured must be among them.
// Throws InputError, with all problems as file:line:column: column: message.
MemoryTable read_memory_table(const std::string& path, const Files& files = disk_files());

}  // namespace moesim
