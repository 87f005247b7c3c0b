#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/diagnostics.hpp"
#include "batch/sweep.hpp"
#include "commands.hpp"
#include "logging.hpp"
#include "measured/memory_validation.hpp"
#include "measured/microbenchmarks.hpp"
#include "measured/validate.hpp"
#include "measured/validate_output.hpp"
#include "measured/validate_report.hpp"
#include "outputs.hpp"
#include "run_options.hpp"

namespace moesim {

namespace {

struct Options {
  ValidateOptions validate;
  BatchRunOptions batch;
  std::string where, format = "table", report;
};

// The version and the program itself: results of another build are simulated again.
std::string build_identity() {
  std::ifstream program("/proc/self/exe", std::ios::binary);
  std::ostringstream bytes;
  bytes << program.rdbuf();
  return fmt::format("{}-{}", MOESIM_VERSION, fingerprint(bytes.str(), {}, ""));
}

std::function<void(const Progress&)> progress_printer(ProgressLine& line) {
  return [&line](const Progress& progress) { line.show(to_string(progress)); };
}

// Kernels and collectives are compared at once, without simulations.
int run_microbenchmarks(const Options& options, TableKind kind) {
  const std::string& platform = options.validate.platform;
  for (const std::string& table : options.validate.tables) {
    if (kind_of_table(table) != kind)
      throw InputError(table + ": tables of different kinds in one command");
    const SearchPath search =
        default_search_path(std::filesystem::path(table).parent_path().string());
    std::vector<MicrobenchmarkClass> classes, by_size;
    if (kind == TableKind::kernels) {
      const std::vector<MeasuredKernel> rows = read_kernel_table(table);
      classes = validate_kernels(rows, platform, search);
      by_size = validate_kernels_by_size(rows, platform, search);
    } else {
      classes = validate_collectives(read_collective_table(table), platform, search);
    }
    if (options.format == "json") {
      fmt::print("{}", microbenchmark_json(classes, by_size));
      continue;
    }
    fmt::print("{}", microbenchmark_table(classes));
    if (!by_size.empty()) fmt::print("\n{}", microbenchmark_table(by_size));
  }
  return kDone;
}

// Memory is predicted without simulations too.
int run_memory(const Options& options) {
  for (const std::string& table : options.validate.tables)
    if (kind_of_table(table) != TableKind::memory)
      throw InputError(table + ": tables of different kinds in one command");
  const std::string folder =
      std::filesystem::path(options.validate.tables.front()).parent_path().string();
  const MemoryValidation validation =
      validate_memory(options.validate.tables, options.validate.platform, options.validate.sets,
                      default_search_path(folder));
  fmt::print("{}", options.format == "json" ? memory_validation_json(validation)
                                            : memory_validation_table(validation));
  return kDone;
}

int run(Options& options) {
  const TableKind kind = kind_of_table(options.validate.tables.front());
  if (kind == TableKind::memory) return run_memory(options);
  if (kind != TableKind::steps) {
    for (const auto& [given, option] :
         {std::pair(!options.where.empty(), "--where"),
          std::pair(options.validate.limit > 0, "--limit"),
          std::pair(!options.validate.sets.empty(), "--set"),
          std::pair(!options.report.empty(), "--report"),
          std::pair(!options.validate.scenarios_folder.empty(), "--scenarios")})
      if (given)
        throw InputError(fmt::format(
            "{} is for tables of training steps, not of kernels or collectives", option));
    return run_microbenchmarks(options, kind);
  }
  check_outputs({{Output::Kind::folder, "--out", options.batch.out},
                 {Output::Kind::folder, "--scenarios", options.validate.scenarios_folder},
                 {Output::Kind::file, "--report", options.report}});
  ProgressLine line;
  ValidateOptions& validate_options = options.validate;
  validate_options.where = parse_row_filter(options.where);
  validate_options.batch.out_folder = options.batch.out;
  validate_options.batch.version = build_identity();
  validate_options.batch.pool.jobs = options.batch.jobs;
  validate_options.batch.pool.timeout_s = options.batch.timeout_s;
  validate_options.batch.pool.on_progress = progress_printer(line);
  const std::string folder =
      std::filesystem::path(validate_options.tables[0]).parent_path().string();
  const Validation validation = validate(validate_options, default_search_path(folder));
  line.clear();
  if (validation.rows.empty() && !options.where.empty()) {
    spdlog::error("no row has {}", options.where);
    return kBadInput;
  }
  for (const std::string& warning : validation.warnings) spdlog::warn("{}", warning);
  fmt::print("{}",
             options.format == "json" ? validation_json(validation) : validation_table(validation));
  if (validation.interrupted) {
    spdlog::info("interrupted; the same command goes on from here");
    return kInterrupted;
  }
  const bool none = errors_of(validation.rows).empty();
  if (none) spdlog::error("none of the {} rows can be predicted", validation.rows.size());
  if (!options.report.empty() && !none) {
    write_validation_report(validation, options.report, default_search_path(folder));
    spdlog::info("report written to {}", options.report);
  }
  spdlog::info("{} rows, {} simulations, {:.1f} s", validation.rows.size(), validation.simulations,
               validation.wall_s);
  return none ? kRunFailed : kDone;
}

}  // namespace

void add_validate_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  options->batch.jobs = 2;
  options->batch.out = "results/validation";
  auto* command = app.add_subcommand(
      "validate",
      "Predicts every row of tables of measured steps, kernels or collectives; prints the errors");
  command
      ->add_option(
          "table", options->validate.tables,
          "CSV files with the columns of docs/formats/tables.md: training steps, or kernels, or "
          "collectives")
      ->required();
  command->add_option("--where", options->where,
                      "Rows to keep, as in gpu=h100-sxm|h800-sxm,model=mixtral-8x22b");
  command->add_option("--limit", options->validate.limit, "Keep at most this many rows; 0: all");
  command->add_option("--platform", options->validate.platform,
                      "Preset or file to simulate on, whatever the gpu column says");
  command->add_option("--set", options->validate.sets,
                      "Override a key of every row's scenario; may be repeated");
  command->add_option(
      "--scenarios", options->validate.scenarios_folder,
      "Write every row's scenario into this folder, to run, trace or explain it alone");
  command->add_option("--seed", options->validate.seed, "Seed of everything drawn at random")
      ->capture_default_str();
  add_batch_options(*command, options->batch);
  command
      ->add_option("--out", options->batch.out,
                   "Folder for the results; what it holds already is not run again")
      ->capture_default_str();
  command->add_option("--format", options->format, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->add_option("--report", options->report,
                      "Write a Markdown report here, and its plot beside it");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
