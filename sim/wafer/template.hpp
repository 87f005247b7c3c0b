// A WaferBlock as the template of a graph over the simulated wafers, MemoryX (its optimizer) and
// SwarmX (its track in the timeline). One weight stream broadcasts to all wafers, one gradient
// stream is the sum over them.
//
// Weights are streamed as far ahead as the prefetch window allows, gradients may pile up as far as
// their buffer allows: a stream waits until an earlier one has been used up. Where that one is in
// an earlier block, the two blocks are connected through ports: each stream and each gradient has
// an entry ("there is room") and an exit ("used up").
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/program.hpp"
#include "wafer/block.hpp"

namespace moesim {

// Ports of a block. Entry and exit of one number follow each other from block to block, but for
// kSaved: the exit says that activations have arrived on the host; the entry, backward, that they
// may be fetched, and forward, that earlier ones have left and made room. kCopied: transfers to and
// from the host go one after the other.
enum WaferPort : BlockPort {
  kComputed,
  kStreamed,
  kReduced,
  kUpdated,
  kSaved,
  kCopied,
  kFirstRoom
};

// Amounts that the routing decides (wafer/work.hpp).
struct WaferDrawnCompute {
  int first_expert = 0, experts = 0;
  uint32_t wafer = 0;
  int kernels =
      -1;  // index into WaferDraws::kernels; -1: MemoryX's work on the experts that were sent
  double seconds_per_expert = 0;  // MemoryX
};
struct WaferDrawnTransfer {
  int first_expert = 0, experts = 0;
  bool up = false;
  double bytes_per_expert = 0;
};
struct WaferDraws {
  std::vector<WaferDrawnCompute> computes;
  std::vector<WaferDrawnTransfer> transfers;
  std::vector<Kernels> kernels;
};

// Which task of a template does what, for what the record says of SRAM. Compute tasks and copies of
// one kind follow each other, wafer by wafer.
struct WaferTasks {
  WaferBlock block;
  std::vector<TaskId> computes;  // of wafer 0
  std::vector<TaskId> streams, gradients;
  TaskId saves = 0, fetches = 0;  // of wafer 0; 0: there are none
};

struct WaferTemplate {
  uint32_t graph = 0;
  std::vector<double> stream_bytes;  // in the prefetch window: 0 for weights held through the block
  std::vector<double> gradient_bytes;
  std::vector<size_t> held;  // streams that are kept to the end of the block
  bool spills = false, fetches = false;

  BlockPort stream_port(size_t i) const { return static_cast<BlockPort>(kFirstRoom + i); }
  BlockPort gradient_port(size_t gradient) const {
    return static_cast<BlockPort>(kFirstRoom + stream_bytes.size() + gradient);
  }
};

// Adds the template to the program, its draws to `draws` and its tasks to `tasks`. `update`:
// gradients are complete, the optimizer runs; otherwise they are added up.
WaferTemplate add_wafer_template(const WaferContext& context, Program& program,
                                 const WaferBlock& block, bool update,
                                 std::vector<WaferDraws>& draws, std::vector<WaferTasks>& tasks);

// Buffers have these bytes, in order of use. Returns the last one before `next` that must be gone
// so that `next` and those in between fit in the window; -1 if none must.
int buffer_before(const std::vector<double>& bytes, int next, double window_bytes);

}  // namespace moesim
