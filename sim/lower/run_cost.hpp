// Kernels that follow each other on one stream without synchronisation, as one run with its duration.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "cluster/device_model.hpp"
#include "graph/program.hpp"
#include "model/layer_ops.hpp"
#include "plan/plan.hpp"

namespace moesim {

struct RunTime {
  double seconds = 0;  // until the device is done
  double host_s = 0;   // until the host has issued all
  // With this much more for the host to do.
  double with_host(double more_s) const { return std::max(seconds, host_s + more_s); }
};

// What a device takes for a list of kernels. At the start of a run the host is level with the device; it issues kernel
// after kernel, and the device runs one when it is done with those before and has been given it. What a CUDA graph
// holds costs the host nothing.
class RunCost {
 public:
  RunCost(const Device& device, const Plan& plan) : device_(device), plan_(plan) {}

  const Device& device() const { return device_; }
  RunTime time(std::span<const Kernel> kernels, std::span<const int> rows = {}) const;
  double seconds(std::span<const Kernel> kernels, std::span<const int> rows = {}) const {
    return time(kernels, rows).seconds;
  }
  // What each turn of a lane costs the host, besides launches, where two microbatches overlap.
  double piece_s() const;
  // Time of each kernel, waiting for their launches included, so that they sum to seconds().
  void parts(Program& program, std::span<const Kernel> kernels, int layer, Phase phase, std::span<const int> rows,
             std::vector<RunPart>& out) const;

 private:
  double add(const Kernel& kernel, double kernel_s, double& device, double& host) const;
  double issue_s(const Kernel& kernel) const;
  bool in_graph(const Kernel& kernel) const;
  const Device& device_;
  const Plan& plan_;
};

}  // namespace moesim
