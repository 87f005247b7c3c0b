// The goodput section of a table.
#pragma once

#include "metrics/goodput_report.hpp"

namespace moesim {

class TableCanvas;

void goodput_table(TableCanvas& table, const GoodputReport& report);

}  // namespace moesim
