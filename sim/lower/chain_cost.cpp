#include "lower/chain_cost.hpp"

#include <algorithm>

#include "lower/kernel_use.hpp"

namespace moesim {

namespace {

bool fixed_shape(const Kernel& kernel) {
  switch (kernel.op) {
    case Op::expert_fc1:
    case Op::expert_fc2:
    case Op::expert_activation:
    case Op::permute:
    case Op::unpermute:
    case Op::embedding:
    case Op::logits:
    case Op::cross_entropy:
    case Op::optimizer:
      return false;
    case Op::cast:
      return kernel.bytes_per_row == 0;  // rows come with the routing
    default:
      return true;
  }
}

}  // namespace

bool ChainCost::in_graph(const Kernel& kernel) const {
  if (!plan_.cuda_graph) return false;
  switch (plan_.cuda_graph_scope) {
    case GraphScope::step:
      return true;
    case GraphScope::layers:
      return fixed_shape(kernel);
    case GraphScope::router:
      return kernel.op == Op::router || kernel.op == Op::top_k;
  }
  return false;
}

double ChainCost::issue_s(const Kernel& kernel) const {
  if (in_graph(kernel)) return 0;
  const int launches = kernel.host_launches > 0 ? kernel.host_launches : kernel.launches;
  return launches * device_.host_launch_s *
         (plan_.ep_overlap ? plan_.software.overlap_launch_factor : 1);
}

// Overlapping two microbatches cuts a layer into pieces, forward and backward of attention and of
// the experts with the dispatch or combine behind each; every piece has an autograd graph, events
// and stream switches of its own.
double ChainCost::piece_s() const {
  return plan_.ep_overlap && !plan_.whole_step_graph() ? plan_.software.overlap_piece_s : 0;
}

// Each kernel at the rate that it settles at in a row: a step is longer than the power limit can be
// overdrawn, and a clock once lowered does not rise for the few microseconds of a kernel that needs
// less.
double ChainCost::seconds(std::span<const Kernel> kernels, std::span<const int> rows,
                          double more_host_s) const {
  double device = 0, host = 0;
  for (const Kernel& kernel : kernels)
    add(kernel, sustained_seconds(device_, kernel, rows), device, host);
  return std::max(device, host + more_host_s);
}

// The last of an entry's kernels starts when it has been issued.
double ChainCost::add(const Kernel& kernel, double kernel_s, double& device, double& host) const {
  const double busy = kernel_s / device_.step_efficiency, before = device;
  host += issue_s(kernel);
  device = std::max(device + busy, host + busy / std::max(1, kernel.launches));
  return device - before;
}

void ChainCost::parts(Program& program, std::span<const Kernel> kernels, int layer, Phase phase,
                      std::span<const int> rows, std::vector<ChainPart>& out) const {
  double device = 0, host = 0;
  for (const Kernel& kernel : kernels) {
    const double seconds = add(kernel, sustained_seconds(device_, kernel, rows), device, host);
    const Phase part_phase = phase == Phase::backward && kernel.pass == Pass::backward_weight
                                 ? Phase::weight_gradient
                                 : phase;
    const uint8_t op = program.op(name_of(kernel.op));
    out.push_back({op, part_phase, static_cast<uint16_t>(layer), seconds,
                   program.kernel(kernel_use(device_, kernel, rows, op))});
  }
}

}  // namespace moesim
