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
  double startup_s = 0;  // of the kernels: routing metadata and barriers before the first byte
  double host_s = 0;     // the same of the framework's host, before each dispatch and combine
  double counts_s = 0;   // the host waits for the counts of arriving tokens: a forward dispatch
  double nic_efficiency = 1;     // of what the NIC sustains (Pod::nic_efficiency on top)
  double nvlink_efficiency = 1;  // of what NVLink sustains
  // One SM copies a token over NVLink in sm_token_s + bytes / sm_bytes_per_s. 0 and 0: SMs never
  // limit. The second pair is the combine's, which sums what it copies; 0 and 0: as dispatch.
  double sm_token_s = 0;
  double sm_bytes_per_s = 0;
  double combine_token_s = 0;
  double combine_bytes_per_s = 0;
  // In groups of several nodes the same for a token that is readied for one node, its own included.
  double send_token_s = 0;
  double send_bytes_per_s = 0;
  double combine_send_token_s = 0;
  double combine_send_bytes_per_s = 0;
  int usual_sms = 0;             // that it occupies where the plan leaves it to the library
  double queue_pairs = 1;        // to each other node of the group, of one device
  double buffer_bytes = 0;       // device memory of its buffers, whatever the tokens
  double worst_case_copies = 0;  // buffers that hold all tokens of a group on each of its ranks

  // Returns the bytes/s at which this number of SMs copies tokens of this size over NVLink.
  double copied_bytes_per_s(int sms, double token_bytes, bool combine = false) const {
    const bool own = combine && (combine_token_s > 0 || combine_bytes_per_s > 0);
    return own ? rate(sms, token_bytes, combine_token_s, combine_bytes_per_s)
               : rate(sms, token_bytes, sm_token_s, sm_bytes_per_s);
  }
  // Returns the bytes/s at which it readies tokens for nodes.
  double sent_bytes_per_s(int sms, double token_bytes, bool combine = false) const {
    const bool own = combine && (combine_send_token_s > 0 || combine_send_bytes_per_s > 0);
    return own ? rate(sms, token_bytes, combine_send_token_s, combine_send_bytes_per_s)
               : rate(sms, token_bytes, send_token_s, send_bytes_per_s);
  }

 private:
  static double rate(int sms, double token_bytes, double token_s, double bytes_per_s) {
    const double seconds = token_s + (bytes_per_s > 0 ? token_bytes / bytes_per_s : 0);
    return sms > 0 && seconds > 0 ? sms * token_bytes / seconds
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
