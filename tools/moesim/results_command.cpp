#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "base/text.hpp"
#include "batch/merge_results.hpp"
#include "batch/results_query.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace moesim {

void add_results_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::string folder, columns, format = "table";
    ResultsQuery query;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("results", "Asks a folder of results: which runs, in which order");
  command->add_option("folder", options->folder, "Folder that run or sweep left")->required();
  command->add_option("--where", options->query.where,
                      "Runs of which it is true, as in 'fits and mfu > 0.3'");
  command->add_option("--sort", options->query.sort,
                      "A figure: times shortest first, others largest first; -FIGURE the other "
                      "way round");
  command->add_option("--columns", options->columns,
                      "Figures and keys, as in name,plan.ep,step_time_s");
  command->add_option("--format", options->format, "table, csv or json")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->capture_default_str();
  command->callback([options, &exit_code] {
    options->query.columns = split(options->columns, ", ");
    const ResultsFormat format = options->format == "csv"    ? ResultsFormat::csv
                                 : options->format == "json" ? ResultsFormat::json
                                                             : ResultsFormat::table;
    fmt::print("{}", results_text(query_results(runs_in(options->folder), options->query), format));
    exit_code = kDone;
  });
}

void add_merge_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::vector<std::string> folders;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("merge", "Puts the results of a study's shards together in one folder");
  command->add_option("folders", options->folders, "Folders that sweep --shard left")->required();
  command->add_option("-o,--out", options->out, "Folder for all of them")->required();
  command->callback([options, &exit_code] {
    check_outputs({{Output::Kind::folder, "--out", options->out}});
    const MergeCounts counts =
        merge_results({options->folders.begin(), options->folders.end()}, options->out);
    fmt::print("{}\n", fold(fmt::format("{} runs merged; results in {}/results.csv", counts.runs,
                                        options->out),
                            0, 2));
    if (!counts.missing.empty())
      spdlog::warn("{} runs of the study are in none of the folders, such as {}",
                   counts.missing.size(), counts.missing.front());
    exit_code = counts.missing.empty() ? kDone : kRunFailed;
  });
}

}  // namespace moesim
