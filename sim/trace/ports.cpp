#include "trace/ports.hpp"

#include <algorithm>

namespace moesim {

namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kGigabyte = 1e9;

void add(PortBytes& to, const PortBytes& rate, double sign) {
  to.nvlink_out += sign * rate.nvlink_out;
  to.nvlink_in += sign * rate.nvlink_in;
  to.nic_out += sign * rate.nic_out;
  to.nic_in += sign * rate.nic_in;
}

// In GB/s.
double shown(double rate, double limit) {
  return (limit > 0 ? std::min(rate, limit) : rate) / kGigabyte;
}

}  // namespace

PortBytes& PortSums::touch(uint32_t rank) {
  PortBytes& bytes = bytes_[rank];
  if (bytes.out() + bytes.in() == 0) touched_.push_back(rank);
  return bytes;
}

void PortSums::reset(std::span<const Flow> flows, uint32_t first_rank) {
  for (uint32_t rank : touched_) bytes_[rank] = {};
  touched_.clear();
  const int64_t shift = int64_t{first_rank} * kPorts;
  const int64_t count = static_cast<int64_t>(bytes_.size());
  for (const Flow& flow : flows) {
    if (!(flow.bytes > 0)) continue;
    const int64_t source = shift + flow.source, target = shift + flow.target;
    const auto port_of = [](int64_t end) { return static_cast<Port>(end % kPorts); };
    if (source >= 0 && source / kPorts < count) {
      if (port_of(source) == Port::nvlink)
        touch(static_cast<uint32_t>(source / kPorts)).nvlink_out += flow.bytes;
      if (port_of(source) == Port::nic)
        touch(static_cast<uint32_t>(source / kPorts)).nic_out += flow.bytes;
    }
    if (target >= 0 && target / kPorts < count) {
      if (port_of(target) == Port::nvlink)
        touch(static_cast<uint32_t>(target / kPorts)).nvlink_in += flow.bytes;
      if (port_of(target) == Port::nic)
        touch(static_cast<uint32_t>(target / kPorts)).nic_in += flow.bytes;
    }
  }
}

void ThroughputCounters::add(uint32_t rank, int64_t start_ns, int64_t end_ns,
                             const PortBytes& bytes) {
  if (end_ns <= start_ns) return;
  PortBytes rate;
  moesim::add(rate, bytes, kNsPerSecond / static_cast<double>(end_ns - start_ns));
  changes_.push({start_ns, rank, 1, rate});
  changes_.push({end_ns, rank, -1, rate});
}

void ThroughputCounters::apply(const Change& change, bool& nvlink, bool& nic) {
  Now& now = now_[change.rank];
  moesim::add(now.rate, change.rate, change.sign);
  if (change.rate.nvlink_out + change.rate.nvlink_in > 0) {
    nvlink = true;
    if ((now.nvlink_users += change.sign) == 0)
      now.rate.nvlink_out = now.rate.nvlink_in = 0;  // no residue of rounding
  }
  if (change.rate.nic_out + change.rate.nic_in > 0) {
    nic = true;
    if ((now.nic_users += change.sign) == 0) now.rate.nic_out = now.rate.nic_in = 0;
  }
}

void ThroughputCounters::advance(int64_t until_ns, uint32_t first_pid, TraceEvents& events) {
  while (!changes_.empty() && changes_.top().time_ns < until_ns) {
    const int64_t time_ns = changes_.top().time_ns;
    const uint32_t rank = changes_.top().rank;
    bool nvlink = false, nic = false;
    while (!changes_.empty() && changes_.top().time_ns == time_ns && changes_.top().rank == rank) {
      apply(changes_.top(), nvlink, nic);
      changes_.pop();
    }
    const PortBytes& rate = now_[rank].rate;
    if (nvlink)
      events.throughput(first_pid + rank, time_ns, "NVLink GB/s",
                        shown(rate.nvlink_out, limit_.nvlink_out),
                        shown(rate.nvlink_in, limit_.nvlink_in));
    if (nic)
      events.throughput(first_pid + rank, time_ns, "NIC GB/s", shown(rate.nic_out, limit_.nic_out),
                        shown(rate.nic_in, limit_.nic_in));
  }
}

}  // namespace moesim
