#include "report/goodput.hpp"

#include <fmt/format.h>

#include "report/format.hpp"
#include "report/table_canvas.hpp"

namespace moesim {

void goodput_table(TableCanvas& table, const GoodputReport& report) {
  table.heading("Goodput",
                fmt::format("{} runs of {:.4g} days, a failure every {}", report.trials,
                            report.duration_s / 86400, seconds_text(report.system_mtbf_s)));
  table.line("  " + fit("checkpoint", 24) + fit("as asked", 16, Align::right) +
             fit("Young/Daly", 16, Align::right));
  const auto row = [&](const char* name, const std::string& asked, const std::string& optimum) {
    table.line("  " + fit(name, 24) + fit(asked, 16, Align::right) +
               fit(optimum, 16, Align::right));
  };
  const Goodput &a = report.asked, &o = report.optimum;
  const auto percents = [&](const char* name, double asked, double optimum) {
    row(name, percent_text(asked), percent_text(optimum));
  };
  row("every", seconds_text(a.checkpoint_interval_s), seconds_text(o.checkpoint_interval_s));
  percents("goodput", a.fraction, o.fraction);
  percents("  by formula", a.formula_fraction, o.formula_fraction);
  percents("checkpoints", a.checkpoint_fraction, o.checkpoint_fraction);
  percents("work lost", a.lost_fraction, o.lost_fraction);
  percents("restarts", a.restart_fraction, o.restart_fraction);
  row("tokens per day", count_text(a.tokens_per_day), count_text(o.tokens_per_day));
}

}  // namespace moesim
