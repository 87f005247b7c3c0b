// A JSON Schema of scenario files, from the same visits as everything else that knows their keys:
// editors check and complete files by it.
#pragma once

#include <string>

namespace moesim {

std::string json_schema();

}  // namespace moesim
