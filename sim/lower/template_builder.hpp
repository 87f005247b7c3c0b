// Builds the template of one block: the same sequence of runs and transfers on every rank of a
// cell, with the edges that keep each stream in order. What a rank's next compute task has to wait
// for is its front.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/program.hpp"
#include "lower/run_cost.hpp"
#include "plan/mapping.hpp"

namespace moesim {

// Amounts that the routing decides; RoutedWork fills them for each instance.
struct ComputeSlot {
  uint8_t lane = 0;
  uint16_t layer = 0;  // within the template
  uint32_t rank = 0;
  uint32_t kernels = 0;  // index of a kernel list known to RoutedWork
  double more_host_s = 0;
};
struct TransferSlot {
  uint8_t lane = 0;
  uint16_t layer = 0;
  uint32_t group = 0;      // expert-parallel group of the cell
  bool reverse = false;    // combine: bytes travel back
  double token_bytes = 0;  // one hidden vector on the wire
};
struct TemplateSlots {
  std::vector<ComputeSlot> compute;
  std::vector<TransferSlot> transfers;
};

class TemplateBuilder {
 public:
  TemplateBuilder(Program& program, const RunCost& cost, std::string name, int ranks);

  int ranks() const { return ranks_; }
  // What is added from now on belongs to this lane: it has a front of its own, entered through the
  // port of the same number, and shares the compute and communication streams with the other lane
  // in the order of emission.
  void use_lane(int lane);
  // Every lane goes on only when all have come this far.
  void join_lanes();
  // The next run takes at least as long as the host takes to issue it and to do this.
  void busy_host(double seconds) { more_host_s_ = seconds; }
  // Appends kernels to the run that every rank is in.
  void compute(const Kernels& kernels, int layer, Phase phase);
  // A run of its own that takes this fraction of the kernels' time (steps of ring attention).
  void compute_fraction(const Kernels& kernels, double fraction, int layer, Phase phase);
  // A run whose time depends on the rows that reach each rank. `nominal_rows`: per local expert,
  // for splitting the run.
  void routed_compute(const Kernels& kernels, uint32_t kernel_list,
                      std::span<const int> nominal_rows, int layer, Phase phase);

  // Time on every rank that nothing shortens (a latency that all pay).
  void delay(const std::string& op, Phase phase, double seconds);

  using MakeTransfer = std::function<Transfer(const std::vector<int>& group)>;
  // Each group's members wait for each other, then for the transfer.
  void collective(Stream stream, const std::string& op, int layer, Phase phase,
                  const Groups& groups, const MakeTransfer& make);
  // The same, and compute of the other lane waits too: the host launches nothing meanwhile.
  void blocking_collective(Stream stream, const std::string& op, int layer, Phase phase,
                           const Groups& groups, const MakeTransfer& make);
  // The same, but compute goes on; gives each rank's transfer (kNoTask for groups of one).
  std::vector<TaskId> background_collective(Stream stream, const std::string& op, int layer,
                                            Phase phase, const Groups& groups,
                                            const MakeTransfer& make);
  void routed_collective(const std::string& op, int layer, Phase phase, const Groups& groups,
                         bool reverse, double token_bytes, const MakeTransfer& latency_and_share);
  std::vector<TaskId> background_routed_collective(const std::string& op, int layer, Phase phase,
                                                   const Groups& groups, bool reverse,
                                                   double token_bytes,
                                                   const MakeTransfer& latency_and_share);
  // A transfer of each rank for itself that compute does not wait for. It follows the rank's front
  // and the stream's last. Ranks with nothing to send (no flows, no latency) get kNoTask.
  using MakeRankTransfer = std::function<Transfer(int rank)>;
  std::vector<TaskId> background(Stream stream, const std::string& op, int layer, Phase phase,
                                 const MakeRankTransfer& make, bool after_front = true);
  // What arrives from other blocks at `port`, rank by rank.
  std::vector<TaskId> entry(int port);
  // What is added to this lane next also waits for all compute so far, the other lane's too.
  void follow_compute();
  // From now on the compute of each rank also waits for its task.
  void wait_for(const std::vector<TaskId>& tasks);
  // The same, and compute of the other lane waits too.
  void stop_for(const std::vector<TaskId>& tasks);
  // Other blocks may wait for the front (and these tasks) at `port`.
  void exit(int port, const std::vector<TaskId>& tasks = {}, bool with_front = true);

  void exit_all_lanes(int port);

  static constexpr TaskId kNoTask = 0xffffffffu;
  TaskGraph freeze(TemplateSlots& slots);

 private:
  TaskId add(Task task, const std::vector<TaskId>& after);
  TaskId join_group(
      Task task, const std::vector<int>& group);  // a transfer that all members' fronts come before
  void advance(const std::vector<TaskId>& tasks);  // fronts move on to these
  void close_run();                                // what is added next is a task of its own
  void stop_compute(const std::vector<TaskId>& tasks);
  void add_run_tasks(Run run, double seconds,
                     std::optional<ComputeSlot> slot = {});  // rank by rank

  Program& program_;
  const RunCost& cost_;
  TaskGraphBuilder graph_;
  int ranks_;
  std::vector<TaskId>& front(int rank) { return fronts_[lane_][rank]; }

  std::vector<std::vector<std::vector<TaskId>>> fronts_;  // per lane and rank
  int lane_ = 0;
  std::vector<std::vector<TaskId>>
      before_compute_;                  // per rank: what compute of either lane has to wait for
  std::vector<TaskId> last_on_stream_;  // [rank][stream]
  Run run_;
  Kernels run_kernels_;
  double more_host_s_ = 0;
  TemplateSlots slots_;
};

}  // namespace moesim
