// CSV text (RFC 4180) to records whose cells know where they stand, so that whoever reads meaning
// into them can say which cell is at fault. Knows nothing of what the columns mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace moesim {

struct CsvCell {
  std::string text;  // without its quotes; blanks around unquoted text are dropped
  Place place;
};

using CsvRecord = std::vector<CsvCell>;

// Records in order; blank lines are left out. A quote that is never closed, text behind a closing
// quote, and text that is not UTF-8 are reported; the records read so far are given back.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file,
                                 Problems& problems);

}  // namespace moesim
