// Asks the operating system about this process.
#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace moesim {

inline int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace moesim
