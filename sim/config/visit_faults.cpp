#include "config/visit.hpp"

namespace moesim {
namespace {

constexpr NumberRange kIndex{-1, 1e6};

void visit_place(Visitor& v, FaultyPlace& place) {
  v.integer("rank", place.rank, kIndex,
            "of the device; or give its node and gpu, or a node alone for all of it");
  v.integer("node", place.node, kIndex, "scale-up domain of the device");
  v.integer("gpu", place.gpu, kIndex, "number of the device in its node");
}

}  // namespace

void visit(Visitor& v, DeviceFault& f) {
  visit_place(v, f.place);
  v.number("speed", f.speed, Unit::number, {0, 10},
           "of all its kernels against a sound device; 0: a lost wafer, whose sequences go to the "
           "others");
}

void visit(Visitor& v, LinkFault& f) {
  visit_place(v, f.place);
  v.number("nic", f.nic, Unit::number, {0, 1},
           "part of the NIC bandwidth that is left, of a wafer of its system I/O; 0: dead, a "
           "neighbour's is used");
  v.number("nvlink", f.nvlink, Unit::number, above(0, 1),
           "part of the NVLink bandwidth that is left");
}

void visit(Visitor& v, BranchFault& f) {
  v.integer("level", f.level, {0, 1000}, "of the tree: 0 is the root, below MemoryX");
  v.integer("node", f.node, {0, 1e6}, "within its level");
  v.number("bandwidth", f.bandwidth, Unit::number, {0, 1},
           "part that is left of its link towards MemoryX; 0: the wafers below it are lost");
}

void visit(Visitor& v, StoreFault& f) {
  v.integer("node", f.node, {0, 1e6}, "of platform.memoryx.nodes");
  v.number("speed", f.speed, Unit::number, {0, 10},
           "of its links and memory against a sound node; 0: lost, the others hold its share");
}

void visit(Visitor& v, FaultSpec& f) {
  v.sections("devices", f.devices, "slow devices; lost wafers");
  v.sections("links", f.links, "slow or dead links of devices");
  v.sections("swarmx", f.swarmx, "slow or lost branches of the tree of a wafer system");
  v.sections("memoryx", f.memoryx, "slow or lost nodes of the MemoryX of a wafer system");
  v.number("device_spread", f.device_spread, Unit::number, {0, 2},
           "coefficient of variation of the time that equal devices take (log-normal, drawn per "
           "device)");
  v.number("straggler_probability", f.straggler_probability, Unit::number, {0, 1},
           "of each device to be slow");
  v.number("straggler_speed", f.straggler_speed, Unit::number, above(0, 10),
           "of those devices against a sound one");
  v.number("kernel_jitter", f.kernel_jitter, Unit::number, {0, 5},
           "coefficient of variation of the time of one kernel (log-normal, drawn each time)");
}

void visit(Visitor& v, Reliability& r) {
  v.number(
      "device_mtbf_s", r.device_mtbf_s, Unit::seconds, {0, 1e15},
      "mean time between failures of one device that stop the run; 0: goodput is not simulated");
  v.number("swarmx_mtbf_s", r.swarmx_mtbf_s, Unit::seconds, {0, 1e15},
           "the same of one node of the SwarmX tree; 0: none fails");
  v.number("memoryx_mtbf_s", r.memoryx_mtbf_s, Unit::seconds, {0, 1e15},
           "the same of one node of MemoryX; 0: none fails");
  v.number("checkpoint_interval_s", r.checkpoint_interval_s, Unit::seconds, {0, 1e9},
           "training between two checkpoints; 0: the Young/Daly optimum");
  v.number("checkpoint_write_s", r.checkpoint_write_s, Unit::seconds, {0, 1e6},
           "that training stands still for one checkpoint");
  v.number("restart_s", r.restart_s, Unit::seconds, {0, 1e7},
           "from a failure to the first new step");
  v.number("duration_s", r.duration_s, Unit::seconds, above(0, 1e10),
           "of the simulated training run");
  v.integer("trials", r.trials, {1, 100'000},
            "training runs simulated, each with failures of its own");
}

}  // namespace moesim
