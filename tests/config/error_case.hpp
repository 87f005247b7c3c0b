// Tables of wrong scenarios and their messages.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "config/fixture.hpp"

namespace moesim {

// A scenario, and word for word what the user reads about it.
struct ErrorCase {
  const char* what;
  std::string text;
  std::string error;
  std::vector<std::string> sets = {};
  std::map<std::string, std::string> files = {};  // beside the presets
};

inline void check(const std::vector<ErrorCase>& cases) {
  for (const ErrorCase& c : cases) {
    INFO(c.what);
    CHECK(errors_of(c.text, c.sets, c.files) == c.error);
  }
}

// The scenario with these keys of the plan.
inline std::string plan(const std::string& keys) { return kScenario + "plan: {" + keys + "}\n"; }

}  // namespace moesim
