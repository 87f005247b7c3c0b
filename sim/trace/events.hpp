// Single events of the trace format, as bytes. Knows nothing of tasks.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "trace/byte_sink.hpp"

namespace moesim {

// Times are whole nanoseconds, so that what touches or nests in the record does so in the file.
struct Track {
  uint32_t pid = 0;
  uint32_t tid =
      0;  // unique over all processes: viewers disagree on whether processes may share one
};

// The text between the quotes of a JSON string.
std::string json_escaped(std::string_view text);

class TraceEvents {
 public:
  explicit TraceEvents(ByteSink& sink);

  void process(uint32_t pid, std::string_view name, int sort_index);
  void thread(Track track, std::string_view name, int sort_index);
  // `name` and `args` are JSON already: escaped text, and members without braces.
  void slice(Track track, int64_t start_ns, int64_t end_ns, std::string_view name,
             std::string_view args);
  // Both times must lie in slices of their tracks that have been written before.
  void arrow(std::string_view name, Track from, int64_t from_ns, Track to, int64_t to_ns);
  void throughput(uint32_t pid, int64_t time_ns, std::string_view name, double out_gb_per_s,
                  double in_gb_per_s);
  void memory(uint32_t pid, int64_t time_ns, double bytes);
  void finish();

 private:
  void begin();
  void time(const char* key, int64_t time_ns);
  void duration(int64_t start_ns, int64_t end_ns);
  void flush();

  ByteSink& sink_;
  fmt::memory_buffer buffer_;
  bool first_ = true;
  uint64_t arrows_ = 0;
};

}  // namespace moesim
