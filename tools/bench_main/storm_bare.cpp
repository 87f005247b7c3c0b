// The storm as somebody would write it on SimGrid alone: counters and callbacks, nothing kept of
// what happened.
#include <ctime>

#include "engine/simgrid_platform.hpp"
#include "storm.hpp"
#include "storm_flows.hpp"

namespace moesim::bench {

using namespace simgrid_api;

namespace {

class BareStorm {
 public:
  BareStorm(const Storm& storm, const SimgridPlatform& platform, const std::vector<Flow>& flows)
      : storm_(storm), platform_(platform), flows_(flows), done_(storm.ranks) {}

  void run(s4u::Engine& engine) {
    on_activity_end([this](const s4u::Activity& activity) { ended(activity); });
    s4u::Engine::on_time_advance_cb([this](double) { retired_.clear(); });
    start_layer();
    engine.run();
  }
  double activities() const { return activities_; }

 private:
  void keep(const s4u::ActivityPtr& activity, int rank) {
    activity->set_data(reinterpret_cast<void*>(static_cast<intptr_t>(rank + 1)));
    live_.push_back(activity);
    ++activities_;
  }

  void start_layer() {
    for (int rank = 0; rank < storm_.ranks; ++rank) {
      done_[rank] = 0;
      start_kernel(rank);
    }
    ranks_left_ = storm_.ranks;
  }

  void start_kernel(int rank) {
    auto exec = s4u::Exec::init();
    exec->set_flops_amount(storm_.kernel_s)
        ->set_host(platform_.endpoints[endpoint(rank, Port::nvlink)]);
    keep(exec, rank);
    simgrid_api::start(exec);
  }

  void start_exchange() {
    flows_left_ = flows_.size();
    for (const Flow& flow : flows_)
      keep(s4u::Comm::sendto_async(platform_.endpoints[flow.source],
                                   platform_.endpoints[flow.target],
                                   static_cast<uint64_t>(flow.bytes)),
           -2);
  }

  void ended(const s4u::Activity& activity) {
    const int rank = static_cast<int>(reinterpret_cast<intptr_t>(activity.get_data<void>())) - 1;
    if (rank >= 0) {
      if (++done_[rank] < storm_.kernels) return start_kernel(rank);
      if (--ranks_left_ == 0) start_exchange();
      return;
    }
    if (--flows_left_ > 0) return;
    retired_.swap(live_);  // all of the layer is over
    if (++layer_ < storm_.layers) start_layer();
  }

  const Storm& storm_;
  const SimgridPlatform& platform_;
  const std::vector<Flow>& flows_;
  std::vector<int> done_;
  std::vector<s4u::ActivityPtr> live_, retired_;
  int ranks_left_ = 0, layer_ = 0;
  size_t flows_left_ = 0;
  double activities_ = 0;
};

}  // namespace

StormResult run_bare(const Storm& storm) {
  const Fabric fabric = storm_fabric(storm);
  const std::vector<Flow> flows = storm_flows(storm, fabric);
  const std::clock_t begin = std::clock();
  std::string name = "bare", log = "--log=root.threshold:error";
  char* argv[] = {name.data(), log.data(), nullptr};
  int argc = 2;
  s4u::Engine engine(&argc, argv);
  const SimgridPlatform platform = build_platform(engine, fabric);
  BareStorm bare(storm, platform, flows);
  bare.run(engine);
  StormResult result;
  result.cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  result.makespan_s = s4u::Engine::get_clock();
  result.activities = bare.activities();
  return result;
}

}  // namespace moesim::bench
