// Scenario files: the front door of a simulation. Takes a file, overrides and places to look for
// presets; gives plain structs that are consistent with each other, and where each value came from.
#pragma once

#include <string>
#include <vector>

#include "cluster/faults.hpp"
#include "cluster/reliability.hpp"
#include "config/framework.hpp"
#include "config/platform.hpp"
#include "config/presets.hpp"
#include "config/reader.hpp"
#include "model/shape.hpp"
#include "plan/plan.hpp"
#include "routing/spec.hpp"

namespace moesim {

struct Scenario {
  std::string name;
  ModelShape workload;
  Platform platform;
  Plan plan;
  RoutingSpec routing;
  Batch batch;
  FaultSpec faults;
  Reliability goodput;
  int runs = 1;  // simulations, each with a seed of its own
};

struct ResolvedScenario {
  Scenario scenario;
  ValueSources sources;  // by dotted key, e.g. "platform.device.sms"
  std::string file;
  AppliedFramework framework;
  std::vector<std::string> notes;  // what a user should know before believing the result
};

// `sets`: "plan.ep=16", "workload=qwen3-30b-a3b", ..., applied in order. Throws InputError holding
// every problem of every file involved, and of values that do not fit together.
ResolvedScenario load_scenario(const std::string& path, const std::vector<std::string>& sets,
                               const SearchPath& search, const Files& files = disk_files());
// The same with the presets beside the file and those that came with the program.
ResolvedScenario load_scenario(const std::string& path, const std::vector<std::string>& sets,
                               const Files& files = disk_files());
// The same, but values need not fit together.
ResolvedScenario load_unchecked_scenario(const std::string& path,
                                         const std::vector<std::string>& sets,
                                         const SearchPath& search,
                                         const Files& files = disk_files());

// A workload, device or platform alone, by preset name or file; `sets` are relative to it
// ("gpus=1024").
ModelShape load_workload(const std::string& name, const std::vector<std::string>& sets,
                         const SearchPath& search, const Files& files = disk_files());
Device load_device(const std::string& name, const std::vector<std::string>& sets,
                   const SearchPath& search, const Files& files = disk_files());
Platform load_platform(const std::string& name, const std::vector<std::string>& sets,
                       const SearchPath& search, const Files& files = disk_files());
// The same where only a pod of GPUs will do; throws InputError for a wafer system.
Pod load_pod(const std::string& name, const std::vector<std::string>& sets,
             const SearchPath& search, const Files& files = disk_files());

// A wafer system in place of a pod.
bool is_wafer_platform(const std::string& name, const SearchPath& search,
                       const Files& files = disk_files());

// YAML that loads back to the same scenario, without any preset; a recorded_file's name is then
// relative to the working directory.
std::string scenario_text(const Scenario& scenario);
// The same and what it reads from other files: changes whenever the scenario does.
std::string input_text(const Scenario& scenario);
// The same with the origin of each value in a comment (`moesim check`).
std::string check_text(const ResolvedScenario& resolved);
// Every key with type, range, default and meaning (`moesim schema`).
std::string schema_text();

}  // namespace moesim
