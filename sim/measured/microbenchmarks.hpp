// Tables of measured kernels and collectives held against the device and fabric models, class by
// class. Needs no simulation: each row is one kernel or one collective alone.
#pragma once

#include <string>
#include <vector>

#include "config/presets.hpp"
#include "measured/collective_table.hpp"
#include "measured/kernel_table.hpp"

namespace moesim {

struct MicrobenchmarkClass {
  std::string name;
  bool fitted = false;  // constants were taken from these rows; else they only check
  Residual residual;
};

enum class TableKind { steps, kernels, collectives, memory };
TableKind kind_of_table(const std::string& path, const Files& files = disk_files());

// `platform`: for every row, in place of the preset that the row names; "": none. Throws
// InputError.
std::vector<MicrobenchmarkClass> validate_kernels(const std::vector<MeasuredKernel>& rows,
                                                  const std::string& platform,
                                                  const SearchPath& search);
// The same rows by class and decade of FLOPs ("h100-sxm gemm bf16, 1e11 FLOP"), fitted or not;
// kernels that only move memory are left out.
std::vector<MicrobenchmarkClass> validate_kernels_by_size(const std::vector<MeasuredKernel>& rows,
                                                          const std::string& platform,
                                                          const SearchPath& search);
std::vector<MicrobenchmarkClass> validate_collectives(const std::vector<MeasuredCollective>& rows,
                                                      const std::string& platform,
                                                      const SearchPath& search);

std::string microbenchmark_table(const std::vector<MicrobenchmarkClass>& classes);
// `by_size`: a second list, where there is one.
std::string microbenchmark_json(const std::vector<MicrobenchmarkClass>& classes,
                                const std::vector<MicrobenchmarkClass>& by_size = {});
std::string microbenchmark_markdown(const std::vector<MicrobenchmarkClass>& classes);

}  // namespace moesim
