#include "trace/events.hpp"

#include <iterator>
#include <nlohmann/json.hpp>

namespace moesim {

namespace {
constexpr size_t kFlushAt = 1 << 16;
// Tenths of a nanosecond by which a duration may be short: half a nanosecond still rounds to it.
constexpr int kMostTenths = 4;

// The double that a reader makes of the decimal that is written: both are rounded once.
double shown_us(int64_t time_ns) { return static_cast<double>(time_ns) / 1000; }
}  // namespace

std::string json_escaped(std::string_view text) {
  using nlohmann::json;
  const std::string quoted = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

TraceEvents::TraceEvents(ByteSink& sink) : sink_(sink) {
  buffer_.append(std::string_view(R"({"displayTimeUnit":"ms","traceEvents":[)"));
}

void TraceEvents::begin() {
  if (buffer_.size() >= kFlushAt) flush();
  buffer_.append(std::string_view(first_ ? "\n" : ",\n"));
  first_ = false;
}

void TraceEvents::flush() {
  sink_.write({buffer_.data(), buffer_.size()});
  buffer_.clear();
}

// Microseconds with three decimals, without a detour through floating point.
void TraceEvents::time(const char* key, int64_t time_ns) {
  fmt::format_to(std::back_inserter(buffer_), R"("{}":{}.{:03})", key, time_ns / 1000,
                 time_ns % 1000);
}

// Readers add `ts` and `dur` in doubles, and some take a sum that reaches the next slice's
// beginning for an overlap and never close the first. So the duration is less by as many tenths of
// a nanosecond as keep the sum below the end; whole nanoseconds read back the same.
void TraceEvents::duration(int64_t start_ns, int64_t end_ns) {
  const double start = shown_us(start_ns), end = shown_us(end_ns);
  int64_t tenths = (end_ns - start_ns) * 10;
  const auto us = [](int64_t of) { return static_cast<double>(of) / 10'000; };
  for (int step = 0; step < kMostTenths && start + us(tenths) >= end; ++step) --tenths;
  fmt::format_to(std::back_inserter(buffer_), R"("dur":{}.{:03})", tenths / 10'000,
                 tenths / 10 % 1000);
  if (tenths % 10 != 0) buffer_.push_back(static_cast<char>('0' + tenths % 10));
}

void TraceEvents::process(uint32_t pid, std::string_view name, int sort_index) {
  const auto out = std::back_inserter(buffer_);
  begin();
  fmt::format_to(out, R"({{"ph":"M","pid":{},"name":"process_name","args":{{"name":"{}"}}}})", pid,
                 json_escaped(name));
  begin();
  fmt::format_to(out,
                 R"({{"ph":"M","pid":{},"name":"process_sort_index","args":{{"sort_index":{}}}}})",
                 pid, sort_index);
}

void TraceEvents::thread(Track track, std::string_view name, int sort_index) {
  const auto out = std::back_inserter(buffer_);
  begin();
  fmt::format_to(out,
                 R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":"{}"}}}})",
                 track.pid, track.tid, json_escaped(name));
  begin();
  fmt::format_to(
      out,
      R"({{"ph":"M","pid":{},"tid":{},"name":"thread_sort_index","args":{{"sort_index":{}}}}})",
      track.pid, track.tid, sort_index);
}

void TraceEvents::slice(Track track, int64_t start_ns, int64_t end_ns, std::string_view name,
                        std::string_view args) {
  const auto out = std::back_inserter(buffer_);
  begin();
  fmt::format_to(out, R"({{"ph":"X","pid":{},"tid":{},)", track.pid, track.tid);
  time("ts", start_ns);
  buffer_.push_back(',');
  duration(start_ns, end_ns);
  fmt::format_to(out, R"(,"name":"{}","args":{{{}}}}})", name, args);
}

// Viewers match the two ends by category, name and id together.
void TraceEvents::arrow(std::string_view name, Track from, int64_t from_ns, Track to,
                        int64_t to_ns) {
  const auto out = std::back_inserter(buffer_);
  const uint64_t id = ++arrows_;
  begin();
  fmt::format_to(out, R"({{"ph":"s","pid":{},"tid":{},)", from.pid, from.tid);
  time("ts", from_ns);
  fmt::format_to(out, R"(,"id":{},"cat":"flow","name":"{}"}})", id, name);
  begin();
  fmt::format_to(out, R"({{"ph":"f","bp":"e","pid":{},"tid":{},)", to.pid, to.tid);
  time("ts", to_ns);
  fmt::format_to(out, R"(,"id":{},"cat":"flow","name":"{}"}})", id, name);
}

void TraceEvents::throughput(uint32_t pid, int64_t time_ns, std::string_view name,
                             double out_gb_per_s, double in_gb_per_s) {
  begin();
  fmt::format_to(std::back_inserter(buffer_), R"({{"ph":"C","pid":{},)", pid);
  time("ts", time_ns);
  fmt::format_to(std::back_inserter(buffer_),
                 R"(,"name":"{}","args":{{"out":{:.3f},"in":{:.3f}}}}})", name, out_gb_per_s,
                 in_gb_per_s);
}

void TraceEvents::memory(uint32_t pid, int64_t time_ns, double bytes) {
  constexpr double kGigabyte = 1e9;
  begin();
  fmt::format_to(std::back_inserter(buffer_), R"({{"ph":"C","pid":{},)", pid);
  time("ts", time_ns);
  fmt::format_to(std::back_inserter(buffer_), R"(,"name":"memory GB","args":{{"in use":{:.4f}}}}})",
                 bytes / kGigabyte);
}

void TraceEvents::finish() {
  buffer_.append(std::string_view("\n]}\n"));
  flush();
}

}  // namespace moesim
