// The libraries that move tokens to their experts and back, as one table. Lowering, formulas,
// measured tables, the platform's keys and `moesim explain` all read a dispatcher's row and never
// ask which dispatcher it is, so a new one is a new row (and its costs in platforms/, if it has
// any).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/spelling.hpp"

namespace moesim {

// The row number in kDispatchers. A row that only scenarios name needs no enumerator.
enum class Dispatcher : uint8_t { nccl, deepep, hybridep, allgather };

// How often a token travels, and over which ports.
enum class TokenPath : uint8_t {
  copies,      // once per chosen expert, straight to its rank (all-to-all-v)
  two_hop,     // once per destination node over the NIC, from there once per rank over NVLink
  gather_all,  // to every rank of the group, which keeps its own; partial sums are reduce-scattered
};

struct DispatcherTraits {
  const char* name;   // in plan.dispatcher, in tables, and of the platform's section of its costs
  const char* title;  // in reports
  TokenPath path;
  bool permutes;  // kernels sort tokens into send order and back; others read them where they are
  // Describes the platform's section of its costs. Null: the dispatcher has none; it starts as a
  // collective of the platform does, with its start-up and one message per peer.
  const char* costs = nullptr;

  bool own_costs() const { return costs != nullptr; }
  bool two_hop() const { return path == TokenPath::two_hop; }
};

inline constexpr auto kDispatchers = std::to_array<DispatcherTraits>({
    {"nccl", "NCCL", TokenPath::copies, true},
    {"deepep", "DeepEP", TokenPath::two_hop, false, "dispatch and combine of DeepEP"},
    {"hybridep", "HybridEP", TokenPath::two_hop, false, "dispatch and combine of HybridEP"},
    {"allgather", "all-gather", TokenPath::gather_all, false},
});

constexpr const DispatcherTraits& traits(Dispatcher dispatcher) {
  return kDispatchers[static_cast<size_t>(dispatcher)];
}
constexpr auto all_dispatchers() {
  std::array<Dispatcher, kDispatchers.size()> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Dispatcher>(i);
  return all;
}

inline constexpr auto kDispatcherNames = spelled_rows<Dispatcher>(kDispatchers);
constexpr const auto& enum_names(Dispatcher) { return kDispatcherNames; }

// Holds what a dispatcher adds to the wire, per dispatch or combine.
struct DispatcherCost {
  double startup_s = 0;  // call to first byte: host synchronisation, routing metadata, barriers
  double nic_efficiency = 1;     // of what the NIC sustains (Pod::nic_efficiency on top)
  double nvlink_efficiency = 1;  // of what NVLink sustains
  // One SM copies a token in sm_token_s + bytes / sm_bytes_per_s. 0 and 0: SMs never limit.
  double sm_token_s = 0;
  double sm_bytes_per_s = 0;
  double buffer_bytes = 0;       // device memory of its buffers, whatever the tokens
  double worst_case_copies = 0;  // buffers that hold all tokens of a group on each of its ranks

  // Returns the bytes/s at which this number of SMs copies tokens of this size.
  double copied_bytes_per_s(int sms, double token_bytes) const {
    const double token_s = sm_token_s + (sm_bytes_per_s > 0 ? token_bytes / sm_bytes_per_s : 0);
    return sms > 0 && token_s > 0 ? sms * token_bytes / token_s
                                  : std::numeric_limits<double>::infinity();
  }
};

// The costs of each dispatcher on a platform; those without own_costs() keep the neutral values.
class DispatcherCosts {
 public:
  DispatcherCost& operator[](Dispatcher d) { return costs_[static_cast<size_t>(d)]; }
  const DispatcherCost& operator[](Dispatcher d) const { return costs_[static_cast<size_t>(d)]; }

 private:
  std::array<DispatcherCost, kDispatchers.size()> costs_{};
};

}  // namespace moesim
