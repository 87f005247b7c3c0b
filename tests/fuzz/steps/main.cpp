// Simulates scenarios drawn at random, with further keys set to anything that their types allow,
// and holds the invariants of every run (run/invariants.hpp):
//   random_steps [--runs N] [--seed N] [--jobs N] [--out FOLDER]
// What a reader accepts must end with a result, or with a reason. What does not (a crash, an
// internal error, a figure that cannot be) is made smaller while it still fails, written to the
// folder as a scenario, and ends the program with exit code 1.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "batch/process_pool.hpp"
#include "config/key_table.hpp"
#include "config/visit.hpp"
#include "fixtures/random_scenario.hpp"
#include "run/run_step.hpp"

namespace moesim {
namespace {

constexpr double kMostMemory = 2e9;
constexpr double kTimeout = 30;  // s; longer is slow, not wrong

const SearchPath kShipped{{MOESIM_SOURCE_DIR}};

struct Candidate {
  std::string text;
  std::vector<std::string> sets;
};

std::optional<Scenario> read(const Candidate& candidate) {
  try {
    const MemoryFiles files({{"random.yaml", candidate.text}}, &disk_files());
    return load_scenario("random.yaml", candidate.sets, kShipped, files).scenario;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

class Draw {
 public:
  explicit Draw(uint64_t seed) : seed_(seed), random_(seed, {7}) {}

  Candidate candidate() {
    Scenario scenario = ScenarioDraw(seed_).draw();
    Candidate drawn{scenario_text(scenario), {}};
    KeyTable keys;
    keys.collect(std::move(scenario));
    std::vector<const std::pair<const std::string, KeyEntry>*> entries;
    for (const auto& entry : keys.entries())
      if (!entry.second.is_list && entry.second.type != KeyEntry::Type::text)
        entries.push_back(&entry);
    for (size_t left = 1 + below(5); left > 0; --left) {
      const auto& [key, entry] = *entries[below(entries.size())];
      drawn.sets.push_back(key + "=" + value_of(entry));
    }
    return drawn;
  }

 private:
  size_t below(size_t end) {
    return std::min(end - 1, static_cast<size_t>(random_.uniform() * static_cast<double>(end)));
  }

  std::string value_of(const KeyEntry& entry) {
    switch (entry.type) {
      case KeyEntry::Type::flag:
        return random_.uniform() < 0.5 ? "true" : "false";
      case KeyEntry::Type::choice:
        return entry.field.choices[below(entry.field.choices.size())];
      default:
        break;
    }
    const double present = entry.values.empty() ? 0 : std::get<double>(entry.values[0]);
    const double low = std::max(entry.field.range.low, 0.0);
    const double high = std::min(entry.field.range.high, 1e18);
    double value = present * std::pow(2, std::round(3 * random_.normal()));
    // Anywhere in the range, by orders of magnitude.
    if (present == 0 || random_.uniform() < 0.3) {
      const double first = std::log(std::max(low, 1e-9)), last = std::log(std::max(high, 1e-9));
      value = std::exp(first + random_.uniform() * (last - first));
    }
    value = std::clamp(value, low, high);
    return entry.type == KeyEntry::Type::integer ? fmt::format("{:.0f}", value)
                                                 : fmt::format("{:.6g}", value);
  }

  uint64_t seed_;
  Random random_;
};

Job job_of(const Scenario& scenario) {
  return {"step", [scenario] {
            RunOptions options;
            options.most_memory_bytes = kMostMemory;
            run_step(scenario, options);
            return std::string();
          }};
}

// Empty: as it should be.
std::string fault_of(const Outcome& outcome) {
  if (outcome.status == Outcome::Status::crashed) return outcome.message + "\n" + outcome.log;
  if (outcome.status != Outcome::Status::failed) return "";
  for (const char* word : {"cannot be right", "bad_alloc", "internal error"})
    if (outcome.message.find(word) != std::string::npos) return outcome.message;
  return "";
}

std::string fault_of(const Candidate& candidate) {
  const std::optional<Scenario> scenario = read(candidate);
  if (!scenario) return "";
  return fault_of(run_jobs({job_of(*scenario)}, {.jobs = 1, .timeout_s = kTimeout}).outcomes[0]);
}

// Leaves out settings one by one while the fault stays.
Candidate shrunk(Candidate failing) {
  for (size_t i = 0; i < failing.sets.size();) {
    Candidate smaller = failing;
    smaller.sets.erase(smaller.sets.begin() + static_cast<std::ptrdiff_t>(i));
    if (fault_of(smaller).empty())
      ++i;
    else
      failing = std::move(smaller);
  }
  return failing;
}

void report(uint64_t seed, const Candidate& failing, const std::string& fault,
            const std::string& folder) {
  const Candidate small = shrunk(failing);
  const std::string path = fmt::format("{}/random-step-{}.yaml", folder, seed);
  std::ofstream file(path);
  file << "# seed " << seed << "; fails with:\n";
  for (const std::string& set : small.sets) file << "#   --set " << set << "\n";
  file << small.text;
  fmt::print(stderr, "seed {}: {}\n  {}\n  --set {}\n", seed, fault, path,
             fmt::join(small.sets, " --set "));
}

struct Options {
  uint64_t runs = 200, seed = 1;
  int jobs = 2;
  std::string out = ".";
};

int run(const Options& options) {
  size_t refused = 0, failed = 0, slow = 0, done = 0, given_up = 0;
  constexpr uint64_t kAtOnce = 50;
  for (uint64_t first = 0; first < options.runs; first += kAtOnce) {
    std::vector<Candidate> candidates;
    std::vector<uint64_t> seeds;
    std::vector<Job> jobs;
    for (uint64_t i = first; i < std::min(options.runs, first + kAtOnce); ++i) {
      const Candidate candidate = Draw(options.seed + i).candidate();
      const std::optional<Scenario> scenario = read(candidate);
      if (!scenario) {
        ++refused;
        continue;
      }
      candidates.push_back(candidate);
      seeds.push_back(options.seed + i);
      jobs.push_back(job_of(*scenario));
    }
    const PoolResult result = run_jobs(jobs, {.jobs = options.jobs, .timeout_s = kTimeout});
    if (result.interrupted) return 130;
    for (size_t i = 0; i < jobs.size(); ++i) {
      const Outcome& outcome = result.outcomes[i];
      done += outcome.status == Outcome::Status::done;
      slow += outcome.status == Outcome::Status::timed_out;
      const std::string fault = fault_of(outcome);
      given_up += outcome.status == Outcome::Status::failed && fault.empty();
      if (fault.empty()) continue;
      ++failed;
      report(seeds[i], candidates[i], fault, options.out);
    }
  }
  fmt::print(
      "{} drawn: {} refused by the reader, {} simulated, {} ended with a reason, {} slow, {} "
      "wrong\n",
      options.runs, refused, done, given_up, slow, failed);
  return failed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace moesim

int main(int argc, char** argv) {
  moesim::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    if (word == "--runs") options.runs = std::strtoull(argv[i + 1], nullptr, 10);
    if (word == "--seed") options.seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (word == "--jobs") options.jobs = std::atoi(argv[i + 1]);
    if (word == "--out") options.out = argv[i + 1];
  }
  return moesim::run(options);
}
