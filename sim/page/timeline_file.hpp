// A timeline that `--trace` wrote, as a page draws it: slices by track and counters, as short JSON
// in whole nanoseconds.
#pragma once

#include <string>

namespace moesim {

// More slices and samples than this make a page that takes long to open.
inline constexpr size_t kMostSlices = 1'000'000;

// `trace`: Chrome trace events; `name` is for errors. Returns
// {names: [...], end_ns, tracks: [{process, thread, slices: [gap, length, name, ...]}],
// counters: [{process, name, series, points: [gap, value, ...]}]}, where a gap is the time since
// the end of the slice before, or since the point before. Throws InputError for what is no trace,
// and for more than `most` slices.
std::string page_timeline(const std::string& trace, const std::string& name,
                          size_t most = kMostSlices);

}  // namespace moesim
