// Rows of a CSV table of measurements, cells by column name; columns come in any order and may be
// missing.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/csv.hpp"
#include "base/files.hpp"

namespace moesim {

struct TableRow {
  const std::map<std::string, size_t>& columns;
  const CsvRecord& cells;
  Problems& problems;

  std::string at(const std::string& column) const;  // "" where there is no such cell
  double number(const std::string& column)
      const;  // 0 where the cell is empty; reports what is no number >= 0
  int integer(const std::string& column, int most) const;  // the same, at most so many
  void problem(const std::string& column, std::string message) const;
};

// Calls `row` for every record behind the header. Throws InputError with all problems, also those
// that `row` reported, and when the header lacks `required`.
void read_table(const std::string& file, const Files& files, const std::string& required,
                const std::function<void(const TableRow&)>& row);

// Column names of a table, to tell what it holds; empty when it cannot be read.
std::vector<std::string> table_columns(const std::string& file, const Files& files = disk_files());

}  // namespace moesim
