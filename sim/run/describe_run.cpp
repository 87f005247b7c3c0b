#include "run/describe_run.hpp"

#include "config/setting_writer.hpp"
#include "model/parameters.hpp"

namespace moesim {

void describe_run(StepReport& report, const Scenario& scenario) {
  report.model = {scenario.workload.name, total_parameters(scenario.workload),
                  active_parameters(scenario.workload),
                  report.model_flops_per_step / report.tokens_per_step};
  const SettingTree sections = setting_tree(scenario);
  const auto take = [&](const char* key) {
    SettingTree section = *sections.find(key);
    section.key.clear();
    return section;
  };
  report.platform = take("platform");
  report.plan = take("plan");
  report.batch = take("batch");
  report.routing = take("routing");
  report.workload = take("workload");
}

}  // namespace moesim
