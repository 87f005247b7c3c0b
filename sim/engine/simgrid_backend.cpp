#include "engine/simgrid_backend.hpp"

#include <algorithm>
#include <limits>

namespace moesim {

using namespace simgrid_api;

namespace {
// SimGrid's date precision is 1 ns; what is shorter than 10 ns happens at once.
constexpr double kShortestS = 1e-8;
// An Exec that holds SMs for a communication kernel: outlives any transfer, and takes its share
// before others.
constexpr double kOccupantSeconds = 1e12;
constexpr double kOccupantPriority = 1e6;
constexpr double kWeightScale = 1e6, kSmallestWeight = 1e-6;
constexpr double kFewestBytes = 1e-3;  // a flow of none never ends
}  // namespace

SimgridBackend::SimgridBackend(const SimgridPlatform& platform, const Fabric& fabric,
                               const EngineOptions& options, Execution& execution)
    : platform_(platform),
      fabric_(fabric),
      options_(options),
      execution_(execution),
      loads_(fabric),
      devices_(fabric.ranks.size()),
      users_(fabric.links.size()),
      link_s_(fabric.links.size()) {
  device_done_ = [this](TaskToken token) { finish(token); };
  for (size_t rank = 0; rank < options.device_speed.size(); ++rank)
    devices_[rank].speed = options.device_speed[rank];
}

void SimgridBackend::connect() {
  simgrid_api::on_activity_end(
      [this](const s4u::Activity& activity) { on_activity_end(activity); });
  s4u::Engine::on_time_advance_cb([this](double) {
    retired_.swap(cancelled_);
    cancelled_.clear();
  });
}

void SimgridBackend::finish(TaskToken token) {
  on_complete(token);
  complete_immediate();
}

void SimgridBackend::complete_immediate() {
  for (size_t next = 0; next < immediate_.size(); ++next) {
    const TaskToken token = immediate_[next];
    on_complete(token);
  }
  immediate_.clear();
}

SimgridBackend::Handle* SimgridBackend::add_handle() {
  if (free_handles_.empty()) return &handles_.emplace_back();
  Handle* handle = free_handles_.back();
  free_handles_.pop_back();
  return handle;
}

void SimgridBackend::start_compute(TaskToken token, uint32_t rank, double seconds) {
  if (seconds < kShortestS) return immediate_.push_back(token);
  if (!options_.all_activities) {
    ++execution_.timers;
    return devices_[rank].start(token, seconds, device_done_);
  }
  ++execution_.execs;
  Handle* handle = add_handle();
  auto exec = s4u::Exec::init();
  exec->set_flops_amount(seconds / devices_[rank].speed)
      ->set_host(platform_.endpoints[endpoint(rank, Port::nvlink)]);
  handle->flow = false;
  handle->token = token;
  handle->activity = exec;
  exec->set_data(handle);
  simgrid_api::start(exec);
}

void SimgridBackend::start_delay(TaskToken token, double seconds) {
  if (seconds < kShortestS) return immediate_.push_back(token);
  ++execution_.timers;
  at(now() + seconds, [this, token] { finish(token); });
}

uint32_t SimgridBackend::add_active() {
  if (free_active_.empty()) {
    active_.emplace_back();
    return static_cast<uint32_t>(active_.size() - 1);
  }
  const uint32_t index = free_active_.back();
  free_active_.pop_back();
  return index;
}

double SimgridBackend::start_transfer(TaskToken token, uint32_t first_rank,
                                      const Transfer& transfer, const std::vector<Flow>& flows,
                                      double fixed_s) {
  ++execution_.transfers;
  const uint32_t index = add_active();
  Active& active = active_[index];
  active.token = token;
  active.first_rank = first_rank;
  active.transfer = &transfer;
  active.flows = &flows;
  double longest_s = 0;
  for (uint32_t i = 0; i < 2; ++i) {
    Part& p = active.parts[i];
    p.transfer = index;
    p.nvlink = i == 0;
    p.as_flows = false;
    p.loads.clear();
    loads_.collect(flows, first_rank, p.nvlink, p.loads);
    p.duration_s =
        busiest_s(fabric_, p.loads) / (p.nvlink ? transfer.nvlink_rate : transfer.nic_rate);
    longest_s = std::max(longest_s, p.duration_s);
    for (const LinkLoad& load : p.loads) execution_.link_bytes[load.link] += load.bytes;
  }
  if (transfer.sm_share > 0) occupy(active, +1);
  const double latency_s = transfer.latency_s + fixed_s;
  if (latency_s >= kShortestS)
    at(now() + latency_s, [this, index] {
      begin_parts(index);
      complete_immediate();
    });
  else
    begin_parts(index);
  return latency_s + longest_s;
}

void SimgridBackend::begin_parts(uint32_t index) {
  Active& active = active_[index];
  active.parts_left = 0;
  for (const Part& p : active.parts) active.parts_left += p.duration_s >= kShortestS;
  if (active.parts_left == 0) {
    if (active.transfer->sm_share > 0) occupy(active, -1);
    immediate_.push_back(active.token);
    free_active_.push_back(index);
    return;
  }
  for (uint32_t i = 0; i < 2; ++i)
    if (active.parts[i].duration_s >= kShortestS) start_part(index * 2 + i);
}

// Parts that share a link are all flows: whoever still ran on a timer is turned over now.
bool SimgridBackend::contended(uint32_t id) {
  bool shared = false;
  for (const LinkLoad& load : part(id).loads)
    for (size_t i = 0; i < users_[load.link].size(); ++i) {
      shared = true;
      Part& other = part(users_[load.link][i]);
      if (other.as_flows) continue;
      other.timer->remove();
      make_flows(users_[load.link][i], now() - other.begin_s);
    }
  return shared;
}

void SimgridBackend::start_part(uint32_t id) {
  Part& p = part(id);
  p.begin_s = now();
  const bool flows = contended(id) || options_.all_activities;
  for (const LinkLoad& load : p.loads) users_[load.link].push_back(id);
  if (flows) return make_flows(id, 0);
  ++execution_.timers;
  p.timer = at(now() + p.duration_s, [this, id] { end_part(id); });
}

// A flow's weight is what it would move alone, all flows of its part in proportion, as a fraction
// of its port: a part has its share at its busiest port and less at others, however many flows
// carry its bytes. Weights are scaled up, since SimGrid takes sums below 1e-5 for zero.
double SimgridBackend::weight(const Part& p, const Flow& flow, const Route& route) const {
  double port_bytes_per_s = std::numeric_limits<double>::infinity();
  for (const int32_t link : route.span())
    if (fabric_.links[link].link_class != LinkClass::leaf)
      port_bytes_per_s = std::min(port_bytes_per_s, fabric_.links[link].bytes_per_s);
  const double share = p.nvlink ? 1 : active_[p.transfer].transfer->nic_share;
  return kWeightScale * share *
         std::max(kSmallestWeight, flow.bytes / (p.ports_s * port_bytes_per_s));
}

std::pair<s4u::Host*, s4u::Host*> SimgridBackend::hosts(int32_t source, int32_t target,
                                                        const Route& route) const {
  if (fabric_.mesh() && route.count == 1) {
    const auto& pair = platform_.pairs[route.links[0]];
    if (pair.first != nullptr) return pair;
  }
  return {platform_.endpoints[source], platform_.endpoints[target]};
}

// After some time on a timer, a flow has left what it would have if it had moved at the pace of the
// busiest link on its own way: no link is too small for that, and the busiest flows end with the
// timer. Where a transfer does not fill its ports, its flows never exceed that pace: it takes no
// more of a port that it shares.
void SimgridBackend::make_flows(uint32_t id, double elapsed_s) {
  Part& p = part(id);
  p.as_flows = true;
  ++execution_.transfers_as_flows;
  const Active& active = active_[p.transfer];
  const int32_t shift = static_cast<int32_t>(active.first_rank) * kPorts;
  p.pending_flows = 0;
  const double rate = p.nvlink ? active.transfer->nvlink_rate : active.transfer->nic_rate;
  p.ports_s = 0;
  for (const LinkLoad& load : p.loads) {
    const Link& link = fabric_.links[load.link];
    link_s_[load.link] = std::min(load.bytes / link.bytes_per_s / rate, p.duration_s);
    if (link.link_class != LinkClass::leaf)
      p.ports_s = std::max(p.ports_s, load.bytes / link.bytes_per_s);
  }
  for (const Flow& flow : *active.flows) {
    if (on_nvlink(flow) != p.nvlink || flow.bytes <= 0) continue;
    double alone_s = 0;
    const Route route = fabric_.route(flow.source + shift, flow.target + shift);
    for (const int32_t link : route.span()) alone_s = std::max(alone_s, link_s_[link]);
    if (elapsed_s >= alone_s && alone_s < p.duration_s) continue;
    const double left = flow.bytes * std::max(0.0, 1 - elapsed_s / alone_s);
    ++execution_.flows;
    ++p.pending_flows;
    Handle* handle = add_handle();
    const auto [from, to] = hosts(flow.source + shift, flow.target + shift, route);
    auto comm =
        simgrid_api::start_flow(*platform_.network, from, to, std::max(kFewestBytes, left),
                                weight(p, flow, route), rate < 1 ? flow.bytes / alone_s : 0);
    handle->flow = true;
    handle->part = id;
    handle->activity = comm;
    comm->set_data(handle);
  }
}

void SimgridBackend::on_activity_end(const s4u::Activity& activity) {
  Handle* handle = activity.get_data<Handle>();
  if (handle == nullptr || activity.get_state() != s4u::Activity::State::FINISHED) return;
  const_cast<s4u::Activity&>(activity).set_data(nullptr);
  retired_.push_back(std::move(handle->activity));
  handle->activity = nullptr;
  free_handles_.push_back(handle);
  if (!handle->flow) return finish(handle->token);
  if (--part(handle->part).pending_flows == 0) end_part(handle->part);
}

void SimgridBackend::end_part(uint32_t id) {
  Part& p = part(id);
  for (const LinkLoad& load : p.loads) {
    auto& users = users_[load.link];
    users.erase(std::find(users.begin(), users.end(), id));
  }
  if (--active_[p.transfer].parts_left == 0) end_transfer(p.transfer);
}

void SimgridBackend::end_transfer(uint32_t index) {
  Active& active = active_[index];
  if (active.transfer->sm_share > 0) occupy(active, -1);
  const TaskToken token = active.token;
  free_active_.push_back(index);
  finish(token);
}

void SimgridBackend::occupy(Active& active, double sign) {
  const double share = active.transfer->sm_share;
  if (!options_.all_activities) {
    for (uint32_t rank : active.transfer->ranks)
      devices_[active.first_rank + rank].occupy(sign * share, device_done_);
    return;
  }
  if (sign < 0) {
    for (auto& exec : active.occupants) {
      exec->suspend();  // a cancelled Exec holds its share until SimGrid's next event
      exec->cancel();
      cancelled_.push_back(exec);
    }
    return active.occupants.clear();
  }
  for (uint32_t rank : active.transfer->ranks) {
    auto exec = s4u::Exec::init();
    exec->set_flops_amount(kOccupantSeconds)
        ->set_host(platform_.endpoints[endpoint(static_cast<int32_t>(active.first_rank + rank),
                                                Port::nvlink)]);
    exec->set_bound(share)->set_priority(kOccupantPriority);
    simgrid_api::start(exec);
    active.occupants.push_back(exec);
  }
}

}  // namespace moesim
