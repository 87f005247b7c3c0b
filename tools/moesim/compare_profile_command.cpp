#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/spelling.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "foreign/kineto_profile.hpp"
#include "metrics/kernel_rows.hpp"
#include "run/run_step.hpp"

namespace moesim {
namespace {

struct Options {
  std::string profile, path, format = "table";
  std::vector<std::string> sets;
  int steps = 0;
};

double& of(ClassSeconds& seconds, ProfileClass c) { return seconds[static_cast<size_t>(c)]; }

ProfileClass class_of_op(const KernelRow& row) {
  const auto is = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), row.op) != names.end();
  };
  if (is({"attention", "linear_attention"})) return ProfileClass::attention;
  if (is({"router", "top_k", "permute", "unpermute"})) return ProfileClass::router_and_permutation;
  if (is({"optimizer"})) return ProfileClass::optimizer;
  return row.efficiency > 0 ? ProfileClass::matrix_products : ProfileClass::other_kernels;
}

// Time without a kernel is what kernels and waits leave of the step: pipeline bubbles, launches
// that kernels wait for, and what contention adds to kernels.
ClassSeconds simulated_classes(const StepReport& report, const std::vector<KernelRow>& rows) {
  ClassSeconds seconds{};
  for (const KernelRow& row : rows) of(seconds, class_of_op(row)) += row.seconds;
  const Breakdown& b = report.breakdown_s;
  of(seconds, ProfileClass::expert_parallel) = b.exposed_ep;
  of(seconds, ProfileClass::tensor_parallel) = b.exposed_tp;
  of(seconds, ProfileClass::context_parallel) = b.exposed_cp;
  of(seconds, ProfileClass::data_parallel) = b.exposed_dp;
  of(seconds, ProfileClass::pipeline) = b.exposed_pp;
  double known = 0;
  for (const double part : seconds) known += part;
  of(seconds, ProfileClass::idle) = report.step_time_s - known;
  return seconds;
}

// Groups that a profile does not name are one class on both sides.
void join_unnamed(ClassSeconds& seconds) {
  for (const ProfileClass c : {ProfileClass::tensor_parallel, ProfileClass::context_parallel,
                               ProfileClass::data_parallel, ProfileClass::pipeline}) {
    of(seconds, ProfileClass::collectives) += of(seconds, c);
    of(seconds, c) = 0;
  }
}

struct Row {
  std::string name;
  double measured, simulated;
  double difference() const { return simulated - measured; }
};

std::vector<Row> rows_of(const ClassSeconds& measured, const ClassSeconds& simulated) {
  std::vector<Row> rows;
  for (size_t c = 0; c < kProfileClassCount; ++c)
    if (measured[c] != 0 || simulated[c] != 0)
      rows.push_back(
          {std::string(spelling(static_cast<ProfileClass>(c))), measured[c], simulated[c]});
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::abs(a.difference()) > std::abs(b.difference());
  });
  return rows;
}

std::string table(const std::vector<Row>& rows, const Row& step) {
  std::string text = fmt::format("{:<41} {:>12} {:>12} {:>12}\n", "milliseconds of a step",
                                 "measured", "simulated", "difference");
  const auto line = [](const Row& row) {
    return fmt::format("{:<41} {:>12.2f} {:>12.2f} {:>+12.2f}\n", row.name, 1e3 * row.measured,
                       1e3 * row.simulated, 1e3 * row.difference());
  };
  for (const Row& row : rows) text += line(row);
  return text + line(step);
}

std::string json(const std::vector<Row>& rows, const Row& step, const KinetoProfile& profile) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Row& row : rows)
    list.push_back(
        {{"class", row.name}, {"measured_s", row.measured}, {"simulated_s", row.simulated}});
  const Json all = {{"measured_step_s", step.measured},
                    {"simulated_step_s", step.simulated},
                    {"steps", profile.steps},
                    {"kernels_per_step", profile.kernels},
                    {"classes", list}};
  return all.dump(2) + "\n";
}

void compare(const Options& options) {
  const ResolvedScenario resolved = load_scenario(options.path, options.sets);
  if (resolved.scenario.platform.is_wafer_system())
    throw InputError(fmt::format("{}: profiles are of GPUs", options.path));
  const KinetoProfile profile = read_kineto(options.profile, options.steps);
  if (profile.steps == 0)
    spdlog::warn("{} marks no steps and is taken as one; otherwise --steps N", options.profile);
  if (profile.devices > 1)
    spdlog::warn("{} has {} devices, of which the first is read", options.profile, profile.devices);
  RunOptions run;
  run.version = MOESIM_VERSION;
  const RunResult result = run_step(resolved.scenario, run);
  ClassSeconds measured = profile.seconds;
  ClassSeconds simulated = simulated_classes(result.report, kernel_rows(result.lowered->program()));
  if (of(measured, ProfileClass::collectives) > 0) {
    join_unnamed(measured);
    join_unnamed(simulated);
  }
  const std::vector<Row> rows = rows_of(measured, simulated);
  const Row step = {"step", profile.step_s, result.report.step_time_s};
  fmt::print("{}", options.format == "json" ? json(rows, step, profile) : table(rows, step));
}

}  // namespace

void add_compare_profile_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "compare-profile", "Lays a profile of PyTorch beside a simulated step, by class of kernel");
  auto options = std::make_shared<Options>();
  command
      ->add_option("profile", options->profile,
                   "Kineto trace of one rank, as torch.profiler writes it: .json or .json.gz")
      ->required();
  command->add_option("scenario", options->path, "Scenario file")->required();
  command->add_option("--set", options->sets, "Override a key, as in plan.ep=16; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--steps", options->steps,
                   "Steps in the profile, where it has no ProfilerStep marks")
      ->check(CLI::Range(1, 10'000));
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    compare(*options);
    exit_code = kDone;
  });
}

}  // namespace moesim
