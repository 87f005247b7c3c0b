// Bytes and throughput of ranks' own NVLink and NIC ports, from the flows of transfers.
#pragma once

#include <cstdint>
#include <queue>
#include <span>
#include <vector>

#include "graph/task.hpp"
#include "trace/events.hpp"

namespace moesim {

struct PortBytes {
  double nvlink_out = 0, nvlink_in = 0, nic_out = 0, nic_in = 0;
  double out() const { return nvlink_out + nic_out; }
  double in() const { return nvlink_in + nic_in; }
};

// Holds what one transfer moves through each rank's ports; what folded replicas move through theirs
// is not counted.
class PortSums {
 public:
  explicit PortSums(uint32_t ranks) : bytes_(ranks) {}
  void reset(std::span<const Flow> flows, uint32_t first_rank);
  const PortBytes& of(uint32_t rank) const { return bytes_[rank]; }
  const std::vector<uint32_t>& touched() const { return touched_; }  // ranks, each once

 private:
  PortBytes& touch(uint32_t rank);
  std::vector<PortBytes> bytes_;
  std::vector<uint32_t> touched_;
};

// Sum of the throughputs of all transfers at a time, each taken as constant over its duration.
// Transfers that contend are faster before and after; while they do, their port is full, so `limit`
// (bytes per second, 0: none) is then right.
class ThroughputCounters {
 public:
  ThroughputCounters(uint32_t ranks, const PortBytes& limit) : limit_(limit), now_(ranks) {}
  void add(uint32_t rank, int64_t start_ns, int64_t end_ns, const PortBytes& bytes);
  // Writes every change before that time; what is added later must not start earlier. `first_pid`:
  // of rank 0.
  void advance(int64_t until_ns, uint32_t first_pid, TraceEvents& events);

 private:
  struct Change {
    int64_t time_ns;
    uint32_t rank;
    int sign;
    PortBytes rate;  // bytes per second
    bool operator<(const Change& other) const {
      return time_ns != other.time_ns ? time_ns > other.time_ns
             : rank != other.rank     ? rank > other.rank
                                      : sign > other.sign;
    }
  };
  struct Now {
    PortBytes rate;
    int nvlink_users = 0, nic_users = 0;
  };
  void apply(const Change& change, bool& nvlink, bool& nic);

  PortBytes limit_;
  std::priority_queue<Change> changes_;
  std::vector<Now> now_;
};

}  // namespace moesim
