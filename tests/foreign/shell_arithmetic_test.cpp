#include "shell_fixture.hpp"

using namespace moesim;

TEST_CASE("arithmetic") {
  CHECK(commands("N=4; x $((N*8)) $(( ($N > 1) ? 1 : 0 )) $((2**10 - 7 % 4)) `expr 6 / 2`") ==
        "[x][32][1][1021][3]\n");
  CHECK(commands("x $(( $M / 2 )) $((1/0))") == "[x][$(( $M / 2 ))][$((1/0))]\n");
  CHECK(commands("x $(nvidia-smi -L | wc -l)") == "[x][$(nvidia-smi -L | wc -l)]\n");
  CHECK(commands("x $(seq 3) $(dirname a/b/c.sh) $(basename a/b.sh)") ==
        "[x][1][2][3][a/b][b.sh]\n");
}

TEST_CASE("patterns of a shell") {
  CHECK(matches_pattern("abc", "a*c"));
  CHECK(matches_pattern("abc", "a[b-d]?"));
  CHECK(!matches_pattern("abc", "a[!b]c"));
  CHECK(!matches_pattern("ab", "a"));
  CHECK(matches_pattern("", "*"));
}

TEST_CASE("what overflows or is no expression has no value") {
  const auto evaluate = [](const std::string& text) {
    return evaluate_arithmetic(text, [](const std::string& name) {
      return Arithmetic{name == "N", 4};
    });
  };
  CHECK(evaluate("-N ** 2 % 5 - !0").value == 0);
  CHECK(evaluate("1 < 2 && 3 >= 3 || x").known == false);
  for (const char* none :
       {"9223372036854775807 + 1", "2 ** 64", "1 / 0", "1 +", "08x", "y", "(1", ""})
    CHECK(!evaluate(none).known);
  CHECK(!evaluate(std::string(10'000, '(')).known);
  CHECK(!evaluate(std::string(10'000, '-')).known);
}
