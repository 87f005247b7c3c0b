#include "config/json_tree.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

YamlNode parse(const std::string& text, Problems& problems) {
  return parse_json(text, {"c.json", "", "", true}, problems);
}

YamlNode sound(const std::string& text) {
  Problems problems;
  const YamlNode node = parse(text, problems);
  CHECK(problems.text() == "");
  return node;
}

std::string error(const std::string& text) {
  Problems problems;
  CHECK(parse(text, problems).kind == YamlNode::Kind::map);
  return problems.text();
}

}  // namespace

TEST_CASE("values keep their places; whole numbers lose fractions and exponents") {
  const YamlNode root = sound("{\n \"a\": 2048.0, \"b\": [1, 2.5],\r\n \"c\": {\"d\": \"7\"}}");
  CHECK(root.find("a")->text == "2048");
  CHECK_FALSE(root.find("a")->quoted);
  CHECK(root.find("a")->place.line == 2);
  CHECK(root.find("a")->place.column == 7);
  CHECK(root.find("b")->items[1].text == "2.5");
  CHECK(root.find("c")->find("d")->quoted);
  CHECK(root.find("c")->place.line == 3);
  CHECK(root.find("c")->origin == "c.json:3");
  CHECK(sound("{\"a\": 2.048e3}").find("a")->text == "2048");
  CHECK(sound("{\"a\": 1e-06}").find("a")->text == "1e-06");
}

TEST_CASE("words, a byte order mark, escapes and surrogate pairs") {
  const YamlNode root =
      sound("\xEF\xBB\xBF{\"a\": null, \"b\": true, \"c\": NaN, \"d\": -Infinity}");
  CHECK(root.find("a")->kind == YamlNode::Kind::null);
  CHECK(root.find("a")->place.column == 2);
  CHECK(root.find("b")->text == "true");
  CHECK(root.find("d")->text == "-Infinity");
  CHECK(sound(R"({"a": "\ud83d\ude00\u00e9\n\/"})").find("a")->text ==
        "\xF0\x9F\x98\x80\xC3\xA9\n/");
  CHECK(sound(R"({"a": "\ud83d"})").find("a")->text == "\xEF\xBF\xBD");
  CHECK(sound(R"({"": 1})").entries[0].key.empty());
  const std::string key(5000, 'k');
  CHECK(sound("{\"" + key + "\": 1}").find(key)->text == "1");
}

TEST_CASE("a key may come twice with one value, not with two") {
  CHECK(sound(R"({"a": [1], "a": [1]})").entries.size() == 1);
  CHECK(error("{\"a\": 1,\n\"a\": 2}") == "c.json:2:1: a: is given twice (first in line 1)");
}

TEST_CASE("faults of syntax stand where they are") {
  CHECK(error("{ // no\n}") == "c.json:1:3: JSON syntax: expected a key in double quotes");
  CHECK(error("{\"a\": 1,\n}") == "c.json:2:1: JSON syntax: expected a key in double quotes");
  CHECK(error("{\"a\" 1}") == "c.json:1:6: JSON syntax: expected a colon after the key");
  CHECK(error("{\"a\": 1 \"b\"}") ==
        "c.json:1:9: JSON syntax: expected a comma or the end of the object");
  CHECK(error("{\"a\": [1 2]}") ==
        "c.json:1:10: JSON syntax: expected a comma or the end of the list");
  CHECK(error("{\"a\": 1x}") == "c.json:1:7: JSON syntax: expected a value");
  CHECK(error("{\"a\": \"x\n\"}") ==
        "c.json:1:9: JSON syntax: a string ends at the end of its line");
  CHECK(error("{\"a\": \"x") == "c.json:1:9: JSON syntax: a string does not end");
  CHECK(error("{\"a\": \"\\q\"}") == "c.json:1:9: JSON syntax: unknown escape in a string");
  CHECK(error("{} {}") == "c.json:1:4: JSON syntax: expected the end of the file");
  CHECK(error(std::string(200, '[')).find("is nested more than 128 deep") != std::string::npos);
  CHECK(error("\xFF\xFE{").find("is this a binary file?") != std::string::npos);
}

TEST_CASE("a section of megabytes that nobody reads costs nothing but time") {
  std::string text = "{\"q\": {";
  for (int i = 0; i < 150'000; ++i) text += "\"layer" + std::to_string(i) + "\": 4, ";
  CHECK(sound(text + "\"last\": 1}}").find("q")->entries.size() == 150'001);
}
