// Builds the template of one block: the same sequence of chains and transfers on every rank of a
// cell, with the edges that keep each stream in order.
//
// The builder keeps a front for every rank: the tasks that the rank's next task has to wait for.
// Adding a chain of kernels, or a collective that its members wait for, moves the front on; adding
// a background transfer leaves it where it is, and wait_for() adds the transfer to the front later.
// Kernels that follow each other without anything between them become one task, a chain, because
// nothing could happen between them.
//
// A block that overlaps two microbatches has two lanes, each with fronts of its own. The lanes
// share the streams of every rank: compute and communication queue there in the order of emission,
// as a GPU runs its streams in the order in which the host issued them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/program.hpp"
#include "lower/chain_cost.hpp"
#include "plan/mapping.hpp"

namespace moesim {

// Amounts that the routing decides; RoutedWork fills them for each instance.
struct DrawnCompute {
  uint8_t lane = 0;
  uint16_t layer = 0;  // within the template
  uint32_t rank = 0;
  uint32_t kernels = 0;    // index of a kernel list known to RoutedWork
  double more_host_s = 0;  // see TemplateBuilder::busy_host
};
struct DrawnTransfer {
  uint8_t lane = 0;
  uint16_t layer = 0;
  uint32_t group = 0;      // expert-parallel group of the cell
  bool reverse = false;    // combine: bytes travel back
  double token_bytes = 0;  // one hidden vector on the wire
};
struct TemplateDraws {
  std::vector<DrawnCompute> compute;
  std::vector<DrawnTransfer> transfers;
};

// The bytes of an all-to-all that the routing decides.
struct RoutedBytes {
  double token_bytes = 0;
  bool reverse = false;
};

// How reports name a communication, and the stream on which it queues.
struct Communication {
  Stream stream = Stream::ep;
  const char* op = "";
  int layer = 0;  // within the template
  Phase phase = Phase::forward;
  std::optional<RoutedBytes> routed = {};  // then the transfer has no flows until it is filled
};

class TemplateBuilder {
 public:
  static constexpr TaskId kNoTask = 0xffffffffu;
  // Makes the transfer of a group or rank: latency, rates, SM share and, unless routed, its flows.
  using MakeTransfer = std::function<Transfer(const std::vector<int>& group)>;
  using MakeRankTransfer = std::function<Transfer(int rank)>;

  TemplateBuilder(Program& program, const ChainCost& cost, std::string name, int ranks);

  // Lanes. What is added after use_lane() belongs to that lane, which is entered through the port
  // of its number. After join_lanes() each lane goes on only when all have come this far.
  void use_lane(int lane);
  void join_lanes();
  // The next chain takes at least as long as the host needs to issue it and to do this.
  void busy_host(double seconds) { more_host_s_ = seconds; }
  // Adds to what the host has to do.
  void busy_host_more(double seconds) { more_host_s_ += seconds; }

  // Compute. compute() appends kernels to the chain that every rank is in. compute_fraction() adds
  // a chain of its own that takes this fraction of the kernels' time (steps of ring attention).
  // routed_compute() adds a chain whose time depends on the rows that reach each rank;
  // `nominal_rows`, per local expert, split it into kernels for reports.
  void compute(const Kernels& kernels, int layer, Phase phase);
  void compute_fraction(const Kernels& kernels, double fraction, int layer, Phase phase);
  void routed_compute(const Kernels& kernels, uint32_t kernel_list,
                      std::span<const int> nominal_rows, int layer, Phase phase);
  // Time on every rank that nothing shortens (a latency that all pay).
  void delay(const char* op, Phase phase, double seconds);

  // Collectives: each group's members wait for each other before the transfer starts. Afterwards
  // the members' lane waits for it; with blocking_collective() compute of the other lane too, since
  // the host launches nothing meanwhile; with background_collective() nothing does, and each rank's
  // transfer is returned (kNoTask for groups of one).
  void collective(const Communication& what, const Groups& groups, const MakeTransfer& make);
  void blocking_collective(const Communication& what, const Groups& groups,
                           const MakeTransfer& make);
  std::vector<TaskId> background_collective(const Communication& what, const Groups& groups,
                                            const MakeTransfer& make);
  // A transfer of each rank for itself that compute does not wait for. It follows the stream's last
  // transfer and, unless `after_front` is false, the rank's front. Ranks with nothing to send (no
  // flows, no latency) get kNoTask.
  std::vector<TaskId> background(const Communication& what, const MakeRankTransfer& make,
                                 bool after_front = true);

  // Waiting. The lists hold a task or kNoTask per rank.
  void wait_for(const std::vector<TaskId>& tasks);  // the lane goes on only after them
  void stop_for(const std::vector<TaskId>& tasks);  // compute of the other lane does, too
  void follow_compute();  // the lane goes on only after all compute so far, the other lane's too

  // Other blocks. entry() returns, per rank, the task that waits for other blocks at `port`. At an
  // exit other blocks may wait for `tasks` and, with_front or for ranks without a task, the front;
  // or for the fronts of all lanes.
  std::vector<TaskId> entry(BlockPort port);
  void exit(BlockPort port, const std::vector<TaskId>& tasks = {}, bool with_front = true);
  void exit_all_lanes(BlockPort port);

  TaskGraph freeze(TemplateDraws& draws);

 private:
  std::vector<TaskId>& front(int rank) { return fronts_[lane_][rank]; }
  TaskId& last_on_stream(int rank, Stream stream) {
    return last_on_stream_[rank * kStreams + static_cast<int>(stream)];
  }
  Task communication_task(const Communication& what, Transfer transfer);
  TaskId add(Task task, const std::vector<TaskId>& after);
  TaskId join_group(Task task, const std::vector<int>& group);
  void advance(const std::vector<TaskId>& tasks);
  void close_chain();
  void stop_compute(const std::vector<TaskId>& tasks);
  void add_chain_tasks(KernelChain chain, double seconds, std::optional<DrawnCompute> draw = {});

  Program& program_;
  const ChainCost& cost_;
  TaskGraphBuilder graph_;
  int ranks_;
  std::vector<std::vector<std::vector<TaskId>>> fronts_;  // [lane][rank]
  int lane_ = 0;
  // Per rank: the tasks that compute of either lane has to wait for, the last compute among them.
  std::vector<std::vector<TaskId>> before_compute_;
  std::vector<TaskId> last_on_stream_;  // [rank][stream]
  KernelChain chain_;  // the open chain, to which compute() appends; its kernels are chain_kernels_
  Kernels chain_kernels_;
  double more_host_s_ = 0;
  TemplateDraws draws_;
};

}  // namespace moesim
