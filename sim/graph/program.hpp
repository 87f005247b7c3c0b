// A whole step: a coarse graph of blocks ("stage 3, microbatch 17, forward"), each naming a
// template that is instantiated when the block becomes ready and dropped when it is done. Memory is
// then proportional to what is live, not to the step.
#pragma once

#include <string>
#include <vector>

#include "graph/task_graph.hpp"

namespace moesim {

using BlockId = uint32_t;
// Blocks wait for each other at numbered ports: an edge leads from an exit of one block to an entry
// of another.
using BlockPort = uint16_t;

// When rank r of this block passes exit `from_port`, rank r of block `to` has one thing less to
// wait for at `to_port`.
struct BlockEdge {
  BlockId to = 0;
  BlockPort from_port = 0;
  BlockPort to_port = 0;
};

// The part that a block plays in the pipeline.
enum class BlockKind : uint8_t {
  forward,
  backward,
  weight_gradient,
  overlapped,
  optimizer,
  prologue
};

struct Block {
  uint32_t graph = 0;       // index into Program::templates
  uint32_t first_rank = 0;  // simulated rank of the template's rank 0
  BlockKind kind = BlockKind::forward;
  uint16_t stage = 0;
  uint16_t chunk = 0;  // model chunk on the stage (virtual pipeline)
  uint32_t microbatch = 0;
  uint16_t first_layer = 0;
  uint16_t replica = 0;  // data-parallel cell
  // The same of lane 1, where a block overlaps the work of two microbatches.
  uint16_t other_chunk = 0;
  uint16_t other_first_layer = 0;
  uint32_t other_microbatch = 0;
  std::vector<BlockEdge> outputs;
  std::vector<uint32_t> inputs;  // edges that arrive at each entry port
};

inline uint32_t microbatch_of(const Block& block, int lane) {
  return lane == 0 ? block.microbatch : block.other_microbatch;
}
inline int first_layer_of(const Block& block, int lane) {
  return lane == 0 ? block.first_layer : block.other_first_layer;
}
inline int chunk_of(const Block& block, int lane) {
  return lane == 0 ? block.chunk : block.other_chunk;
}

// A kernel of which a program has many alike, as a reader knows it, with what its time comes from.
struct KernelUse {
  uint8_t op = 0;      // index into Program::op_names
  std::string pass;    // "forward", "backward_data", "backward_weight"
  std::string shape;   // "4096x14336x4096", "16 x 1024x3072x5120", "32 heads 4096x128"
  std::string source;  // of its efficiency
  double flops = 0;
  double bytes = 0;
  double peak_flops = 0;  // of the device, in its precision
  bool measured = true;   // kernels like it were: it lies inside the range that constants fit
  double joules = 0;      // beyond what the device draws whatever runs; 0: not known
  bool operator==(const KernelUse&) const = default;
};
inline constexpr uint32_t kNoKernel = 0xffffffffu;

// A chain of kernels on one stream between two synchronisation points is one task; its parts say
// how reports split it again.
struct ChainPart {
  uint8_t op = 0;
  Phase phase = Phase::forward;
  uint16_t layer = 0;           // within the template
  double seconds = 0;           // at nominal load
  uint32_t kernel = kNoKernel;  // index into Program::kernels
};
struct KernelChain {
  std::vector<ChainPart> parts;
};

// Amounts that are drawn, for one instance of a template.
struct InstanceData {
  std::vector<double> seconds;           // per drawn compute task
  std::vector<std::vector<Flow>> flows;  // per drawn transfer, endpoints relative to the template
  // Per drawn transfer: seconds on top of latency (closed-form collectives).
  std::vector<double> fixed_s;

  // Sizes the lists for what a template draws; fixed_s becomes 0, the others are to be filled.
  void reset(const TaskGraph& graph);
};

// Draws the amounts that differ from instance to instance (token routing). Both functions are pure:
// an oracle and an engine that ask for the same block get the same amounts, in whatever order.
class InstanceSource {
 public:
  virtual ~InstanceSource() = default;
  // Takes `out` as InstanceData::reset leaves it. Called only for templates that draw.
  virtual void fill(const Block& block, const TaskGraph& graph, InstanceData& out) const = 0;
  // Returns what a compute task takes against nominal: the device's slowness, times chance.
  virtual double stretch(BlockId, const Block&, TaskId, const Task&) const { return 1; }
};

struct Program {
  std::vector<TaskGraph> templates;
  std::vector<Block> blocks;
  std::vector<KernelChain> chains;
  std::vector<std::string> op_names;
  std::vector<KernelUse> kernels;
  uint32_t simulated_ranks = 0;

  uint8_t op(const std::string& op_name);  // returns the index of the name, added when new
  uint32_t kernel(const KernelUse& use);   // returns its index, added when new
  BlockId add_block(Block block);
  // Both blocks span the same number of ranks; the edge connects them rank by rank.
  void connect(BlockId from, BlockPort from_port, BlockId to, BlockPort to_port);
  // Tasks that take time, over all blocks. kernel_count counts the parts of a chain instead of it.
  double task_count() const;
  double kernel_count() const;
};

}  // namespace moesim
