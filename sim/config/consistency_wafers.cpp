// Checks what must agree on a wafer system: the plan, the batch, and what faults name.
#include <algorithm>
#include <string>

#include "config/consistency_rules.hpp"
#include "wafer/faulty_wafers.hpp"

namespace moesim {

namespace {

void check_wafer(Rules& rules, const std::string& key, const FaultyPlace& place) {
  const std::string rank = key + ".rank", node = key + ".node", gpu = key + ".gpu";
  const int systems = rules.s.platform.wafers().systems;
  rules.require(place.node < 0 && place.gpu < 0, {node.c_str(), gpu.c_str()},
                "wafers have no nodes: give the rank of one, 0 to {}", systems - 1);
  rules.require(place.node >= 0 || place.gpu >= 0 || place.rank >= 0, {rank.c_str()},
                "give the rank of a wafer, 0 to {}", systems - 1);
  rules.require(place.rank < systems, {rank.c_str(), "platform.systems"}, "wafers are 0 to {}",
                systems - 1);
}

void check_links(Rules& rules) {
  const FaultSpec& faults = rules.s.faults;
  for (size_t i = 0; i < faults.links.size(); ++i) {
    const std::string key = fmt::format("faults.links[{}]", i), nic = key + ".nic",
                      nvlink = key + ".nvlink";
    check_wafer(rules, key, faults.links[i].place);
    rules.require(
        faults.links[i].nic > 0, {nic.c_str()},
        "must be above 0: a wafer has one way out; faults.devices with speed: 0 says that "
        "it is lost");
    rules.require(faults.links[i].nvlink == 1, {nvlink.c_str()},
                  "a wafer has no NVLink: nic is the I/O of its system");
  }
}

void check_branches(Rules& rules) {
  const WaferSystem& system = rules.s.platform.wafers();
  const FaultSpec& faults = rules.s.faults;
  const int levels = swarmx_levels(system);
  for (size_t i = 0; i < faults.swarmx.size(); ++i) {
    const std::string key = fmt::format("faults.swarmx[{}]", i), level = key + ".level",
                      node = key + ".node";
    const BranchFault& fault = faults.swarmx[i];
    rules.require(fault.level < levels, {level.c_str(), "platform.systems"},
                  "a tree over {} wafers has levels 0 to {}", system.systems, levels - 1);
    if (fault.level >= levels) continue;
    const int64_t nodes = swarmx_nodes(system, fault.level);
    rules.require(fault.node < nodes, {node.c_str(), "platform.systems"},
                  "level {} has nodes 0 to {}", fault.level, nodes - 1);
  }
}

void check_stores(Rules& rules) {
  const int nodes = rules.s.platform.wafers().memoryx.nodes;
  const FaultSpec& faults = rules.s.faults;
  std::vector<bool> lost(static_cast<size_t>(nodes), false);
  bool sound = true;
  for (size_t i = 0; i < faults.memoryx.size(); ++i) {
    const std::string node = fmt::format("faults.memoryx[{}].node", i);
    const StoreFault& fault = faults.memoryx[i];
    sound = sound && fault.node < nodes;
    rules.require(fault.node < nodes, {node.c_str(), "platform.memoryx.nodes"},
                  "MemoryX has nodes 0 to {}", nodes - 1);
    if (fault.node < nodes && fault.speed <= 0) lost[static_cast<size_t>(fault.node)] = true;
  }
  rules.require(!sound || std::count(lost.begin(), lost.end(), true) < nodes, {"faults.memoryx"},
                "no node of MemoryX is left");
}

// Whatever else is wrong with the faults is said of them one by one.
int lost_wafers(const Rules& rules) {
  const WaferSystem& system = rules.s.platform.wafers();
  FaultSpec faults;
  faults.devices = rules.s.faults.devices;
  for (const BranchFault& fault : rules.s.faults.swarmx)
    if (fault.level < swarmx_levels(system)) faults.swarmx.push_back(fault);
  return with_faults(system, faults).lost;
}

}  // namespace

void check_wafer_faults(Rules& rules) {
  if (!rules.known({"platform.systems", "platform.swarmx.fan_out", "platform.memoryx.nodes"}))
    return;
  const FaultSpec& faults = rules.s.faults;
  for (size_t i = 0; i < faults.devices.size(); ++i)
    check_wafer(rules, fmt::format("faults.devices[{}]", i), faults.devices[i].place);
  check_links(rules);
  check_branches(rules);
  check_stores(rules);
  rules.require(lost_wafers(rules) < rules.s.platform.wafers().systems,
                {"faults.devices", "faults.swarmx"}, "no wafer is left");
}

// Each wafer works for itself: there is nothing to divide over, and no pipeline.
void check_wafers(Rules& rules) {
  const Plan& p = rules.s.plan;
  const Batch& b = rules.s.batch;
  const int systems = rules.s.platform.wafers().systems;
  const auto one = [&](int value, const char* key) {
    rules.require(value == 1, {key},
                  "must be 1 on a wafer system, got {}: wafers are data parallel only", value);
  };
  const ModelShape& w = rules.s.workload;
  rules.require(std::count(w.ffns.begin(), w.ffns.end(), Ffn::none) == 0 &&
                    std::count(w.mixers.begin(), w.mixers.end(), Mixer::none) == 0,
                {"workload.ffns", "workload.mixers"},
                "layers without a mixer or an FFN are known of GPU pods only");
  one(p.tp, "plan.tp");
  one(p.cp, "plan.cp");
  one(p.ep, "plan.ep");
  one(p.etp, "plan.etp");
  one(p.pp, "plan.pp");
  one(p.vpp, "plan.vpp");
  rules.require(p.precision == PrecisionRecipe::bf16, {"plan.precision"},
                "{} is not known on a wafer: only bf16", spelling(p.precision));
  rules.require(p.recompute != Recompute::selective, {"plan.recompute"},
                "selective recomputation is not known on a wafer: none or full");
  const int most = rules.s.platform.wafers().most_systems;
  rules.require(systems <= most, {"platform.systems", "platform.most_systems"},
                "{} is more than most_systems = {}", systems, most);
  rules.require(b.global_batch == 0 || lost_wafers(rules) > 0 || divides(systems, b.global_batch),
                {"batch.global_batch", "platform.systems"},
                "{} sequences are not divisible by {} systems", b.global_batch, systems);
  rules.require(p.simulated_replicas <= systems, {"plan.simulated_replicas", "platform.systems"},
                "{} is more than the {} systems", p.simulated_replicas, systems);
  rules.require(b.global_batch > 0 || p.attention_tiles > 0 || p.attention_batch >= 0,
                {"plan.attention_batch", "plan.attention_tiles", "batch.global_batch"},
                "global_batch, attention_tiles and attention_batch cannot all be left open");
  rules.require(!rules.s.platform.wafers().swarmx.level_bytes_per_s.empty(),
                {"platform.swarmx.level_bytes_per_s"}, "needs at least one level");
}

}  // namespace moesim
