#include "foreign/shell_syntax.hpp"

#include <catch.hpp>

using namespace moesim;

namespace {

ShellList parsed(const std::string& text) {
  Problems problems;
  ShellList list = parse_shell(numbered(text), "launch.sh", problems);
  REQUIRE(problems.text() == "");
  return list;
}

std::string problem(const std::string& text) {
  Problems problems;
  parse_shell(numbered(text), "launch.sh", problems);
  return problems.text();
}

std::vector<std::string> words(const ShellNode& node) {
  std::vector<std::string> out;
  for (const MarkedText& word : node.words) out.push_back(word.text);
  return out;
}

}  // namespace

TEST_CASE("words keep their quotes, go on over a backslash, and end at a comment") {
  const ShellList list = parsed("torchrun \"a b\" 'c d' \\\n  --x # --y\n");
  REQUIRE(list.size() == 1);
  CHECK(words(*list[0]) == std::vector<std::string>{"torchrun", "\"a b\"", "'c d'", "--x"});
  CHECK(list[0]->words[3].line(0) == 2);
}

TEST_CASE("an array is one word, comments in it and all") {
  const ShellList list = parsed("ARGS=(\n  --a 1 # it's a comment )\n  --b $(f)\n)\nnext\n");
  REQUIRE(list.size() == 2);
  REQUIRE(list[0]->words.size() == 1);
  CHECK(list[0]->words[0].text.starts_with("ARGS=("));
  CHECK(words(*list[1]) == std::vector<std::string>{"next"});
}

TEST_CASE("conditions, loops and choices have their bodies") {
  using Kind = ShellNode::Kind;
  const ShellList list = parsed(
      "if [ a = b ]; then x; elif y; then z; else w; fi\n"
      "for i in 1 2; do echo $i; done\n"
      "for ((i=0; i<3; i++)); do echo; done\n"
      "while [[ $# -gt 0 ]]; do shift; done\n"
      "case $1 in\n a|b) one ;;\n *) two ;;\nesac\n"
      "f() { g; }\n"
      "[[ -n x && ! ( y =~ a(b) ) ]] || exit 1\n"
      "((x > 1)) && z\n");
  REQUIRE(list.size() == 8);
  CHECK(list[0]->kind == Kind::branch);
  CHECK(list[0]->body.size() == 5);
  CHECK(list[1]->kind == Kind::each);
  CHECK(list[1]->has_in);
  CHECK(list[2]->kind == Kind::count);
  CHECK(list[2]->words.size() == 3);
  CHECK(list[3]->kind == Kind::loop);
  REQUIRE(list[4]->kind == Kind::choice);
  CHECK(list[4]->patterns[0].size() == 2);
  CHECK(list[5]->kind == Kind::function);
  CHECK(list[6]->kind == Kind::and_or);
  CHECK(list[7]->kind == Kind::and_or);
}

TEST_CASE("here-documents and redirections are no words") {
  const ShellList list = parsed(
      "sbatch <<EOF 2>&1\n#SBATCH --nodes=4\nsrun x\nEOF\nmkdir -p a &> /dev/null || exit 1\n");
  REQUIRE(list.size() == 2);
  CHECK(words(*list[0]) == std::vector<std::string>{"sbatch"});
  CHECK(list[0]->heredoc.text == "#SBATCH --nodes=4\nsrun x\n");
  CHECK(!list[0]->quoted_heredoc);
}

TEST_CASE("what is not closed is named with its line") {
  CHECK(problem("a\nb \"c\n") == "launch.sh:2:3: \" is not closed");
  CHECK(problem("if true; then\n x\n") == "launch.sh:2:3: expected \"fi\"");
  CHECK(problem("A=(1 2\n") == "launch.sh:1:3: an array that is not closed");
  CHECK(problem("x )\n") == "launch.sh:1:3: unexpected \")\"");
}

TEST_CASE("deep nesting is refused, not followed") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "( ";
  CHECK(problem(text).find("too deep") != std::string::npos);
}
