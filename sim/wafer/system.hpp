// A wafer-scale system: wafers that keep activations on chip, MemoryX that keeps the weights and
// their optimizer, and the SwarmX tree between them that broadcasts weights down and sums gradients
// up. Figures with their sources in platforms/cs2.yaml and cs3.yaml; wafer/device_model.hpp turns
// work into seconds with them.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Wafer {
  std::string name;
  int grid_rows = 0;     // cores that share a column's weights; tokens are dealt over them
  int grid_columns = 0;  // columns among which the weights of a matrix are dealt
  double clock_hz = 0;
  double macs_per_cycle = 0;  // of one core, 16 bit
  double sram_bytes = 0;
  double sram_bytes_per_s = 0;
  double fabric_bytes_per_s = 0;  // sum over all links between cores
  double io_bytes_per_s = 0;      // of the system, per direction
  double power_w = 0;

  // Constants of the cost model (docs/model/wafer.md).
  double weight_issue_cycles = 0;  // of a column, per weight, whatever the tokens on its cores
  double gemm_efficiency = 1;  // of macs_per_cycle in the products of a weight with a core's tokens
  double attention_efficiency = 1;  // of peak, products of activations with activations
  double memory_efficiency = 1;     // of sram_bytes_per_s
  double fabric_efficiency = 1;     // of fabric_bytes_per_s in a permutation of tokens

  double cores() const { return static_cast<double>(grid_rows) * grid_columns; }
  double peak_flops() const { return 2 * macs_per_cycle * cores() * clock_hz; }
};

// Bytes per parameter are those that MemoryX reads and writes.
struct MemoryX {
  int nodes = 1;  // weights and optimizer lie evenly over them
  double capacity_bytes = 0;
  double egress_bytes_per_s = 0, ingress_bytes_per_s = 0;
  double update_bytes_per_s = 0;  // memory bandwidth that the optimizer reaches over all nodes
  double update_bytes =
      32;  // Adam: fp32 gradient sum, weight and two moments read, three written, fp16 copies
  double accumulate_bytes = 10;    // a gradient added to the fp32 sum
  double state_bytes = 18;         // held: fp16 and fp32 weight, two moments, gradient sum
  double weight_wire_bytes = 2;    // per weight streamed down
  double gradient_wire_bytes = 2;  // per gradient sent up
  double index_wire_bytes = 2;     // beside each, where zeros are left out
};

// A tree: its root below MemoryX, wafers at the leaves.
struct SwarmX {
  int fan_out = 16;
  std::vector<double>
      level_bytes_per_s;  // of the link above a node, per direction, root first; the last goes on
  double latency_s = 0;   // per level
};

struct WaferSystem {
  std::string name;
  int systems = 0;          // wafers
  int lost = 0;             // of them, by faults (wafer/faulty_wafers.hpp)
  int most_systems = 2048;  // that one MemoryX and SwarmX can serve
  Wafer wafer;
  MemoryX memoryx;
  SwarmX swarmx;
  double prefetch_bytes = 0;         // SRAM for weights that wait for their turn
  double gradient_buffer_bytes = 0;  // SRAM for gradients that wait for the way out
  double step_latency_s = 0;         // from the last update to the first weight of the next step

  int working() const { return systems - lost; }
};

}  // namespace moesim
