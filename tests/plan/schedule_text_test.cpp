#include "plan/schedule_text.hpp"

#include <stdexcept>

#include "catch.hpp"

using namespace moesim;

namespace {

std::string error_of(const std::string& text) {
  try {
    parse_schedule(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a list of operations reads back as it was written") {
  for (const char* text : {"F0 F1 B0 B1", "F0 D0 W0", "F0.0 F1.1+B0.0 B1.1", ""})
    CHECK(to_text(parse_schedule(text), std::string(text).find('.') != std::string::npos) == text);
}

TEST_CASE("words that are no operation are named") {
  const std::string rule =
      " is not an operation: F, B, D or W, a microbatch, and for a chunk beyond the first .CHUNK, "
      "as "
      "in F3, W0 or B2.1";
  CHECK(error_of("F0 X1") == "\"X1\"" + rule);
  CHECK(error_of("F") == "\"F\"" + rule);
  CHECK(error_of("F1.") == "\"F1.\"" + rule);
  CHECK(error_of("F-1") == "\"F-1\"" + rule);
  CHECK(error_of("F1+") == "\"F1+\"" + rule);
  CHECK(error_of("B1+F2") == "\"B1+F2\": a forward overlaps a backward, as in F3+B1");
  CHECK(error_of("F2+D1") == "\"F2+D1\": a forward overlaps a backward, as in F3+B1");
  CHECK(error_of("F1+B1") == "\"F1+B1\": a forward cannot overlap its own backward");
}
