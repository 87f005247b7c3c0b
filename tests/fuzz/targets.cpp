#include "fuzz/targets.hpp"

#include "base/diagnostics.hpp"
#include "batch/study_file.hpp"
#include "batch/sweep.hpp"
#include "capacity/capacity_file.hpp"
#include "config/fixture.hpp"
#include "foreign/megatron_import.hpp"
#include "measured/collective_table.hpp"
#include "measured/kernel_table.hpp"
#include "measured/measured_table.hpp"
#include "measured/memory_table.hpp"
#include "plan/layout.hpp"
#include "plan/schedule_text.hpp"
#include "report/json.hpp"

namespace moesim {

namespace {

const SearchPath kShipped{{MOESIM_SOURCE_DIR}};

// With the presets of the tree, which the seeds name.
MemoryFiles shipped_and(const std::string& name, const std::string& text) {
  return MemoryFiles({{name, text}}, &disk_files());
}

MemoryFiles file(const std::string& name, const std::string& text) {
  return MemoryFiles(std::map<std::string, std::string>{{name, text}});
}

void read_scenario(const std::string& text) {
  load_scenario("s.yaml", {}, kShipped, shipped_and("s.yaml", text));
}

void read_workload(const std::string& text) {
  load_workload("m.yaml", {}, {}, file("m.yaml", text));
}

void read_huggingface(const std::string& text) {
  load_workload("m.json", {}, {}, file("m.json", text));
}

void read_platform(const std::string& text) {
  load_platform("p.yaml", {"gpus=64"}, kShipped, shipped_and("p.yaml", text));
}

void read_study(const std::string& text) {
  expand(load_study("study.yaml", file("study.yaml", text)));
}

void read_capacity(const std::string& text) {
  CapacityStudy("capacity.yaml", shipped_and("capacity.yaml", text));
}

void read_steps(const std::string& text) { read_measured_table("t.csv", file("t.csv", text)); }
void read_memory(const std::string& text) { read_memory_table("t.csv", file("t.csv", text)); }
void read_kernels(const std::string& text) { read_kernel_table("t.csv", file("t.csv", text)); }
void read_collectives(const std::string& text) {
  const Pod pod;
  for (const MeasuredCollective& row : read_collective_table("t.csv", file("t.csv", text)))
    if (row.gpus <= 16 && row.experts <= 16 && row.tokens <= 512) prepare(pod, row);
}

// One line: a layout, a schedule, a filter of rows, a setting.
void read_words(const std::string& text) {
  const auto attempt = [](const auto& read) {
    try {
      read();
    } catch (const InputError&) {
    } catch (const std::invalid_argument&) {  // of a schedule: its key takes the message over
    }
  };
  attempt([&] { parse_layout(text); });
  attempt([&] { parse_schedule(text); });
  attempt([&] { parse_row_filter(text); });
  attempt([&] { load_text(kScenario, {text}); });
}

void read_launch_script(const std::string& text) {
  MegatronImport input;
  input.launch.path = "launch.sh";
  import_megatron(input, kShipped, shipped_and("launch.sh", text));
}

void read_json_report(const std::string& text) { read_report(text); }

constexpr FuzzTarget kTargets[] = {
    {"scenario", read_scenario, "scenarios", ".yaml"},
    {"workload", read_workload, "workloads", ".yaml"},
    {"huggingface", read_huggingface, "tests/config/huggingface", ".json"},
    {"platform", read_platform, "platforms", ".yaml"},
    {"study", read_study, "scenarios/studies", ".yaml"},
    {"capacity", read_capacity, "scenarios/capacity", ".yaml"},
    {"steps", read_steps, "scenarios/validation/steps.csv", ".csv"},
    {"memory", read_memory, "scenarios/validation/memory.csv", ".csv"},
    {"kernels", read_kernels, "scenarios/validation/kernels.csv", ".csv"},
    {"collectives", read_collectives, "scenarios/validation/collectives.csv", ".csv"},
    {"words", read_words, "tests/fuzz/words", ".txt"},
    {"launch", read_launch_script, "tests/foreign/launches", ".sh"},
    {"report", read_json_report, "tests/golden", ".json"},
};

}  // namespace

std::span<const FuzzTarget> fuzz_targets() { return kTargets; }

}  // namespace moesim
