// Reads a trace back and lists what a viewer would trip over: slices of a track that overlap
// without nesting, arrows with a missing end or an end outside every slice, tracks without a name,
// events out of the contract.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace moesim::test {

struct TraceSlice {
  int64_t start_ns = 0, end_ns = 0;
  std::string name;
  nlohmann::json args;
};

struct TraceArrow {
  int begins = 0, ends = 0;
  std::pair<int, int> from, to;  // pid, tid
  int64_t from_ns = 0, to_ns = 0;
  std::string name;
};

struct TraceSample {
  int64_t time_ns = 0;
  double out = 0, in = 0;
};

struct ReadTrace {
  using TrackId = std::pair<int, int>;  // pid, tid
  std::map<int, std::string> processes;
  std::map<int, int> sort_index;
  std::map<TrackId, std::string> threads;
  std::map<TrackId, std::vector<TraceSlice>> slices;
  std::map<int64_t, TraceArrow> arrows;
  std::map<std::pair<int, std::string>, std::vector<TraceSample>> counters;  // pid, name
  std::vector<std::string> faults;

  // The slices of the threads of that process and name.
  std::vector<TraceSlice> on(const std::string& process_begin, const std::string& thread) const {
    std::vector<TraceSlice> found;
    for (const auto& [track, list] : slices)
      if (processes.at(track.first).rfind(process_begin, 0) == 0 && threads.at(track) == thread)
        found.insert(found.end(), list.begin(), list.end());
    return found;
  }
};

inline int64_t ns_of(const nlohmann::json& microseconds) {
  return std::llround(microseconds.get<double>() * 1000);
}

inline void read_metadata(const nlohmann::json& event, ReadTrace& trace) {
  const std::string what = event.at("name");
  const int pid = event.at("pid");
  if (what == "process_name") trace.processes[pid] = event.at("args").at("name");
  if (what == "process_sort_index") trace.sort_index[pid] = event.at("args").at("sort_index");
  if (what == "thread_name") trace.threads[{pid, event.at("tid")}] = event.at("args").at("name");
}

inline void read_arrow_end(const nlohmann::json& event, ReadTrace& trace) {
  TraceArrow& arrow = trace.arrows[event.at("id").get<int64_t>()];
  const bool begin = event.at("ph") == "s";
  ++(begin ? arrow.begins : arrow.ends);
  (begin ? arrow.from : arrow.to) = {event.at("pid"), event.at("tid")};
  (begin ? arrow.from_ns : arrow.to_ns) = ns_of(event.at("ts"));
  const std::string name = event.at("name");
  if (!arrow.name.empty() && arrow.name != name)
    trace.faults.push_back("arrow ends differ in name: " + name);
  arrow.name = name;
  if (!begin && event.value("bp", "") != "e")
    trace.faults.push_back("arrow does not bind to its enclosing slice");
}

inline void check_nesting(ReadTrace& trace) {
  for (const auto& [track, slices] : trace.slices) {
    if (!trace.threads.count(track))
      trace.faults.push_back(fmt::format("thread {} has no name", track.second));
    if (!trace.processes.count(track.first))
      trace.faults.push_back(fmt::format("process {} has no name", track.first));
    std::vector<int64_t> open;  // ends of the slices around the next one
    int64_t last_start = INT64_MIN;
    for (const TraceSlice& slice : slices) {
      if (slice.start_ns < last_start)
        trace.faults.push_back("slices of a track out of order at " + slice.name);
      last_start = slice.start_ns;
      while (!open.empty() && open.back() <= slice.start_ns) open.pop_back();
      if (!open.empty() && slice.end_ns > open.back())
        trace.faults.push_back(
            fmt::format("{} overlaps the slice before it on {}", slice.name, trace.threads[track]));
      open.push_back(slice.end_ns);
    }
  }
}

inline bool inside_a_slice(const ReadTrace& trace, std::pair<int, int> track, int64_t time_ns) {
  const auto found = trace.slices.find(track);
  if (found == trace.slices.end()) return false;
  for (const TraceSlice& slice : found->second)
    if (slice.start_ns <= time_ns && time_ns < slice.end_ns) return true;
  return false;
}

inline void check_arrows(ReadTrace& trace) {
  for (const auto& [id, arrow] : trace.arrows) {
    if (arrow.begins != 1 || arrow.ends != 1)
      trace.faults.push_back(
          fmt::format("arrow {} has {} beginnings and {} ends", id, arrow.begins, arrow.ends));
    else if (!inside_a_slice(trace, arrow.from, arrow.from_ns) ||
             !inside_a_slice(trace, arrow.to, arrow.to_ns))
      trace.faults.push_back(
          fmt::format("arrow {} ({}) has an end outside every slice", id, arrow.name));
    else if (arrow.to_ns < arrow.from_ns)
      trace.faults.push_back(fmt::format("arrow {} points back in time", id));
  }
}

inline ReadTrace read_trace(const std::string& text) {
  ReadTrace trace;
  const auto parsed = nlohmann::json::parse(text);
  for (const auto& event : parsed.at("traceEvents")) {
    const std::string ph = event.at("ph");
    if (ph == "M") {
      read_metadata(event, trace);
    } else if (ph == "X") {
      const int64_t start = ns_of(event.at("ts")), length = ns_of(event.at("dur"));
      if (length <= 0)
        trace.faults.push_back("a slice without length: " + event.at("name").get<std::string>());
      trace.slices[{event.at("pid"), event.at("tid")}].push_back(
          {start, start + length, event.at("name"), event.at("args")});
    } else if (ph == "s" || ph == "f") {
      read_arrow_end(event, trace);
    } else if (ph == "C") {
      trace.counters[{event.at("pid"), event.at("name")}].push_back(
          {ns_of(event.at("ts")), event.at("args").at("out"), event.at("args").at("in")});
    } else {
      trace.faults.push_back("unknown event " + ph);
    }
  }
  check_nesting(trace);
  check_arrows(trace);
  return trace;
}

}  // namespace moesim::test
