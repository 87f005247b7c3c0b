#include "config/scalars.hpp"

#include <limits>

#include "catch.hpp"

using namespace moesim;

namespace {

YamlNode node_of(const std::string& text) {
  Problems problems;
  const YamlNode root = parse_yaml("value: " + text, {"s.yaml"}, problems);
  CHECK(problems.empty());
  return *root.find("value");
}

const FieldInfo kRanks{"tp", "tensor parallel", Need::optional, Unit::number, {1, 64}};

// The value as text, or the message.
std::string integer(const std::string& text, const FieldInfo& field = kRanks) {
  std::string error;
  const auto value = to_integer(node_of(text), field, error);
  return value ? std::to_string(*value) : error;
}

std::string number(const std::string& text, const FieldInfo& field) {
  std::string error;
  const auto value = to_number(node_of(text), field, error);
  return value ? fmt::format("{}", *value) : error;
}

std::string flag(const std::string& text) {
  std::string error;
  const auto value = to_flag(node_of(text), {"on", "whether"}, error);
  return value ? (*value ? "true" : "false") : error;
}

}  // namespace

TEST_CASE("integers: digits alone, within the range, or the field's word") {
  CHECK(integer("8") == "8");
  CHECK(integer("+8") == "8");
  CHECK(integer("65") == "must be from 1 to 64, got 65");
  CHECK(integer("0") == "must be from 1 to 64, got 0");
  CHECK(integer("99999999999999999999") == "must be from 1 to 64, got 99999999999999999999");
  CHECK(integer("8.0") == "expected an integer, got \"8.0\"");
  CHECK(integer("\"8\"") == "expected an integer, got \"8\" in quotes");
  CHECK(integer("[8]") == "expected an integer, got a list");
  CHECK(integer("") == "expected an integer from 1 to 64 (tensor parallel), got nothing");
  FieldInfo open = kRanks;
  open.word = "auto";
  open.word_value = 0;
  CHECK(integer("auto", open) == "0");
  CHECK(integer("all", open) == "expected an integer or auto, got \"all\"");
}

TEST_CASE("numbers have the field's unit, or none") {
  const FieldInfo rate{"nic", "speed", Need::optional, Unit::bytes_per_s, above(0, 1e12)};
  CHECK(number("400 Gbps", rate) == "50000000000");
  CHECK(number("5e10", rate) == "50000000000");
  CHECK(number("0", rate) == "must be above 0 and at most 1 TB/s, got 0");
  CHECK(number("{a: 1}", rate) == "expected a number, got a map");
  CHECK(number("", rate) ==
        "expected a number in B/s above 0 and at most 1 TB/s (speed), got nothing");
}

TEST_CASE("flags are true or false, and no other words") {
  for (const char* text : {"true", "TRUE"}) CHECK(flag(text) == "true");
  for (const char* text : {"false", "FALSE"}) CHECK(flag(text) == "false");
  CHECK(flag("yes") == "expected true or false, got \"yes\"");
  CHECK(flag("\"true\"") == "expected true or false, got \"true\" in quotes");
  CHECK(flag("") == "expected true or false (whether), got nothing");
}

TEST_CASE("choices name the nearest, texts take any scalar") {
  FieldInfo field{"kind", "which"};
  field.choices = {"zipf", "uniform"};
  std::string error;
  CHECK(to_choice(node_of("uniform"), field, error).value().index == 1);
  CHECK_FALSE(to_choice(node_of("unifrom"), field, error));
  CHECK(error == "expected zipf or uniform, got \"unifrom\" (did you mean \"uniform\"?)");
  CHECK_FALSE(to_choice(node_of("[]"), field, error));
  CHECK(error == "expected zipf or uniform, got a list");
  CHECK(to_text(node_of("12"), field, error) == "12");
  CHECK_FALSE(to_text(node_of("[a]"), field, error));
  CHECK(error == "expected a text, got a list");
}

TEST_CASE("ranges in words") {
  CHECK(describe(NumberRange{}, Unit::number) == "any number");
  CHECK(describe({1, std::numeric_limits<double>::max()}, Unit::number) == "at least 1");
  CHECK(describe({std::numeric_limits<double>::lowest(), 5}, Unit::number) == "at most 5");
  CHECK(describe(above(0, std::numeric_limits<double>::max()), Unit::number) == "above 0");
}
