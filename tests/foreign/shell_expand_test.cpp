#include "shell_fixture.hpp"

using namespace moesim;

TEST_CASE("variables, defaults and what is given from outside") {
  CHECK(commands("A=1; x $A ${A}2 \"$A b\" '$A'") == "[x][1][12][1 b][$A]\n");
  CHECK(commands("x ${A:-1} ${B:-\"0\"} ${C:=7} $C ${A:+set} ${C:+set}") ==
        "[x][1][0][7][7][set]\n");
  CHECK(commands("N=64; x $N", {{"N", "16"}}) == "[x][16]\n");
  CHECK(commands("x $1 ${10} $# \"$@\"", {{"1", "a b"}, {"2", "c"}}) ==
        "[x][a][b][${10}][2][a b][c]\n");
  CHECK(commands("x --n $NNODES --m 1") == "[x][--n][${NNODES}][--m][1]\n");
  CHECK(commands("export A=1 B=$A; x $B") == "[x][1]\n");
  CHECK(commands("A=abc.def; x ${A%.*} ${A#*.} ${A/b/_} ${A^^} ${#A} ${A:1:2}") ==
        "[x][abc][def][a_c.def][ABC.DEF][7][bc]\n");
}

TEST_CASE("an unquoted value is cut at blanks, a quoted one is not") {
  CHECK(commands("A=\" --a 1 \\\n  --b \"; x $A; x \"$A\"") ==
        "[x][--a][1][--b]\n[x][ --a 1   --b ]\n");
}

TEST_CASE("arrays grow, and their comments and quotes are read as bash does") {
  CHECK(commands("A=(--a 1 # no\n  '--b 2')\nA+=(--c \"$N\")\nx ${A[@]} ${#A[@]}", {{"N", "3"}}) ==
        "[x][--a][1][--b][2][--c][3][5]\n");
  CHECK(commands("A=(a 'b c'); x \"${A[@]}\" ${A[1]}") == "[x][a][b c][b][c]\n");
  CHECK(commands("A=(a); A=(\"${A[@]}\" b); x \"${A[@]}\"") == "[x][a][b]\n");
}

TEST_CASE("expansions in one another end") {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "${A:-";
  Problems problems;
  Shell shell("launch.sh", {}, problems);
  deep.append(5000, '}');
  shell.run(numbered("x " + deep));
  CHECK(shell.commands().size() == 1);
  CHECK(commands("x ${A:-${B:-${C:-1}}}") == "[x][1]\n");
}
