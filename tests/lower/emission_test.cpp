#include "lower/emission.hpp"

#include <stdexcept>
#include <string>

#include "catch.hpp"

using namespace moesim;

namespace {

Emission letters(std::string& out, std::string text) {
  for (const char letter : text) {
    out += letter;
    co_await cut;
  }
}

Emission without_cuts(std::string& out) {
  out += '-';
  co_return;
}

Emission nested(std::string& out) {
  out += '(';
  co_await letters(out, "ab");
  co_await without_cuts(out);
  co_await letters(out, "c");
  out += ')';
}

Emission failing(std::string& out) {
  co_await letters(out, "a");
  throw std::runtime_error("no more");
}

}  // namespace

TEST_CASE("an emission does nothing before it is resumed, and stops at each cut") {
  std::string out;
  Emission emission = letters(out, "ab");
  CHECK(out.empty());
  CHECK_FALSE(emission.done());
  emission.resume();
  CHECK(out == "a");
  emission.resume();
  CHECK(out == "ab");
  CHECK_FALSE(emission.done());  // the last cut is not the end
  emission.resume();
  CHECK(emission.done());
}

TEST_CASE("an emission stops where the one that it awaits does, and nowhere else") {
  std::string out;
  Emission emission = nested(out);
  for (const char* expected : {"(a", "(ab", "(ab-c"}) {
    emission.resume();
    CHECK(out == expected);
    CHECK_FALSE(emission.done());
  }
  emission.resume();
  CHECK(out == "(ab-c)");
  CHECK(emission.done());
}

TEST_CASE("two emissions in turn") {
  std::string out;
  Emission one = letters(out, "abc"), other = letters(out, "123");
  while (!one.done()) {
    one.resume();
    other.resume();
  }
  CHECK(out == "a1b2c3");
}

TEST_CASE("what is thrown within an emission comes out of resume") {
  std::string out;
  Emission emission = failing(out);
  emission.resume();
  CHECK_THROWS_WITH(emission.finish(), "no more");
  CHECK(out == "a");
}
