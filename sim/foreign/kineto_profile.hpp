// A profile of one GPU, as PyTorch's profiler writes it (Kineto's JSON, plain or gzipped) -> where
// the time of a training step went, by class of kernel. The classes add up to the step.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/spelling.hpp"

namespace moesim {

// Communication stands behind compute, in the order in which it is blamed for a wait.
enum class ProfileClass {
  matrix_products,
  attention,
  router_and_permutation,
  optimizer,
  other_kernels,
  expert_parallel,
  tensor_parallel,
  context_parallel,
  data_parallel,
  pipeline,
  collectives,
  idle
};
inline constexpr auto kProfileClasses = spell<ProfileClass::idle>(
    "matrix products", "attention", "router and permutation", "optimizer", "other kernels",
    "exposed EP", "exposed TP", "exposed CP", "exposed DP", "exposed PP",
    "exposed collectives of no named group", "no kernel runs");
constexpr const auto& enum_names(ProfileClass) { return kProfileClasses; }
inline constexpr size_t kProfileClassCount = static_cast<size_t>(ProfileClass::idle) + 1;
constexpr bool computes(ProfileClass c) { return c <= ProfileClass::other_kernels; }

using ClassSeconds = std::array<double, kProfileClassCount>;

struct KinetoProfile {
  int steps = 0;           // 0: the profile marks none, and is taken as one
  double step_s = 0;       // mean
  ClassSeconds seconds{};  // of a step: kernels of computing, waits for communication
  ClassSeconds busy{};     // of a step: as long as kernels of the class ran, hidden or not
  size_t kernels = 0;      // of a step, mean
  int devices = 0;         // in the file; the first is read
};

// Says what a kernel does, by its name and the group that Kineto says it communicates in.
ProfileClass class_of_kernel(std::string_view name, std::string_view group);

// `steps`: how many steps the profile covers, where it does not mark them; 0: as marked. Throws
// InputError.
KinetoProfile read_kineto(const std::string& path, int steps = 0);

}  // namespace moesim
