#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "metrics/summarize.hpp"

namespace moesim {

namespace {

// Exclusive device seconds of each rank's compute tasks.
std::vector<double> work_by_rank(const Program& program, const Execution& execution) {
  std::vector<double> work(program.simulated_ranks, 0.0);
  const Record& record = execution.record;
  for (size_t row = 0; row < record.rows(); ++row) {
    const Block& block = program.blocks[record.block[row]];
    const Task& task = program.templates[block.graph].tasks[record.task[row]];
    if (task.kind == TaskKind::compute) work[block.first_rank + task.rank] += record.nominal_s[row];
  }
  return work;
}

}  // namespace

std::vector<ResourceUse> resource_use(const Program& program, const Fabric& fabric,
                                      const Execution& execution, size_t most_of_a_kind) {
  std::vector<ResourceUse> uses;
  const double step = execution.makespan_s;
  if (step <= 0) return uses;
  const std::vector<double> work = work_by_rank(program, execution);
  for (size_t rank = 0; rank < work.size(); ++rank) {
    const RankPlace& place = fabric.ranks[rank];
    if (place.name.empty())
      uses.push_back({fmt::format("node{}.gpu{}.compute", place.node, place.gpu), "compute",
                      work[rank] / step, 0});
    else if (work[rank] > 0)
      uses.push_back({place.name + ".compute", place.name == "memoryx" ? "optimizer" : "compute",
                      work[rank] / step, 0});
  }
  for (size_t link = 0; link < fabric.links.size(); ++link) {
    const double bytes = execution.link_bytes[link];
    if (bytes <= 0) continue;
    uses.push_back({fabric.links[link].name, names(fabric.links[link].link_class).kind,
                    bytes / fabric.links[link].bytes_per_s / step, bytes});
  }
  std::stable_sort(uses.begin(), uses.end(), [](const ResourceUse& a, const ResourceUse& b) {
    return a.busy_fraction > b.busy_fraction;
  });
  std::map<std::string, size_t> kept;
  std::erase_if(uses, [&](const ResourceUse& use) { return ++kept[use.kind] > most_of_a_kind; });
  return uses;
}

LowerBound lower_bound(const Program& program, const Fabric& fabric, const Execution& execution,
                       double contention_free_s) {
  LowerBound bound{contention_free_s, "dependencies"};
  // Nominal durations are recorded in 24 bits; rounded up, they must not lift the bound above the
  // step.
  constexpr double kRecordRounding = 1 - 1e-7;
  for (const double work_s : work_by_rank(program, execution))
    if (work_s * kRecordRounding > bound.seconds) bound = {work_s * kRecordRounding, "device work"};
  for (size_t link = 0; link < fabric.links.size(); ++link) {
    const double seconds = execution.link_bytes[link] / fabric.links[link].bytes_per_s;
    if (seconds > bound.seconds) bound = {seconds, "bytes over " + fabric.links[link].name};
  }
  return bound;
}

}  // namespace moesim
