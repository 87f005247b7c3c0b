// A JSON document as the tree of config/tree.hpp, every value with its place. YAML's parser reads
// most JSON, but not surrogate pairs, long keys, or the large sections that configs of models hold.
#pragma once

#include <string>

#include "base/diagnostics.hpp"
#include "config/tree.hpp"

namespace moesim {

inline constexpr size_t kMaxJsonBytes = size_t{64} << 20;

// Every problem of the text (syntax, a key given twice with different values, absurd nesting) is
// added to `problems`; after one of syntax the result is an empty map marked incomplete. Numbers
// that are whole are written without a fraction or exponent; NaN and Infinity are read, as Python
// writes them.
YamlNode parse_json(const std::string& text, const YamlSource& source, Problems& problems);

}  // namespace moesim
