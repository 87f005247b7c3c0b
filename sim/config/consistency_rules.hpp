// The rules of consistency share this: a rule names the values that it relies on, and says nothing
// where one of them was not read soundly.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "config/reader.hpp"
#include "config/scenario.hpp"

namespace moesim {

using Keys = std::initializer_list<const char*>;

class Rules {
 public:
  Rules(const Scenario& scenario, const ValueSources& sources, Problems& problems)
      : s(scenario), sources_(sources), problems_(problems) {}

  // All of these values can be relied on. Rules may then divide by whatever the ranges keep from 0.
  bool known(Keys keys) const {
    return std::all_of(keys.begin(), keys.end(), [&](const char* key) {
      const auto source = sources_.find(key);
      return source == sources_.end() || source->second.sound;
    });
  }

  // The rule on these values must hold; the first key that is not a default takes the blame.
  template <class... Args>
  void require(bool holds, Keys keys, fmt::format_string<Args...> format, Args&&... args) {
    if (holds || !known(keys)) return;
    const char* blamed = *keys.begin();
    for (const char* key : keys) {
      const auto source = sources_.find(key);
      if (source == sources_.end() || source->second.origin == "default") continue;
      blamed = key;
      break;
    }
    const auto source = sources_.find(blamed);
    problems_.add(source == sources_.end() ? Place{} : source->second.place, blamed,
                  fmt::format(format, std::forward<Args>(args)...));
  }

  const Scenario& s;

 private:
  const ValueSources& sources_;
  Problems& problems_;
};

// Whether a is a multiple of b; false rather than a fault for b = 0.
inline bool divides(int64_t b, int64_t a) { return b > 0 && a % b == 0; }

void check_model(Rules& rules);
void check_cut_mixers(Rules& rules);  // by tensor parallelism
void check_routing(Rules& rules);
void check_faults(Rules& rules);  // of a pod
void check_wafers(Rules& rules);  // of a wafer system
void check_wafer_faults(Rules& rules);

}  // namespace moesim
