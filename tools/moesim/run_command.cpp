#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "study/run_step.hpp"
namespace moesim {
void add_run_command(CLI::App& app, int& exit_code) {
  auto* run = app.add_subcommand("run", "run");
  auto file = std::make_shared<std::string>();
  auto sets = std::make_shared<std::vector<std::string>>();
  run->add_option("scenario", *file)->required();
  run->add_option("--set", *sets)->allow_extra_args(false);
  run->callback([=, &exit_code] {
    auto r = load_scenario(*file, *sets, default_search_path(std::filesystem::path(*file).parent_path()));
    auto result = run_step(r.scenario, {});
    const StepReport& p = result.report;
    const Breakdown& b = p.breakdown_s;
    fmt::print("step {:.4f} s, bound {:.4f} by {}, {:.1f} TFLOPS/gpu, mfu {:.3f}, overload {:.3f}\n", p.step_time_s,
               p.lower_bound_s, p.lower_bound_by, p.tflops_per_device, p.mfu, p.overload_factor);
    fmt::print(
        "compute {:.3f} ep {:.3f} tp {:.3f} cp {:.3f} dp {:.3f} pp {:.3f} bubble {:.3f} opt {:.3f} total {:.4f}\n",
        b.compute, b.exposed_ep, b.exposed_tp, b.exposed_cp, b.exposed_dp, b.exposed_pp, b.bubble, b.optimizer,
        b.total());
    for (auto& m : p.memory)
      fmt::print("stage {} total {:.1f} GB act {:.1f} of {:.0f}\n", m.stage, m.total_bytes / 1e9,
                 m.activations_bytes / 1e9, m.capacity_bytes / 1e9);
    for (size_t i = 0; i < 14 && i < p.critical_path.size(); ++i)
      fmt::print("  {} {} {} {:.4f} x{}\n", p.critical_path[i].op, p.critical_path[i].kind, p.critical_path[i].link,
                 p.critical_path[i].seconds, p.critical_path[i].count);
    const auto& s = p.simulation;
    fmt::print("wall {:.2f} tasks {} activities {} flows {} timers {} transfers {} contended {} rss {} MB folded {}\n",
               s.wall_s, s.tasks, s.activities, s.flows, s.timers, s.transfers, s.contended_transfers,
               s.peak_rss_bytes / 1000000, s.folded);
    exit_code = 0;
  });
}
}  // namespace moesim
