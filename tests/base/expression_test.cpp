#include "base/expression.hpp"

#include <map>

#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

const std::map<std::string, ExpressionValue> kValues{
    {"mfu", 0.4}, {"fits", true}, {"plan.ep", 8.0}, {"name", std::string("a b")}};

std::optional<ExpressionValue> lookup(const std::string& name) {
  const auto found = kValues.find(name);
  return found == kValues.end() ? std::nullopt : std::optional(found->second);
}

bool holds(const std::string& text) { return Expression(text).holds(lookup); }
double number(const std::string& text) {
  return std::get<double>(*Expression(text).evaluate(lookup));
}

}  // namespace

TEST_CASE("arithmetic binds as people expect") {
  CHECK(number("1 + 2 * 3") == 7);
  CHECK(number("(1 + 2) * 3") == 9);
  CHECK(number("8 - 2 - 1") == 5);
  CHECK(number("-2 * -3") == 6);
  CHECK(number("7 % 4 / 2") == 1.5);
  CHECK(number("2e3 + .5") == 2000.5);
  CHECK(number("plan.ep * 4") == 32);
}

TEST_CASE("conditions") {
  CHECK(holds("fits and mfu > 0.3"));
  CHECK(holds("not fits or mfu >= 0.4"));
  CHECK_FALSE(holds("fits && mfu < 0.3"));
  CHECK(holds("!(mfu < 0.3)"));
  CHECK(holds("plan.ep = 8"));
  CHECK(holds("plan.ep != 16 and true"));
  CHECK(holds("name == 'a b'"));
  CHECK_FALSE(holds("name == 'a'"));
  CHECK_FALSE(holds("name == 8"));
}

TEST_CASE("a missing value makes nothing true, unless the rest decides") {
  CHECK_FALSE(holds("loss < 1"));
  CHECK_FALSE(holds("not (loss < 1)"));
  CHECK(holds("loss < 1 or fits"));
  CHECK_FALSE(Expression("loss + 1").evaluate(lookup));
  CHECK(Expression("mfu + loss > mfu").names() == std::vector<std::string>{"mfu", "loss"});
}

TEST_CASE("what is no condition says where") {
  const auto error = [](const std::string& text) { return input_error([&] { Expression{text}; }); };
  CHECK(error("mfu >") ==
        "\"mfu >\": at character 6: expected a name, a number or a text in quotes, got the end");
  CHECK(error("(mfu") == "\"(mfu\": at character 5: expected a closing parenthesis, got the end");
  CHECK(error("mfu 3") == "\"mfu 3\": at character 5: expected and, or, or the end, got \"3\"");
  CHECK(error("name == 'a") ==
        "\"name == 'a\": at character 11: expected a closing ', got the end");
  CHECK(error("step < 2s") ==
        "\"step < 2s\": at character 8: expected a number without a unit, got \"2s\"");
  CHECK(error(std::string(3000, '1')).find("is longer than") != std::string::npos);
  CHECK(error(std::string(500, '(')).find("less nesting") != std::string::npos);
  CHECK(input_error([] { holds("name > 3"); }) == "\">\" needs numbers, got \"a b\"");
}
