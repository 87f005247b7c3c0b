#include "config/tree.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

YamlNode parse(const std::string& text) {
  Problems problems;
  YamlNode root = parse_yaml(text, {"f.yaml", "presets/f.yaml", "", true}, problems);
  CHECK(problems.text() == "");
  return root;
}

std::string problems_of(const std::string& text) {
  Problems problems;
  parse_yaml(text, {"f.yaml", "", "root", true}, problems);
  return problems.text();
}

}  // namespace

TEST_CASE("every value knows its place, origin and quotes") {
  const YamlNode root = parse("a: 1\nb:\n  - x\n  - \"2\"\nc: {d: ~}\n");
  REQUIRE(root.kind == YamlNode::Kind::map);
  REQUIRE(root.entries.size() == 3);
  CHECK(root.entries[1].key == "b");
  CHECK(root.entries[1].key_place.line == 2);
  const YamlNode& item = root.find("b")->items.at(1);
  CHECK(item.text == "2");
  CHECK(item.quoted);
  CHECK_FALSE(root.find("a")->quoted);
  CHECK(item.place.line == 4);
  CHECK(item.place.column == 5);
  CHECK(item.place.file == "f.yaml");
  CHECK(item.origin == "presets/f.yaml:4");
  CHECK(root.find("c")->find("d")->kind == YamlNode::Kind::null);
  CHECK(root.find("x") == nullptr);
  CHECK(item.find("x") == nullptr);
}

TEST_CASE("JSON is read by the same parser") {
  const YamlNode root = parse(
      "{\n  \"model_type\":\"x\",\t\"n\": 1.0e3, \"none\": null,\n  \"list\": [true, "
      "\"a\\/b\\u00e9\"]\n}\n");
  CHECK(root.find("model_type")->text == "x");
  CHECK(root.find("n")->text == "1.0e3");
  CHECK(root.find("none")->kind == YamlNode::Kind::null);
  CHECK(root.find("list")->items.at(1).text == "a/b\xc3\xa9");
}

TEST_CASE("an alias is a copy of what it names") {
  const YamlNode root = parse("a: &x {k: 1}\nb: *x\n");
  REQUIRE(root.find("b")->find("k"));
  CHECK(root.find("b")->find("k")->text == "1");
  CHECK(root.find("b")->place.line == 2);
}

TEST_CASE("limits hold before the parser recurses or memory fills") {
  const std::string too_deep = "is nested more than 32 levels deep";
  CHECK(problems_of(std::string(100'000, '[')).find(too_deep) != std::string::npos);
  CHECK(problems_of(std::string(100'000, '{')).find(too_deep) != std::string::npos);
  std::string nested;
  for (int i = 0; i < 2000; ++i) nested += "- ";
  CHECK(problems_of(nested) == "f.yaml:1:65: root: is nested more than 32 levels deep");
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += below + ", ";
    laughs += "]\n";
  }
  CHECK(problems_of(laughs) == "f.yaml:5:45: root.a4: holds more than 100000 values");
  std::string many = "a: [";
  for (int i = 0; i < 100'001; ++i) many += "1,";
  CHECK(problems_of(many + "]").find("holds more than 100000 values") != std::string::npos);
}

TEST_CASE("merging lays maps over maps and replaces the rest") {
  const YamlNode base = parse("a: 1\nb: {x: 1, y: 2}\nc: [1, 2]\nd: {value: 3, source: old}\n");
  const YamlNode merged = merge(base, parse("b: {y: 3, z: 4}\nc: [5]\nd: {value: 6}\ne: 7\n"));
  CHECK(merged.find("a")->text == "1");
  CHECK(merged.find("b")->find("x")->text == "1");
  CHECK(merged.find("b")->find("y")->text == "3");
  CHECK(merged.find("b")->find("z")->text == "4");
  CHECK(merged.find("c")->items.size() == 1);
  CHECK(merged.find("d")->find("source") == nullptr);  // a source belongs to its value
  CHECK(merged.find("e")->text == "7");
  YamlNode whole = parse("b: {z: 4}\n");
  whole.find("b")->whole = true;
  CHECK(merge(base, whole).find("b")->find("x") == nullptr);
}
