// Keeps the runs of a study that its `where` asks for. Takes a condition over keys of scenarios and
// evaluates it on each run's resolved values; simulates nothing.
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "batch/sweep.hpp"

namespace moesim {

// Names in the condition are keys ("plan.ep"), or the last part of a key that the study sets
// ("ep"). A run whose scenario cannot be read is kept: it says itself what is wrong. Throws
// InputError for a condition that is no condition, or names what is no key; `place`: of the study.
std::vector<StudyRun> runs_where(const std::string& condition, const std::string& place,
                                 std::vector<StudyRun> runs, const Files& files = disk_files());

// "3/16": every sixteenth run, from the third on. Throws InputError.
std::vector<StudyRun> shard_of(const std::string& shard, const std::vector<StudyRun>& runs);

}  // namespace moesim
