// Reads platforms/devices/NAME.yaml for calibration and its tests: `key: {value: "989.4 TFLOPS", source: ...}` or
// `key: value`. Only units that device files use; everything else about YAML input is the business of sim/config.
#pragma once

#include <string>

#include "cluster/device.hpp"

namespace moesim {

// Throws InputError on an unreadable file, an unknown key or unit.
Device read_device(const std::string& file);

}  // namespace moesim
