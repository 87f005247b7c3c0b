#include "batch/versus_report.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace moesim;

namespace {

VersusRun run_of(const std::string& platform, double tokens_per_s, double power_w) {
  VersusRun run;
  run.platform = platform;
  run.power_w = power_w;
  run.report.devices = 1;
  run.report.step_time_s = 2;
  run.report.tokens_per_s = tokens_per_s;
  run.report.breakdown_s.compute = 1.5;
  run.report.breakdown_s.exposed_stream = 0.5;
  StageMemory memory;
  memory.total_bytes = 20e9;
  memory.capacity_bytes = 40e9;
  run.report.memory = {memory};
  return run;
}

// The wafer takes twice the power; its advantage is 1/4 at 16 sequences and 4 at 256.
Versus two_machines() {
  Versus versus;
  versus.title = "A model on two machines";
  versus.machines = {"pod", "wafer"};
  versus.base = {run_of("h100-sxm", 1e5, 1e4), run_of("cs3", 3e5, 2e4)};
  versus.base[0].report.band = Band{1.6, 2.4, 10, "hopper"};
  VersusAxis batch{"batch.global_batch", {"16", "256"}, {}};
  batch.runs = {{run_of("h100-sxm", 400, 1e4), run_of("cs3", 200, 2e4)},
                {run_of("h100-sxm", 100, 1e4), run_of("cs3", 800, 2e4)}};
  VersusAxis odd{"plan.recompute", {"none"}, {}};
  odd.runs = {{run_of("h100-sxm", 400, 1e4), run_of("cs3", 200, 2e4)}};
  odd.runs[0][1].reason = "is not known on a wafer";
  versus.axes = {batch, odd};
  return versus;
}

}  // namespace

TEST_CASE("machines side by side as a table of 80 columns") {
  const std::string text = versus_table(two_machines());
  INFO(text);
  for (const char* line :
       {"  devices            1 x h100-sxm         1 x cs3\n",
        "  4 of 5 within      1.6 to 2.4 s       not known\n",
        "  tokens/J                  10.00           15.00\n",
        "  memory          20.0 of 40.0 GB 20.0 of 40.0 GB\n",
        "  binds              75 % compute    75 % compute\n", "25 % exposed",
        "  16                          400       200  0.25\n",
        "  256                         100       800  4.00\n",
        "  crossover by power: wafer against pod: at 64\n",
        "  crossover by power: wafer against pod: none\n", "  -: wafer: is not known on a wafer\n"})
    CHECK(text.find(line) != std::string::npos);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    CHECK(end - at <= 3 * 80);  // bytes; rules take three a column
    at = end + 1;
  }
}

TEST_CASE("machines side by side as JSON") {
  const auto json = nlohmann::json::parse(versus_json(two_machines()));
  CHECK(json["machines"][1]["tokens_per_joule"] == 15);
  CHECK(json["machines"][1]["advantage"] == 1.5);
  CHECK(json["machines"][0]["band"]["high_s"] == 2.4);
  CHECK(json["machines"][1]["band"].is_null());
  CHECK(json["axes"][0]["crossover"][0]["at"].get<double>() == Approx(64));
  CHECK(json["axes"][1]["crossover"][0]["at"].is_null());
  CHECK(json["axes"][1]["rows"][0]["machines"][1]["reason"] == "is not known on a wafer");
}

TEST_CASE("the picture has a line for each setting of numbers, and one where machines are equal") {
  const LinePlot plot = versus_plot(two_machines());
  REQUIRE(plot.lines.size() == 2);
  CHECK(plot.lines[0].name == "wafer: batch.global_batch");
  CHECK(plot.lines[0].points[1].x == "16");
  CHECK(plot.lines[0].points[1].y == Approx(4));
  CHECK(plot.lines[1].points[1].x == "16");
  CHECK(plot.lines[1].points[1].y == 1);
}
