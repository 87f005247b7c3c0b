// moesim_bench: the simulator's own speed, measured against a bare SimGrid program in the same run.
//   tools/bench [--format table|json] [--repeat N] [--skip-flagship]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "batch/child_process.hpp"
#include "config/scenario.hpp"
#include "run/process_facts.hpp"
#include "run/run_collective.hpp"
#include "run/run_step.hpp"
#include "storm.hpp"

namespace {

using namespace moesim;
using nlohmann::json;

// Each measurement in a process of its own: SimGrid allows one simulation, and memory is then that
// of one run.
json in_child(const std::function<json()>& work) {
  ChildProcess child([&work] { return work().dump(); });
  while (!child.read_available()) {
  }
  const ChildProcess::Result result = child.wait();
  if (result.end != ChildProcess::End::returned) throw RunError("benchmark failed: " + result.text);
  return json::parse(result.text);
}

json storm_json(const bench::StormResult& result) {
  return {{"cpu_s", result.cpu_s},
          {"makespan_s", result.makespan_s},
          {"activities", result.activities}};
}

// Best of several, in turn, so that both see the same machine.
double engine_overhead_ratio(int repeat) {
  const bench::Storm storm;
  double engine = INFINITY, bare = INFINITY;
  for (int i = 0; i < repeat; ++i) {
    const json a = in_child([&] { return storm_json(bench::run_with_engine(storm)); });
    const json b = in_child([&] { return storm_json(bench::run_bare(storm)); });
    if (a["activities"] != b["activities"] ||
        std::abs(a["makespan_s"].get<double>() / b["makespan_s"].get<double>() - 1) > 1e-6)
      throw RunError(fmt::format("the two programs differ: {} against {}", a.dump(), b.dump()));
    engine = std::min(engine, a["cpu_s"].get<double>());
    bare = std::min(bare, b["cpu_s"].get<double>());
  }
  return engine / bare;
}

json all_to_all_1024(const SearchPath& search) {
  return in_child([&] {
    CollectiveRequest request;
    request.collective = "all-to-all";
    request.gpus = 1024;
    request.bytes = 64e6;
    request.form = CollectiveAlgorithm::port_balanced;
    const CollectiveReport report =
        run_collective(load_pod("ideal-pod-450-50", {"gpus=1024"}, search), request);
    return json{
        {"wall_s", report.wall_s}, {"rss_bytes", report.peak_rss_bytes}, {"time_s", report.time_s}};
  });
}

json step(const std::string& path, const std::vector<std::string>& sets, const SearchPath& search) {
  return in_child([&] {
    const StepReport report = run_step(load_scenario(path, sets, search).scenario, {}).report;
    const SimulationFacts& facts = report.simulation;
    return json{{"wall_s", facts.wall_s},
                {"simulation_cpu_s", facts.cpu_s - facts.setup_cpu_s},
                {"tasks", report.simulation.tasks},
                {"rss_bytes", peak_rss_bytes()}};
  });
}

// Slope of log(CPU time of the simulation, set-up apart) over log(tasks), from 1e5 to 1e7 tasks; 1
// is linear.
double growth_exponent(const std::string& path, const SearchPath& search, json& points) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const int sequences : {48, 160, 512, 1600, 5120}) {
    json best;
    for (int i = 0; i < 3; ++i) {
      const json run = step(
          path, {fmt::format("batch.global_batch={}", sequences), "routing.kind=uniform"}, search);
      if (best.is_null() || run["simulation_cpu_s"] < best["simulation_cpu_s"]) best = run;
    }
    points.push_back(best);
    const double x = std::log(best["tasks"].get<double>()),
                 y = std::log(best["simulation_cpu_s"].get<double>());
    n += 1, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures the simulator: engine overhead, a large all-to-all, the flagship step, growth with "
      "size."};
  std::string format = "table";
  int repeat = 5;
  bool skip_flagship = false;
  app.add_option("--format", format, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.add_option("--repeat", repeat, "Runs of each engine measurement; the best counts")
      ->check(CLI::Range(1, 100));
  app.add_flag("--skip-flagship", skip_flagship, "Leave out the 2,048-device step");
  CLI11_PARSE(app, argc, argv);
  try {
    const std::string scenarios = MOESIM_SOURCE_DIR "/scenarios/";
    const SearchPath search = default_search_path(scenarios);
    json result;
    result["engine_overhead_ratio"] = engine_overhead_ratio(repeat);
    json exchange = all_to_all_1024(search);
    for (int i = 1; i < repeat; ++i) {
      const json again = all_to_all_1024(search);
      if (again["wall_s"] < exchange["wall_s"]) exchange = again;
    }
    result["a2a_1024_wall_s"] = exchange["wall_s"];
    result["a2a_1024_rss_bytes"] = exchange["rss_bytes"];
    if (!skip_flagship) {
      const json flagship = step(scenarios + "deepseek-v3-h800x2048.yaml", {}, search);
      result["flagship_wall_s"] = flagship["wall_s"];
      result["flagship_rss_bytes"] = flagship["rss_bytes"];
      result["flagship_tasks"] = flagship["tasks"];
    }
    json points = json::array();
    result["growth_exponent"] =
        growth_exponent(scenarios + "qwen3-30b-a3b-h100x16.yaml", search, points);
    result["growth_points"] = points;
    if (format == "json") {
      fmt::print("{}\n", result.dump(2));
    } else {
      for (const auto& [key, value] : result.items())
        if (value.is_number()) fmt::print("{:<24} {:.6g}\n", key, value.get<double>());
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
