#include "report/reference.hpp"

#include <fstream>
#include <iterator>

#include "catch.hpp"
#include "report/json.hpp"

using namespace moesim;

TEST_CASE("a key's line says what kind of value it is, what it means and where else it appears") {
  const std::string table = keys_table(figures_of(StepReport{}));
  for (const char* line :
       {"| `step_time_s` | seconds | from the first task to the last | CSV, results.csv, compare "
        "|\n",
        "| `breakdown_s.exposed_ep` | seconds | waiting for dispatch and combine | CSV, "
        "results.csv, compare |\n",
        "| `memory[].fits` | true or false | whether the total is within the capacity |  |\n",
        "| `runs.step_time_s.p95` | seconds | 95th percentile |  |\n",
        "| `simulation.wall_s` | seconds | wall time of the simulation | CSV, compare, machine "
        "fact |\n"}) {
    INFO(table);
    CHECK(table.find(line) != std::string::npos);
  }
  CHECK(table.find("setup_cpu_s") == std::string::npos);
  CHECK(table.find("memory_most") == std::string::npos);
  CHECK(table.find("`mfu`") < table.find("`model`"));
}

TEST_CASE("docs/formats/reports.md holds the reference of this program") {
  std::ifstream file(MOESIM_SOURCE_DIR "/docs/formats/reports.md");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::string begin = "<!-- moesim schema --report -->\n", end = "<!-- end -->\n";
  const size_t from = text.find(begin), to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  INFO("tools/approve puts the output of `moesim schema --report` there");
  CHECK(text.substr(from + begin.size(), to - from - begin.size()) == reports_reference());
}
