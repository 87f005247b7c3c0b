// The answer of a study on one screen: its runs from the fastest, how much slower each is than the
// base, what does not fit in memory, and what was skipped and why. Takes stored runs; reads no
// files.
#pragma once

#include <string>
#include <vector>

#include "batch/stored_run.hpp"

namespace moesim {

// "fits", "tight", "OOM by 3.10 GB"; "" where no memory was counted.
std::string memory_words(const StepReport& report);

// 80 columns wide. Runs that fit come first, by tokens per second. `base`: the name of the run that
// the others are held against; where none has it, the first that is done. At most `most` lines of
// runs; 0: all.
std::string ranking_table(const std::vector<StoredRun>& runs, const std::string& base, size_t most);

}  // namespace moesim
