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
  v.number("speed", f.speed, Unit::number, above(0, 10),
           "of all its kernels against a sound device");
}

void visit(Visitor& v, LinkFault& f) {
  visit_place(v, f.place);
  v.number("nic", f.nic, Unit::number, {0, 1},
           "part of the NIC bandwidth that is left; 0: dead, a neighbour's is used");
  v.number("nvlink", f.nvlink, Unit::number, above(0, 1),
           "part of the NVLink bandwidth that is left");
}

void visit(Visitor& v, FaultSpec& f) {
  v.sections("devices", f.devices, "slow devices");
  v.sections("links", f.links, "slow or dead links of devices");
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
