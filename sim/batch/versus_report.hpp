// Writes machines side by side as a terminal table, as JSON and as a picture.
#pragma once

#include <string>

#include "batch/versus.hpp"
#include "report/line_plot.hpp"

namespace moesim {

// 80 columns: what each machine does with the batch, then each varied setting with tokens/s and
// tokens per joule against the first machine, and where that passes 1.
std::string versus_table(const Versus& versus);
// {title, machines[{name, platform, devices, ...}], axes[{key, rows[{value, machines[]}],
// crossover[]}]}; what is not known is null.
std::string versus_json(const Versus& versus);
// One line per varied setting and machine behind the first: tokens per joule against the first
// machine over the multiple of the setting's first value. Settings that are no numbers are left
// out.
LinePlot versus_plot(const Versus& versus);

}  // namespace moesim
