#include "foreign/megatron_import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <set>

#include "base/text.hpp"
#include "config/scenario.hpp"
#include "foreign/argument_table.hpp"
#include "foreign/marked_text.hpp"
#include "foreign/megatron_reader.hpp"

namespace moesim {
namespace {

// Rows of the table that one argument alone decides.
void import_plain_keys(MegatronReader& reader, const Launch& launch) {
  for (const ArgumentRow& row : argument_rows()) {
    if (row.kind != ArgumentKind::value && row.kind != ArgumentKind::set) continue;
    const LaunchArgument* given = nullptr;
    for (const std::string& name : row.names)
      if (!given) given = launch.find(name);
    const std::string without = fmt::format("without --{}", row.names[0]);
    if (!given) {
      if (!row.absent.empty()) reader.out().state(row.key, row.absent, without);
      for (const std::string& pair : row.absent_too) {
        const size_t equals = pair.find('=');
        reader.out().state(pair.substr(0, equals), pair.substr(equals + 1), without);
      }
      continue;
    }
    if (row.kind == ArgumentKind::set) {
      if (!row.gives.empty()) reader.out().state(row.key, row.gives, MegatronReader::from(*given));
      continue;
    }
    const MegatronReader::Names name = {given->name.c_str()};
    if (row.words.empty()) {
      if (const auto value = reader.integer(name)) reader.state(row.key, *value, name);
      continue;
    }
    const std::string word = reader.text(name), ours = row.translated(word);
    if (ours.empty() && !word.empty())
      reader.not_modelled(*given,
                          fmt::format("{} stays as the simulator's default has it", row.key));
    else if (!ours.empty())
      reader.out().state(row.key, ours, MegatronReader::from(*given));
  }
}

// A launcher's count; 0 where it is not said, or only the machine knows it.
long long count_of(const Launch& launch, std::initializer_list<const char*> names,
                   const LaunchArgument** from) {
  for (const char* name : names) {
    const LaunchArgument* argument = launch.find(name);
    if (!argument || argument->values.empty()) continue;
    std::string text = argument->values[0];
    if (const size_t colon = text.rfind(':'); colon != std::string::npos) text.erase(0, colon + 1);
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 1 || value > 1'000'000) continue;
    *from = argument;
    return value;
  }
  return 0;
}

struct Devices {
  long long count = 0;
  std::string from;
  long long per_node = 0, nodes = 0;  // as the launch says; 0: it does not
};

Devices count_devices(MegatronReader& reader, const MegatronImport& input, int platform_node) {
  const Launch& launch = reader.launch();
  const LaunchArgument *node_from = nullptr, *nodes_from = nullptr;
  Devices devices;
  devices.per_node =
      count_of(launch, {"nproc-per-node", "ntasks-per-node", "gpus-per-node", "gres"}, &node_from);
  devices.nodes = count_of(launch, {"nnodes", "nodes"}, &nodes_from);
  if (input.gpus > 0) return {input.gpus, "--gpus", devices.per_node, devices.nodes};
  const auto key = [&](const char* name) { return std::max(1LL, reader.out().integer(name, 1)); };
  const long long fewest =
      std::lcm(key("plan.tp") * key("plan.cp"), key("plan.etp") * key("plan.ep")) * key("plan.pp");
  if (fewest > 1'000'000) {
    reader.fail(fmt::format("the mapping needs {} devices", fewest));
    return devices;
  }
  if (devices.nodes > 0) {
    const long long node = devices.per_node > 0 ? devices.per_node : platform_node;
    devices.count = node * devices.nodes;
    devices.from = MegatronReader::from(*nodes_from);
    if (node_from)
      devices.from += " x " + MegatronReader::from(*node_from);
    else
      reader.assume(
          fmt::format("{} devices in each of the {} nodes, which the launch leaves to the machine",
                      node, devices.nodes));
    if (devices.count % fewest == 0) return devices;
    reader.assume(
        fmt::format("{} devices, the fewest that hold its mapping: the launch itself says {} "
                    "({}), which do not; otherwise --gpus N",
                    fewest, devices.count, devices.from));
  } else {
    reader.assume(
        fmt::format("{} devices, the fewest that hold its mapping: the launch does not say how "
                    "many; otherwise --gpus N or --var NNODES=N",
                    fewest));
  }
  devices.count = fewest;
  devices.from = "the fewest that hold the mapping";
  devices.nodes = 0;
  return devices;
}

void import_machine(MegatronReader& reader, const MegatronImport& input, const SearchPath& search,
                    const Files& files) {
  const LaunchKey* carried = reader.launch().find_key("platform.base");
  const std::string name = !input.platform.empty() ? input.platform
                           : carried               ? carried->value
                                                   : kAssumedPlatform;
  const Pod pod = load_pod(name, {"gpus=1"}, search, files);
  const Devices devices = count_devices(reader, input, pod.gpus_per_node);
  if (devices.count == 0) return;
  const bool assumed = input.platform.empty() && !carried;
  if (assumed)
    reader.assume(
        fmt::format("the platform {}: a launch does not name the machine; otherwise "
                    "--platform NAME",
                    name));
  reader.out().state_text("platform.base", name,
                          assumed ? "ASSUMED; --platform says another" : "--platform");
  reader.out().state("platform.gpus", std::to_string(devices.count), devices.from);
  // Nodes smaller than the platform's, and parts of a rack where a whole one does not divide.
  long long node = pod.gpus_per_node;
  if (devices.per_node > 0 && devices.nodes > 1 && devices.per_node < node && node <= 8)
    node = devices.per_node;
  if (devices.count > node)
    while (devices.count % node != 0) --node;
  if (node != pod.gpus_per_node && devices.count > node)
    reader.out().state("platform.gpus_per_node", std::to_string(node),
                       "equal parts of an NVLink domain");
}

void import_batch(MegatronReader& reader) {
  const MegatronReader::Names names = {"global-batch-size"};
  if (!reader.out().find("batch.micro_batch"))
    reader.out().state("batch.micro_batch", "1", "without --micro-batch-size");
  if (const auto stated = reader.integer(names))
    return reader.state("batch.global_batch", *stated, names);
  const auto key = [&](const char* name) { return std::max(1LL, reader.out().integer(name, 1)); };
  const long long cell = key("plan.tp") * key("plan.cp") * key("plan.pp");
  const long long replicas = std::max(1LL, key("platform.gpus") / cell);
  reader.out().state("batch.global_batch", std::to_string(key("batch.micro_batch") * replicas),
                     "one microbatch of each replica, without --global-batch-size");
}

// A launch of our own export says more than its arguments do.
void import_carried_keys(MegatronReader& reader, const MegatronImport& input, Problems& problems) {
  for (const LaunchKey& key : reader.launch().keys) {
    if (!is_imported_section(key.key.substr(0, key.key.find('.')))) {
      problems.add(key.place, "", quote(key.key) + " is no key of a section of a scenario");
      continue;
    }
    // Another platform has numbers of its own.
    const bool of_platform = key.key.starts_with("platform.");
    if (of_platform && !input.platform.empty()) continue;
    reader.out().state(key.key, key.value, fmt::format("#moesim, line {}", key.place.line));
  }
}

// Every argument once, by what the table knows of it.
void sort_arguments(const Launch& launch, ImportedScenario& out) {
  std::set<std::string> seen;
  for (auto at = launch.arguments.rbegin(); at != launch.arguments.rend(); ++at) {
    const LaunchArgument& argument = *at;
    if (!seen.insert(argument.name).second) continue;
    const ArgumentRow* row = find_argument(argument.name);
    if (!row) {
      out.unknown.push_back(MegatronReader::from(argument));
    } else if (row->kind == ArgumentKind::none ||
               (argument.name == "spec" && out.find("workload.mixers"))) {
      out.no_effect.push_back("--" + argument.name);
    } else {
      ++out.shaping;
      out.mapped += row->is_mapped();
      if (!row->is_mapped())
        out.not_modelled.push_back(
            fmt::format("{}: {}", MegatronReader::from(argument), row->note));
    }
  }
  std::reverse(out.unknown.begin(), out.unknown.end());
  std::reverse(out.no_effect.begin(), out.no_effect.end());
}

}  // namespace

ImportedScenario import_megatron(const MegatronImport& input, const SearchPath& search,
                                 const Files& files) {
  const Launch launch = read_launch(input.launch, files);
  ImportedScenario out;
  const std::filesystem::path path(input.launch.path);
  out.name = path.stem().string();
  out.title = fmt::format("{}, by moesim import megatron", path.filename().string());
  Problems problems;
  MegatronReader reader(launch, out, problems);
  out.state_text("plan.framework", input.framework, "the arguments are Megatron-LM's");
  import_plain_keys(reader, launch);
  import_model(reader);
  import_experts(reader);
  import_mapping(reader);
  import_numerics(reader);
  import_kernels(reader);
  if (problems.empty()) import_machine(reader, input, search, files);
  import_batch(reader);
  out.state_text("workload.name", out.name, "the file's name");
  import_carried_keys(reader, input, problems);
  if (!problems.empty()) throw InputError(problems);
  sort_arguments(launch, out);
  out.notes.insert(out.notes.end(), launch.notes.begin(), launch.notes.end());
  return out;
}

}  // namespace moesim
