#include "page/timeline_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/diagnostics.hpp"

namespace moesim {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

int64_t ns_of(const json& microseconds) { return std::llround(microseconds.get<double>() * 1000); }

struct Track {
  int64_t end_ns = 0;
  std::vector<int64_t> slices;  // gap, length, name
};
struct Counter {
  int64_t time_ns = 0;
  ordered_json points = ordered_json::array();
};

class Collected {
 public:
  explicit Collected(size_t most) : most_(most) {}

  // An event that is none of ours has no effect; json::exception for an event without its fields.
  void take(const json& event) {
    const std::string kind = event.value("ph", std::string());
    if (kind == "M") describe(event);
    if (kind == "X") slice(event);
    if (kind == "C") sample(event);
  }
  size_t size() const { return size_; }
  ordered_json result() const;

 private:
  using Id = std::pair<int64_t, int64_t>;  // process, thread
  void describe(const json& event);
  void slice(const json& event);
  void sample(const json& event);
  std::string process(int64_t pid) const {
    const auto found = processes_.find(pid);
    return found == processes_.end() ? fmt::format("process {}", pid) : found->second;
  }

  size_t most_, size_ = 0;
  int64_t end_ns_ = 0;
  std::map<int64_t, std::string> processes_;
  std::map<Id, std::string> threads_;
  std::map<std::string, size_t> index_;
  ordered_json names_ = ordered_json::array();
  std::map<Id, Track> tracks_;
  std::map<std::pair<int64_t, std::pair<std::string, std::string>>, Counter> counters_;
};

void Collected::describe(const json& event) {
  const std::string what = event.at("name");
  if (what == "process_name") processes_[event.at("pid")] = event.at("args").at("name");
  if (what == "thread_name")
    threads_[{event.at("pid"), event.at("tid")}] = event.at("args").at("name");
}

void Collected::slice(const json& event) {
  if (++size_ > most_) return;
  const auto [name, fresh] = index_.try_emplace(event.at("name").get<std::string>(), index_.size());
  if (fresh) names_.push_back(name->first);
  Track& track = tracks_[{event.at("pid"), event.at("tid")}];
  const int64_t start = ns_of(event.at("ts")), length = ns_of(event.at("dur"));
  for (const int64_t value : {start - track.end_ns, length, static_cast<int64_t>(name->second)})
    track.slices.push_back(value);
  track.end_ns = start + length;
  end_ns_ = std::max(end_ns_, track.end_ns);
}

void Collected::sample(const json& event) {
  for (const auto& [series, value] : event.at("args").items()) {
    if (++size_ > most_) return;
    Counter& counter = counters_[{event.at("pid"), {event.at("name"), series}}];
    const int64_t time = ns_of(event.at("ts"));
    counter.points.push_back(time - counter.time_ns);
    counter.points.push_back(std::round(value.get<double>() * 1000) / 1000);
    counter.time_ns = time;
  }
}

ordered_json Collected::result() const {
  ordered_json tracks = ordered_json::array(), counters = ordered_json::array();
  for (const auto& [id, track] : tracks_) {
    const auto thread = threads_.find(id);
    tracks.push_back(
        {{"process", process(id.first)},
         {"thread", thread == threads_.end() ? fmt::format("{}", id.second) : thread->second},
         {"slices", track.slices}});
  }
  for (const auto& [key, counter] : counters_)
    counters.push_back({{"process", process(key.first)},
                        {"name", key.second.first},
                        {"series", key.second.second},
                        {"points", counter.points}});
  return {{"names", names_}, {"end_ns", end_ns_}, {"tracks", tracks}, {"counters", counters}};
}

}  // namespace

std::string page_timeline(const std::string& trace, const std::string& name, size_t most) {
  Collected collected(most);
  constexpr int kDepthOfEvents = 2;
  // Events are taken one by one and dropped, so that a large file is never held as a tree.
  const json rest = json::parse(
      trace,
      [&](int depth, json::parse_event_t event, json& value) {
        if (event != json::parse_event_t::object_end || depth != kDepthOfEvents) return true;
        try {
          collected.take(value);
        } catch (const json::exception&) {
          throw InputError(name + ": an event of the timeline lacks a field: " + value.dump());
        }
        return false;
      },
      false);
  if (!rest.is_object() || !rest.contains("traceEvents"))
    throw InputError(name + ": is no timeline: expected the JSON of run --trace");
  if (collected.size() > most)
    throw InputError(
        fmt::format("{}: {} slices and samples, of which a page takes {}: draw fewer ranks "
                    "(--trace-ranks) or blocks (--trace-level phase)",
                    name, collected.size(), most));
  return collected.result().dump();
}

}  // namespace moesim
