#include "batch/ranking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "report/format.hpp"
#include "report/memory_table.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

namespace {

constexpr int kName = 32;

using Ranked = std::vector<const StoredRun*>;

Ranked ranked(const std::vector<StoredRun>& runs) {
  Ranked done;
  for (const StoredRun& run : runs)
    if (run.is_done()) done.push_back(&run);
  std::stable_sort(done.begin(), done.end(), [](const StoredRun* a, const StoredRun* b) {
    if (a->report.fits() != b->report.fits()) return a->report.fits();
    return a->report.tokens_per_s > b->report.tokens_per_s;
  });
  return done;
}

const StoredRun* base_of(const std::vector<StoredRun>& runs, const std::string& name) {
  const StoredRun* first = nullptr;
  for (const StoredRun& run : runs) {
    if (!run.is_done()) continue;
    if (run.run.name == name) return &run;
    if (first == nullptr) first = &run;
  }
  return first;
}

// Against the base, in tokens per second: batches may differ.
std::string delta(const StoredRun& run, const StoredRun& base) {
  if (&run == &base) return "base";
  return fmt::format("{:+.1f} %", 100 * (run.report.tokens_per_s / base.report.tokens_per_s - 1));
}

void add_line(TableCanvas& table, size_t rank, const StoredRun& run, const StoredRun& base) {
  const StepReport& r = run.report;
  const std::string memory = memory_words(r);
  table.line(fmt::format("{:>4} ", rank) + fit(run.run.name, kName) +
             fit(seconds_text(r.step_time_s), 10, Align::right) +
             fit(count_text(r.tokens_per_s), 9, Align::right) +
             fit(fmt::format("{:.1f}", 100 * r.mfu), 5, Align::right) +
             fit(delta(run, base), 9, Align::right) + " " +
             (memory == "fits" ? "" : memory.substr(0, memory.find(" by"))));
}

// "plan.ep: 12, such as ep=12: ep x etp x pp = ...", by the key that the reason begins with.
void add_reasons(TableCanvas& table, const std::vector<StoredRun>& runs, const std::string& status,
                 const std::string& word) {
  std::map<std::string, Ranked> by_key;
  for (const StoredRun& run : runs)
    if (run.run.status == status)
      by_key[run.run.message.substr(0, run.run.message.find(':'))].push_back(&run);
  for (const auto& [key, group] : by_key) {
    const StoredRun& first = *group.front();
    table.wrapped(fmt::format("  {} {} ", group.size(), word),
                  group.size() == 1
                      ? fmt::format("{}: {}", first.run.name, first.run.message)
                      : fmt::format("such as {}: {}", first.run.name, first.run.message));
  }
}

}  // namespace

std::string memory_words(const StepReport& report) {
  const std::string verdict = memory_verdict(report.memory);
  std::string words = verdict.substr(0, verdict.find_first_of(":(,"));
  while (words.ends_with(' ')) words.pop_back();
  constexpr std::string_view kLong = "out of memory";
  if (words.starts_with(kLong)) words.replace(0, kLong.size(), "OOM");
  return words;
}

std::string ranking_table(const std::vector<StoredRun>& runs, const std::string& base_name,
                          size_t most) {
  TableCanvas table;
  const Ranked done = ranked(runs);
  if (const StoredRun* base = base_of(runs, base_name)) {
    const bool is_base = base->run.name == base_name;
    table.heading(is_base ? "Fastest first, against the base"
                          : fit("Fastest first, against " + base->run.name, 60),
                  fmt::format("{} runs", done.size()));
    table.line("     " + fit("", kName) + fit("step", 10, Align::right) +
               fit("tokens/s", 9, Align::right) + fit("MFU", 5, Align::right) +
               fit("tokens/s", 9, Align::right));
    const size_t shown = most == 0 ? done.size() : std::min(most, done.size());
    for (size_t i = 0; i < shown; ++i) add_line(table, i + 1, *done[i], *base);
    if (shown < done.size()) table.line(fmt::format("     and {} more", done.size() - shown));
    const StoredRun& best = *done.front();
    const std::string against = &best == base
                                    ? ""
                                    : fmt::format(", {} tokens/s than {}", delta(best, *base),
                                                  is_base ? "the base" : base->run.name);
    if (!best.report.fits())
      table.wrapped("  best: ", "none fits in memory");
    else
      table.wrapped("  best: ", fmt::format("{}: {}, {} tokens/s, MFU {}{}", best.run.name,
                                            seconds_text(best.report.step_time_s),
                                            count_text(best.report.tokens_per_s),
                                            percent_text(best.report.mfu), against));
  }
  add_reasons(table, runs, "skipped", "skipped,");
  add_reasons(table, runs, "failed", "failed,");
  return table.text();
}

}  // namespace moesim
