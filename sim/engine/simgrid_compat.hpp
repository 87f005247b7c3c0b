// SimGrid's API differs between 3.32 (Debian 12), 3.35 (Ubuntu 24.04) and 4.x (Debian 13). This is
// the only file that asks for the version.
#pragma once

// The order matters: version.h needs macros that s4u.hpp brings.
// clang-format off
#include <simgrid/s4u.hpp>
#include <simgrid/version.h>
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/kernel/resource/Model.hpp>
// clang-format on

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace moesim::simgrid_api {

namespace s4u = simgrid::s4u;
using Timer = simgrid::kernel::timer::Timer;

inline s4u::NetZone* add_star_zone(s4u::Engine& engine, s4u::NetZone* parent,
                                   const std::string& name) {
#if SIMGRID_VERSION >= 40000
  return (parent != nullptr ? parent : engine.get_netzone_root())->add_netzone_star(name);
#else
  (void)engine;
  auto* zone = s4u::create_star_zone(name);  // without a parent the first zone becomes the root
  if (parent != nullptr) zone->set_parent(parent);
  return zone;
#endif
}

inline s4u::Host* add_host(s4u::NetZone* zone, const std::string& name, double speed) {
#if SIMGRID_VERSION >= 40000
  return zone->add_host(name, speed);
#else
  return zone->create_host(name, speed);
#endif
}

inline s4u::Link* add_link(s4u::NetZone* zone, const std::string& name, double bytes_per_s) {
#if SIMGRID_VERSION >= 40000
  return zone->add_link(name, bytes_per_s);
#else
  return zone->create_link(name, bytes_per_s);
#endif
}

// In a star zone: `links` lead from the host to the zone's centre, or back when `up` is false.
inline void add_star_route(s4u::NetZone* zone, s4u::Host* host, bool up,
                           const std::vector<s4u::LinkInRoute>& links) {
#if SIMGRID_VERSION >= 33500
  zone->add_route(up ? host : nullptr, up ? nullptr : host, links, false);
#else
  auto* point = host->get_netpoint();
  zone->add_route(up ? point : nullptr, up ? nullptr : point, nullptr, nullptr, links, false);
#endif
}

// The same for a zone inside a star zone.
inline void add_star_route(s4u::NetZone* zone, s4u::NetZone* child, s4u::Host* gateway, bool up,
                           const std::vector<s4u::LinkInRoute>& links) {
  auto* point = child->get_netpoint();
  auto* gate = gateway->get_netpoint();
  zone->add_route(up ? point : nullptr, up ? nullptr : point, up ? gate : nullptr,
                  up ? nullptr : gate, links, false);
}

inline void on_activity_end(const std::function<void(const s4u::Activity&)>& callback) {
#if SIMGRID_VERSION >= 33400
  s4u::Exec::on_completion_cb(callback);
  s4u::Comm::on_completion_cb(callback);
#else
  s4u::Activity::on_completion_cb(callback);
#endif
}

inline void start(s4u::ExecPtr exec) {
#if SIMGRID_VERSION >= 33400
  exec->start();
#else
  exec->vetoable_start();
#endif
}

using NetworkModel = simgrid::kernel::resource::Model;

inline NetworkModel& network_model(const s4u::Engine& engine) {
  for (NetworkModel* model : engine.get_all_models())
    if (model->get_name().rfind("Network", 0) == 0) return *model;
  return *engine.get_all_models().front();
}

// Starts a flow of any number of bytes, not only whole ones. Where flows meet, each gets bandwidth
// in proportion to its weight; none moves faster than `bytes_per_s`, 0: as fast as links let it.
// s4u's own set_rate is for mailboxes; what s4u lacks, the action behind the activity has.
inline s4u::CommPtr start_flow(NetworkModel& network, s4u::Host* from, s4u::Host* to, double bytes,
                               double weight, double bytes_per_s) {
  auto comm = s4u::Comm::sendto_async(from, to, static_cast<uint64_t>(bytes) + 1);
  auto& action = network.get_started_action_set()->back();  // the one that this call has added
  action.set_cost(bytes);
  action.set_remains(bytes);
  action.set_sharing_penalty(1 / weight);
  if (bytes_per_s > 0) action.set_bound(bytes_per_s);
  return comm;
}

template <class Callback>
Timer* at(double time_s, Callback&& callback) {
  return Timer::set(time_s, std::forward<Callback>(callback));
}

inline std::string version() {
  return std::to_string(SIMGRID_VERSION_MAJOR) + "." + std::to_string(SIMGRID_VERSION_MINOR);
}

}  // namespace moesim::simgrid_api
