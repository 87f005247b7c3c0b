#include "shell_fixture.hpp"

using namespace moesim;

TEST_CASE("branches are those that known values choose") {
  const std::string script =
      "if [ $SIZE = 8B ]; then L=32; elif [[ $SIZE == 7* && -n $SIZE ]]; then L=80; else L=1; fi\n"
      "[ $L -gt 40 ] && x big\n"
      "case $SIZE in 8B|9B) x small ;; *) x other ;; esac\n";
  CHECK(commands(script, {{"SIZE", "8B"}}) == "[x][small]\n");
  CHECK(commands(script, {{"SIZE", "70B"}}) == "[x][big]\n[x][other]\n");
  CHECK(commands("if [[ ! \"$A\" =~ \"--layout\" ]]; then x; fi", {{"A", "--b"}}) == "[x]\n");
}

TEST_CASE("of a condition on the machine neither side is taken, and giving up is passed over") {
  CHECK(commands("if [ -f data ]; then x; else y; fi; if [ ! -d d ]; then z; exit 1; fi; w") ==
        "[w]\n");
  CHECK(commands("if [ -z \"$A\" ]; then exit 1; fi; x") == "[x]\n");
  CHECK(commands("x; exit 0; y") == "[x]\n");
  CHECK(commands("probe || { y; }; probe && z") == "[probe]\n[probe]\n");
}

TEST_CASE("conditions of numbers, texts and both joined") {
  const auto holds = [](const std::string& condition) {
    return commands("if " + condition + "; then yes; else no; fi");
  };
  CHECK(holds("[ 3 -ge 3 ]") == "[yes]\n");
  CHECK(holds("[ ! 3 -lt 3 -a -n x ]") == "[yes]\n");
  CHECK(holds("[[ ( a != b || c == d ) && abc =~ ^a.c$ ]]") == "[yes]\n");
  CHECK(holds("[[ abc =~ ^b ]]") == "[no]\n");
  CHECK(holds("[ a = a* ]") == "[no]\n");
  CHECK(holds("[[ a1 == a* ]]") == "[yes]\n");
  CHECK(holds("(( 2 > 1 ))") == "[yes]\n");
  CHECK(holds("[ x -gt 1 ]") == "");
  CHECK(holds("[[ a =~ [ ]]") == "");
}
