#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr NumberRange kBandwidth = above(0, 1e20);
constexpr NumberRange kFraction = above(0, 1);
constexpr NumberRange kBytes = above(0, 1e20);
constexpr NumberRange kShortTime{0, 10};

void bandwidth(Visitor& v, const char* key, double& value, const char* doc) {
  v.number(key, value, Unit::bytes_per_s, kBandwidth, doc, Need::required);
}

void bytes_of_parameter(Visitor& v, const char* key, double& value, const char* doc) {
  v.number(key, value, Unit::bytes, {0, 1000}, doc);
}

}  // namespace

void visit(Visitor& v, Wafer& w) {
  v.text("name", w.name, "for reports");
  v.integer("grid_rows", w.grid_rows, {1, 1e6}, "cores over which a column's tokens are dealt",
            Need::required);
  v.integer("grid_columns", w.grid_columns, {1, 1e6},
            "columns over which the weights of a matrix are dealt", Need::required);
  v.number("clock_hz", w.clock_hz, Unit::number, above(0, 1e12), "of the cores, per second",
           Need::required);
  v.number("macs_per_cycle", w.macs_per_cycle, Unit::number, above(0, 1e6),
           "16-bit multiply-adds of one core", Need::required);
  v.number("sram_bytes", w.sram_bytes, Unit::bytes, kBytes, "on the wafer", Need::required);
  bandwidth(v, "sram_bytes_per_s", w.sram_bytes_per_s, "of all cores");
  bandwidth(v, "fabric_bytes_per_s", w.fabric_bytes_per_s, "sum over all links between cores");
  bandwidth(v, "io_bytes_per_s", w.io_bytes_per_s, "of the system, per direction");
  v.number("power_w", w.power_w, Unit::watts, {0, 1e6}, "of one system at full load");
  v.number("weight_issue_cycles", w.weight_issue_cycles, Unit::number, {0, 1e6},
           "of a column, per weight, whatever the tokens on its cores");
  v.number("gemm_efficiency", w.gemm_efficiency, Unit::number, kFraction,
           "of macs_per_cycle, in products of a weight with a core's tokens", Need::required);
  v.number("attention_efficiency", w.attention_efficiency, Unit::number, kFraction,
           "of peak, in products of activations with activations", Need::required);
  v.number("memory_efficiency", w.memory_efficiency, Unit::number, kFraction,
           "of sram_bytes_per_s");
  v.number("fabric_efficiency", w.fabric_efficiency, Unit::number, kFraction,
           "of fabric_bytes_per_s, when tokens change places");
}

void visit(Visitor& v, MemoryX& m) {
  v.integer("nodes", m.nodes, {1, 1e6}, "among which weights and optimizer are dealt evenly");
  v.number("capacity_bytes", m.capacity_bytes, Unit::bytes, kBytes, "of all nodes", Need::required);
  bandwidth(v, "egress_bytes_per_s", m.egress_bytes_per_s, "towards SwarmX");
  bandwidth(v, "ingress_bytes_per_s", m.ingress_bytes_per_s, "from SwarmX");
  bandwidth(v, "update_bytes_per_s", m.update_bytes_per_s,
            "memory bandwidth of all nodes that the optimizer reaches");
  bytes_of_parameter(v, "update_bytes", m.update_bytes, "read and written to update a parameter");
  bytes_of_parameter(v, "accumulate_bytes", m.accumulate_bytes,
                     "read and written to add a microbatch's gradient");
  bytes_of_parameter(v, "state_bytes", m.state_bytes, "held per parameter");
  v.number("weight_wire_bytes", m.weight_wire_bytes, Unit::bytes, above(0, 8),
           "of a weight streamed down");
  v.number("gradient_wire_bytes", m.gradient_wire_bytes, Unit::bytes, above(0, 8),
           "of a gradient sent up");
  v.number("index_wire_bytes", m.index_wire_bytes, Unit::bytes, {0, 8},
           "beside each weight or gradient, where plan.weight_sparsity leaves zeros out");
}

void visit(Visitor& v, SwarmX& s) {
  v.integer("fan_out", s.fan_out, {2, 10'000}, "nodes or wafers below a node");
  v.numbers("level_bytes_per_s", s.level_bytes_per_s, Unit::bytes_per_s, kBandwidth,
            "of the link above a node of each level, per direction, root first; the last goes on",
            Need::required);
  v.number("latency_s", s.latency_s, Unit::seconds, kShortTime, "per level");
}

void visit(Visitor& v, WaferSystem& s) {
  v.text("name", s.name, "for reports");
  v.integer("systems", s.systems, {1, 1e6}, "wafers; data parallel", Need::required);
  v.integer("most_systems", s.most_systems, {1, 1e6}, "that can be joined");
  v.section("wafer", s.wafer, "one wafer and its I/O", Need::required);
  v.section("memoryx", s.memoryx, "weights, optimizer state, and the nodes that update them",
            Need::required);
  v.section("swarmx", s.swarmx, "tree that broadcasts weights and sums gradients", Need::required);
  v.number("prefetch_bytes", s.prefetch_bytes, Unit::bytes, above(0, 1e15),
           "SRAM for weights that wait for their turn", Need::required);
  v.number("gradient_buffer_bytes", s.gradient_buffer_bytes, Unit::bytes, above(0, 1e15),
           "SRAM for gradients that wait for the way out", Need::required);
  v.number("step_latency_s", s.step_latency_s, Unit::seconds, {0, 1000},
           "from the last update to the first weight of the next step");
}

}  // namespace moesim
