#include "shell_fixture.hpp"

using namespace moesim;

TEST_CASE("loops, functions, eval") {
  CHECK(commands("for i in 1 2; do x $i; done") == "[x][1]\n[x][2]\n");
  CHECK(commands("for ((i=0; i<2; i++)); do x $i; done") == "[x][0]\n[x][1]\n");
  CHECK(commands(
            "while [[ $# -gt 0 ]]; do case $1 in --n) N=$2; shift 2;; *) shift;; esac; done; x $N",
            {{"1", "--n"}, {"2", "5"}}) == "[x][5]\n");
  CHECK(commands("f() { x $1 $A; }; A=2; f 1") == "[x][1][2]\n");
  CHECK(commands("c=\"x --a $N\n --b\"; eval $c", {{"N", "1"}}) == "[x][--a][1][--b]\n");
}

TEST_CASE("endless scripts end") {
  Problems problems;
  Shell shell("launch.sh", {}, problems);
  shell.run(numbered("while true; do :; done"));
  CHECK(problems.text() == "launch.sh:1:1: the script takes more than 200000 steps");
  Problems others;
  Shell recursive("launch.sh", {}, others);
  recursive.run(
      numbered("f() { f; }; f\nA=aaaaaaaaaaaaaaaa; for i in 1 2 3 4 5 6 7 8; do "
               "A=\"$A$A$A$A$A$A$A$A\"; done"));
  CHECK(others.text().find("more than a megabyte") != std::string::npos);
}

TEST_CASE("what is unknown stays one word when a text with it is run again") {
  CHECK(commands("c=\"x --n $(( 4 * M )) --b\"; eval $c") == "[x][--n][$(( 4 * M ))][--b]\n");
  CHECK(commands("c=\"x --n ${M}\"; eval $c") == "[x][--n][${M}]\n");
}
