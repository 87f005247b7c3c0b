// CSV text (RFC 4180): records whose cells know where they stand, so that whoever reads meaning
// into them can say which cell is at fault, and fields as they are written. It knows nothing of
// what the columns mean.
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

// Records one by one, for files that are too large to hold as cells. Blank lines are left out. A
// quote that is never closed, text behind a closing quote, and text that is not UTF-8 are reported;
// of the last no record is read.
class CsvReader {
 public:
  // `text` and `problems` must outlive the reader.
  CsvReader(std::string_view text, std::string file, Problems& problems);
  // Returns false at the end of the text; else `record` holds the next one.
  bool next(CsvRecord& record);
  // The place behind what was read.
  Place here() const { return {file_, line_, column_}; }

 private:
  void read_line(CsvRecord& record);
  void read_cell(CsvCell& cell);
  std::string_view plain();
  std::string quoted();
  void advance();

  std::string_view text_;
  std::string file_;
  Problems& problems_;
  size_t at_ = 0;
  int line_ = 1, column_ = 1;
};

// All records at once.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file,
                                 Problems& problems);

// Returns the text as one field of a CSV line, in quotes where it needs them.
std::string csv_field(std::string_view text);

}  // namespace moesim
