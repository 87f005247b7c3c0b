// Kernels that follow each other on one stream without synchronisation, as one chain with its
// duration.
#pragma once

#include <span>
#include <vector>

#include "cluster/device_model.hpp"
#include "cluster/device_power.hpp"
#include "graph/program.hpp"
#include "model/layer_ops.hpp"
#include "plan/plan.hpp"

namespace moesim {

// The time of a list of kernels on a device. At the start of a chain the host is level with the
// device; it issues kernel after kernel, and the device runs one when it is done with those before
// and has been given it. What a CUDA graph holds costs the host nothing.
class ChainCost {
 public:
  ChainCost(const Device& device, const Plan& plan) : device_(device), plan_(plan) {}

  // `more_host_s`: what the host has to do besides launching, before the next chain can start.
  double seconds(std::span<const Kernel> kernels, std::span<const int> rows = {},
                 double more_host_s = 0) const;
  // Returns a turn's cost to the host, besides launches, where two microbatches overlap.
  double piece_s() const;
  // Return the host's time for a collective, and for so many modules that are recomputed, beside
  // launches. Where two microbatches overlap both belong to a turn's cost.
  double collective_s() const { return host_s(plan_.software.collective_launch_s); }
  double checkpoints_s(int modules) const { return host_s(modules * plan_.software.checkpoint_s); }
  // Time of each kernel, waiting for their launches included, so that they sum to seconds() unless
  // `more_host_s` binds.
  void parts(Program& program, std::span<const Kernel> kernels, int layer, Phase phase,
             std::span<const int> rows, std::vector<ChainPart>& out) const;

 private:
  double add(const Kernel& kernel, double kernel_s, double& device, double& host) const;
  double issue_s(const Kernel& kernel) const;
  bool in_graph(const Kernel& kernel) const;
  double host_s(double seconds) const {
    return plan_.whole_step_graph() || plan_.ep_overlap ? 0 : seconds;
  }
  const Device& device_;
  const Plan& plan_;
};

}  // namespace moesim
