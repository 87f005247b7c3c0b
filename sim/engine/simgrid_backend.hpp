// Runs the executor by SimGrid's clock. In adaptive mode a transfer runs on a timer, all its flows
// in proportion, while no other transfer touches its links; the moment another claims one of them,
// what remains of both becomes SimGrid flows that share by max-min fairness (docs/decisions/0003).
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "engine/device_clock.hpp"
#include "engine/executor.hpp"
#include "engine/link_load.hpp"
#include "engine/simgrid_platform.hpp"
#include "engine/simulate.hpp"

namespace moesim {

class SimgridBackend : public Backend {
 public:
  SimgridBackend(const SimgridPlatform& platform, const Fabric& fabric,
                 const EngineOptions& options, Execution& execution);

  std::function<void(TaskToken)> on_complete;
  void connect();             // to SimGrid's completion signals; once
  void complete_immediate();  // tasks too short for a timer; call after handing over work outside a
                              // callback

  double now() const override { return simgrid_api::s4u::Engine::get_clock(); }
  void start_compute(TaskToken token, uint32_t rank, double seconds) override;
  void start_delay(TaskToken token, double seconds) override;
  double start_transfer(TaskToken token, uint32_t first_rank, const Transfer& transfer,
                        const std::vector<Flow>& flows, double fixed_s) override;

 private:
  // A transfer has up to two parts that cannot meet on a link: NVLink and NIC.
  struct Part {
    uint32_t transfer = 0;
    bool nvlink = false;
    bool as_flows = false;
    std::vector<LinkLoad> loads;
    double begin_s = 0, duration_s = 0;
    double ports_s = 0;  // of its busiest port alone, at the port's bandwidth; set by make_flows
    simgrid_api::Timer* timer = nullptr;
    uint32_t pending_flows = 0;
  };
  struct Active {
    TaskToken token;
    uint32_t first_rank = 0;
    const Transfer* transfer = nullptr;
    const std::vector<Flow>* flows = nullptr;
    uint32_t parts_left = 0;
    Part parts[2];
    std::vector<simgrid_api::s4u::ExecPtr> occupants;  // all_activities: hold the SMs
  };
  // Behind every SimGrid activity of ours: what ends with it.
  struct Handle {
    bool flow = false;
    uint32_t part = 0;  // Active index * 2 + part
    TaskToken token;
    simgrid_api::s4u::ActivityPtr activity;
  };

  Part& part(uint32_t id) { return active_[id / 2].parts[id % 2]; }
  uint32_t add_active();
  Handle* add_handle();
  void begin_parts(uint32_t active);
  void start_part(uint32_t id);
  bool contended(uint32_t id);
  // Returns where a flow between these endpoints starts and ends.
  std::pair<simgrid_api::s4u::Host*, simgrid_api::s4u::Host*> hosts(int32_t source, int32_t target,
                                                                    const Route& route) const;
  double weight(const Part& p, const Flow& flow, const Route& route) const;
  void make_flows(uint32_t id, double elapsed_s);
  void end_part(uint32_t id);
  void end_transfer(uint32_t active);
  void occupy(Active& active, double sign);
  void finish(TaskToken token);  // hand to the executor, then whatever became immediate
  void on_activity_end(const simgrid_api::s4u::Activity& activity);

  const SimgridPlatform& platform_;
  const Fabric& fabric_;
  const EngineOptions& options_;
  Execution& execution_;
  LinkLoads loads_;
  std::vector<DeviceClock> devices_;
  DeviceClock::OnDone device_done_;
  std::deque<Active> active_;
  std::vector<uint32_t> free_active_;
  std::vector<std::vector<uint32_t>> users_;  // per link: parts in progress
  std::vector<double> link_s_;                // scratch: by link, when a part alone is done with it
  std::deque<Handle> handles_;
  std::vector<Handle*> free_handles_;
  // SimGrid still uses an activity while its callback runs, and a cancelled one until after the
  // next advance of time.
  std::vector<simgrid_api::s4u::ActivityPtr> retired_, cancelled_;
  std::vector<TaskToken> immediate_;
};

}  // namespace moesim
