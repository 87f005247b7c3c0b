#include "base/diagnostics.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("a problem is printed with what is known of its place") {
  CHECK(to_string(Problem{{"a.yaml", 3, 7}, "plan.tp", "3 does not divide 16"}) ==
        "a.yaml:3:7: plan.tp: 3 does not divide 16");
  CHECK(to_string(Problem{{"a.yaml", 0, 0}, "plan", "is missing"}) == "a.yaml: plan: is missing");
  CHECK(to_string(Problem{{"a.yaml", 1, 1}, "", "is empty"}) == "a.yaml:1:1: is empty");
  CHECK(to_string(Problem{{}, "plan.tp", "is negative"}) == "plan.tp: is negative");
  CHECK(to_string(Problem{{}, "", "no input"}) == "no input");
}

TEST_CASE("problems keep the order in which they were found, one a line") {
  Problems problems;
  CHECK(problems.empty());
  CHECK(problems.text() == "");
  problems.add({"b.yaml", 2, 1}, "y", "second letter");
  problems.add({"a.yaml", 1, 1}, "x", "first letter");
  CHECK_FALSE(problems.empty());
  CHECK(problems.items().size() == 2);
  CHECK(problems.text() == "b.yaml:2:1: y: second letter\na.yaml:1:1: x: first letter");
}

TEST_CASE("an input error says all of its problems") {
  Problems problems;
  problems.add({"a.yaml", 1, 1}, "x", "one");
  problems.add({"a.yaml", 2, 1}, "y", "two");
  const InputError error(problems);
  CHECK(std::string(error.what()) == "a.yaml:1:1: x: one\na.yaml:2:1: y: two");
  CHECK(error.problems().items().size() == 2);

  const InputError plain("no such file");
  CHECK(std::string(plain.what()) == "no such file");
  CHECK(plain.problems().items().size() == 1);
  // what() has to hold for the copy that a throw makes
  const InputError copy = InputError(error);
  CHECK(std::string(copy.what()) == error.what());
}

TEST_CASE("a run error says what it was given") {
  CHECK(std::string(RunError("blocked: 7 tasks").what()) == "blocked: 7 tasks");
}
