#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "commands.hpp"
#include "config/scenario.hpp"
#include "config/units.hpp"
#include "lower/collectives.hpp"
#include "run/run_collective.hpp"

namespace moesim {

namespace {
struct Options {
  CollectiveRequest request;
  std::string platform, bytes, format = "table";
  std::vector<std::string> sets;
};

template <class Enum>
std::map<std::string, Enum> spellings() {
  std::map<std::string, Enum> names;
  for (const auto& spelled : enum_names(Enum{})) names[spelled.name] = spelled.value;
  return names;
}

constexpr double kMostBytes = 1e15;

int run(Options& options) {
  std::string error;
  const auto bytes = parse_quantity(options.bytes, Unit::bytes, error);
  if (!bytes) throw InputError("--bytes: " + error);
  if (!(*bytes > 0 && *bytes <= kMostBytes))
    throw InputError(fmt::format("--bytes: must be above 0 and at most {:.0e}, got {}", kMostBytes,
                                 options.bytes));
  options.request.bytes = *bytes;
  std::vector<std::string> sets = options.sets;
  sets.push_back("gpus=" + std::to_string(options.request.gpus));
  const Pod pod = load_pod(options.platform, sets, default_search_path("."));
  const CollectiveReport report = run_collective(pod, options.request);
  fmt::print("{}", options.format == "json" ? collective_json(report) : collective_table(report));
  return kDone;
}
}  // namespace

void add_collective_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("collective", "Simulates one collective alone on a platform");
  CollectiveRequest& request = options->request;
  command->add_option("collective", request.collective, join_or(enum_spellings<CollectiveKind>()))
      ->required();
  command->add_option("--platform", options->platform, "Preset (moesim list platforms) or file")
      ->required();
  command->add_option("--gpus", request.gpus, "Devices that take part")->required();
  command
      ->add_option("--bytes", options->bytes,
                   "Size, as in 64MB: all-to-all, what each device sends (its own share included); "
                   "else the buffer")
      ->required();
  command
      ->add_option("--form", request.form,
                   join_or(enum_spellings<CollectiveAlgorithm>()) + "; default: auto")
      ->transform(CLI::CheckedTransformer(spellings<CollectiveAlgorithm>()).description(""));
  auto transports = spellings<Transport>();
  transports.erase(spelling(Transport::uncontended));  // needs a whole step to leave out
  command->add_option("--transport", request.transport, "flows (default) or adaptive")
      ->transform(CLI::CheckedTransformer(transports).description(""));
  command
      ->add_option("--skew", request.skew,
                   "All-to-all: log-normal sigma of the destinations' popularity")
      ->check(CLI::Range(0.0, 5.0));
  command->add_option("--seed", request.seed, "Of the skew");
  command->add_option("--set", options->sets, "Override a platform key, as in oversubscription=4")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "table (default) or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace moesim
