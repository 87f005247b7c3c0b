// Kernels that follow each other on one stream without synchronisation, as one run with its duration.
#pragma once

#include <span>
#include <vector>

#include "cluster/device_model.hpp"
#include "graph/program.hpp"
#include "model/layer_ops.hpp"

namespace moesim {

// What a device takes for a list of kernels. The host issues kernels ahead of the device, so a run takes as long as the
// device needs or the host needs to launch it, whichever is longer; with CUDA graphs the host does not bind.
class RunCost {
 public:
  RunCost(const Device& device, bool cuda_graph) : device_(device), cuda_graph_(cuda_graph) {}

  const Device& device() const { return device_; }
  double seconds(std::span<const Kernel> kernels, std::span<const int> rows = {}) const;
  // Time of each kernel, stretched so that they sum to seconds().
  void parts(Program& program, std::span<const Kernel> kernels, int layer, Phase phase, std::span<const int> rows,
             std::vector<RunPart>& out) const;

 private:
  double host_s(std::span<const Kernel> kernels) const;
  const Device& device_;
  bool cuda_graph_;
};

}  // namespace moesim
