#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <set>

#include "base/diagnostics.hpp"
#include "commands.hpp"
#include "config/presets.hpp"
#include "config/scenario.hpp"
#include "measured/calibrate.hpp"
#include "outputs.hpp"

namespace moesim {

namespace {

struct Options {
  std::vector<std::string> kernels, collectives;
  std::string base = "h100-sxm", out;
};

// Each file once, whatever option named it.
std::vector<std::string> distinct(std::vector<std::string> files) {
  std::set<std::string> seen;
  std::erase_if(files, [&](const std::string& file) { return !seen.insert(file).second; });
  return files;
}

int run(Options& options) {
  options.kernels = distinct(std::move(options.kernels));
  options.collectives = distinct(std::move(options.collectives));
  if (options.kernels.empty() && options.collectives.empty())
    throw InputError(
        "nothing to calibrate from: give --gemm, --grouped-gemm, --attention, --memory or "
        "--alltoall");
  check_outputs({{Output::Kind::file, "--out", options.out}});
  const Pod base = load_pod(options.base, {"gpus=8"}, default_search_path("."));
  std::vector<MeasuredKernel> kernels;
  std::vector<MeasuredCollective> collectives;
  for (const std::string& table : options.kernels)
    for (MeasuredKernel& row : read_kernel_table(table)) kernels.push_back(std::move(row));
  for (const std::string& table : options.collectives)
    for (MeasuredCollective& row : read_collective_table(table))
      collectives.push_back(std::move(row));
  const Calibration calibration = calibrate(base, kernels, collectives);
  std::vector<std::string> tables = options.kernels;
  tables.insert(tables.end(), options.collectives.begin(), options.collectives.end());
  if (calibration.constants.empty())
    throw InputError(fmt::format("{}: {} rows are not enough for any constant{}{}",
                                 fmt::join(tables, ", "), kernels.size() + collectives.size(),
                                 calibration.left_out.empty() ? "" : ": ",
                                 fmt::join(calibration.left_out, "; ")));
  fmt::print("{}", calibration_table(calibration));
  if (options.out.empty()) return kDone;
  std::ofstream file(options.out, std::ios::binary);
  file << calibration_yaml(calibration, options.base, tables);
  if (!file.flush()) throw RunError(options.out + ": cannot be written");
  spdlog::info("{} written; use it as `platform: {{base: {}, gpus: ...}}`", options.out,
               options.out);
  return kDone;
}

}  // namespace

void add_calibrate_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "calibrate", "Fits constants of a device and its fabric to your own microbenchmarks");
  command->add_option(
      "--gemm,--grouped-gemm,--attention,--memory", options->kernels,
      "CSV files of kernels of any class, columns in docs/formats/tables.md; may be repeated");
  command->add_option(
      "--alltoall,--collective", options->collectives,
      "CSV files of collectives, columns in docs/formats/tables.md; may be repeated");
  command
      ->add_option("--base", options->base,
                   "Preset or file that holds everything that is not fitted")
      ->capture_default_str();
  command->add_option("-o,--out", options->out, "Platform file to write");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
