// The tasks that a graph is made of: names and amounts only. Who runs a task, and how fast, is the
// engine's business.
#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

using TaskId = uint32_t;

enum class TaskKind : uint8_t {
  compute,   // `seconds` of exclusive device time on one rank
  transfer,  // a set of flows that start together and is done when the last has arrived (a
             // collective or a send)
  delay,     // `seconds` that nothing shortens or stretches
  join,      // takes no time; waits for its predecessors
  entry,     // a join that also waits for other blocks (Block::inputs)
  exit,      // a join that other blocks wait for
};

// FIFO streams of a device. The order on a stream is written as edges, so the graph is the whole
// truth; the stream says whose time it is: exposed time of a stream is the time during which
// compute waited for it. Wafers have weights (streamed in), gradients (streamed out), copy
// (activations to a host and back); MemoryX has optimizer.
enum class Stream : uint8_t { compute, ep, tp, cp, dp, pp, copy, weights, gradients, optimizer };
inline constexpr int kStreams = 10;
const char* name_of(Stream stream);

enum class Phase : uint8_t {
  forward,
  backward,
  weight_gradient,
  recompute,
  gradient_reduce,
  optimizer,
  parameter_gather
};
const char* name_of(Phase phase);

// `rank` counts within the template; the block that instantiates it adds its first rank. `layer`
// likewise.
struct Task {
  TaskKind kind = TaskKind::join;
  Stream stream = Stream::compute;
  Phase phase = Phase::forward;
  uint8_t op = 0;    // index into Program::op_names
  uint8_t lane = 0;  // a block may overlap a forward (lane 0) with a backward (lane 1)
  uint16_t layer = 0;
  uint32_t rank = 0;  // compute, entry, exit: whose; transfer: its first participant
  // compute: index into Program::chains; transfer: into TaskGraph::transfers; entry, exit: the
  // port.
  uint32_t payload = 0;
  int32_t draw = -1;   // >= 0: amounts differ per instance and are in InstanceData at this index
  double seconds = 0;  // compute, delay
};

// A transfer goes between endpoints: rank * kPorts + port. `far_*` is the rest of the cluster as
// this rank sees it: what folded replicas send and receive, which loads the rank's own port and
// nothing else that is simulated. `far_spine` lies beyond the spine, so that traffic with it also
// loads the uplinks of the rank's leaf switch.
enum class Port : uint8_t { nvlink, nic, far_nvlink, far_nic, far_spine };
inline constexpr int kPorts = 5;
constexpr int32_t endpoint(int32_t rank, Port port) {
  return rank * kPorts + static_cast<int32_t>(port);
}

// Between endpoints; in a template they are relative to its first rank, and possibly outside it.
struct Flow {
  int32_t source = 0;
  int32_t target = 0;
  double bytes = 0;
};

struct Transfer {
  std::vector<Flow> flows;      // empty for drawn transfers
  std::vector<uint32_t> ranks;  // participants, within the template
  double latency_s = 0;         // paid before the first byte moves
  double nvlink_rate = 1;       // fraction of the links' bandwidth that its flows reach at best
  double nic_rate = 1;
  double sm_share = 0;  // fraction of each participant's SMs taken while it runs
};

}  // namespace moesim
