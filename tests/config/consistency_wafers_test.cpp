#include "config/error_case.hpp"

using namespace moesim;

TEST_CASE("faults of a wafer system: each that acts, and what would make the others act") {
  check(cases("consistency", "faults of a wafer system"));
}
