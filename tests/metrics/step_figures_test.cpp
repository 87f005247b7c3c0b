#include <set>

#include "catch.hpp"
#include "metrics/step_report.hpp"

using namespace moesim;

TEST_CASE("the parts of a breakdown are all its members, each once") {
  Breakdown breakdown;
  std::set<std::string> keys;
  double value = 1;
  for (const BreakdownPart& part : kBreakdownParts) {
    CHECK(breakdown.*part.seconds == 0);
    breakdown.*part.seconds = value;
    value *= 2;
    CHECK(keys.insert(part.figure.key).second);
  }
  CHECK(std::size(kBreakdownParts) * sizeof(double) == sizeof(Breakdown));
  CHECK(breakdown.total() == value - 1);
}

TEST_CASE("the fullest stage is the one with the largest share of its capacity") {
  CHECK(fullest({}) == nullptr);
  const std::vector<StageMemory> memory = {{.total_bytes = 5, .capacity_bytes = 10},
                                           {.total_bytes = 6, .capacity_bytes = 100},
                                           {.total_bytes = 4, .capacity_bytes = 5}};
  CHECK(fullest(memory) == &memory[2]);
}
