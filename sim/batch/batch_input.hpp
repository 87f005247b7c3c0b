// Finds what is wrong with a batch as a whole before it starts. What is wrong with one of its
// scenarios is that run's own outcome and stops no other.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "batch/sweep.hpp"

namespace moesim {

// `sets` are the settings that the user gave for all the runs, and are among those of each. Throws
// InputError naming all scenario files that cannot be read or, where there are none, all settings
// that are wrong in every run.
void check_batch_input(const std::vector<StudyRun>& runs, const std::vector<std::string>& sets,
                       const Files& files = disk_files());

}  // namespace moesim
