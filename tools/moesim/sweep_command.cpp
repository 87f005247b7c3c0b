#include <CLI/CLI.hpp>
#include <memory>

#include "batch/study_file.hpp"
#include "batch/study_filter.hpp"
#include "commands.hpp"
#include "run_options.hpp"

namespace moesim {

void add_sweep_command(CLI::App& app, int& exit_code) {
  struct Options {
    std::string study, shard;
    std::vector<std::string> sets;
    SimulateOptions simulate;
    BatchRunOptions batch;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("sweep", "Runs a study: a base scenario and a grid over any of its keys");
  command->add_option("study", options->study, "Study file")->required();
  command
      ->add_option("--set", options->sets,
                   "Override a key of the base scenario; what the study sets comes after it")
      ->allow_extra_args(false);
  command->add_option("--seed", options->simulate.seed, "Seed of everything drawn at random")
      ->capture_default_str();
  add_batch_options(*command, options->batch);
  command->add_option("--out", options->batch.out, "Folder for the results")->capture_default_str();
  command->add_option("--shard", options->shard,
                      "A part of the runs, as in 3/16: every sixteenth from the third on; moesim "
                      "merge puts the folders together");
  command->callback([options, &exit_code] {
    const Study study = load_study(options->study);
    std::vector<StudyRun> runs = expand(study);
    for (StudyRun& run : runs)
      run.sets.insert(run.sets.begin(), options->sets.begin(), options->sets.end());
    runs = runs_where(study.where, options->study, std::move(runs));
    options->batch.base = study.base;
    for (const StudyRun& run : runs) options->batch.order.push_back(run.name);
    if (!options->shard.empty()) runs = shard_of(options->shard, runs);
    exit_code = run_all(runs, options->sets, options->simulate, options->batch);
  });
}

}  // namespace moesim
