// The page without its data, as tools/report builds it.
#pragma once

#include <string_view>

namespace moesim {

// "<!--DATA-->" in it stands where the data goes.
std::string_view page_template();

}  // namespace moesim
