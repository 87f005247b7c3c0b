#include "config/recorded_counts.hpp"

#include <tuple>

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

std::vector<RecordedCount> read(const std::string& text, Problems& problems) {
  return read_recorded_counts(text, "c.csv", "routing.recorded_file", {8, 32}, problems);
}

std::string errors(const std::string& text) {
  Problems problems;
  read(text, problems);
  return problems.text();
}

const std::string kHeader = "layer,step,expert,tokens\n";

}  // namespace

TEST_CASE("counts of a CSV file, columns in any order") {
  for (const std::string text :
       {"layer,step,expert,tokens\n0,100,3,17\n7,200,31,0.5\n",
        "\xef\xbb\xbftokens, expert ,layer,step\r\n17,3,0,100\r\n\r\n 0.5, 31,7 ,200"}) {
    Problems problems;
    const auto counts = read(text, problems);
    CHECK(problems.text() == "");
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].layer == 0);
    CHECK(counts[0].step == 100);
    CHECK(counts[0].expert == 3);
    CHECK(counts[0].tokens == 17);
    CHECK(counts[1].layer == 7);
    CHECK(counts[1].tokens == 0.5);
  }
}

TEST_CASE("a dump without steps is one step, by the names that serving engines use") {
  for (const std::string text : {"layer_id,expert_id,count\n3,0,24990\n3,18,39249\n",
                                 "layer,expert,tokens\n3,0,24990\n3,18,39249\n"}) {
    Problems problems;
    const auto counts = read(text, problems);
    CHECK(problems.text() == "");
    REQUIRE(counts.size() == 2);
    CHECK(std::tuple(counts[1].layer, counts[1].step, counts[1].expert, counts[1].tokens) ==
          std::tuple(3, 0, 18, 39249.0));
  }
}

TEST_CASE("what is wrong with a file of counts, with line and column") {
  struct Case {
    std::string text, error;
  };
  const std::string at = "c.csv:", key = ": routing.recorded_file: ";
  const Case cases[] = {
      {"", at + "1:1" + key + "is empty: expected a line of column names layer,step,expert,tokens"},
      {kHeader, at + "2:1" + key + "has no counts, only a line of column names"},
      {"layer,step,expert\n1,2,3\n", at + "1:1" + key + "column tokens is missing"},
      {"layer,step,expert,token\n",
       at + "1:19" + key +
           "\"token\" is not a column of recorded counts (did you mean \"tokens\"?)\n" + at +
           "1:1" + key + "column tokens is missing"},
      {"layer,step,expert,tokens,layer\n", at + "1:26" + key + "column layer a second time"},
      {kHeader + "0,1,2\n", at + "2:1" + key + "expected 4 columns, got 3"},
      {kHeader + "0,1,2,3\n0,1,x,3\n", at + "3:5" + key + "expert: expected an integer, got \"x\""},
      {kHeader + "0,1, 2.5,3\n", at + "2:6" + key + "expert: expected an integer, got \"2.5\""},
      {kHeader + "0,1,2,\n", at + "2:7" + key + "tokens: expected a number, got \"\""},
      {kHeader + "0,1,2,-4\n", at + "2:7" + key + "tokens: expected 0 to 1000000000000000, got -4"},
      {kHeader + "8,1,32,4\n", at + "2:1" + key + "layer: expected 0 to 7, got 8\n" + at + "2:5" +
                                   key + "expert: expected 0 to 31, got 32"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(errors(c.text) == c.error);
  }
}

TEST_CASE("a file of the wrong kind does not fill the screen") {
  std::string text = kHeader;
  for (int i = 0; i < 1000; ++i) text += "word\n";
  Problems problems;
  read(text, problems);
  CHECK(problems.items().size() == kMostRecordedProblems + 1);
}

TEST_CASE("a scenario names the file relative to itself") {
  const std::string scenario = "base: scenarios/s.yaml\n";
  const std::map<std::string, std::string> files = {
      {"scenarios/s.yaml", kScenario + "routing: {kind: recorded, recorded_file: traces/c.csv}\n"},
      {"scenarios/traces/c.csv", kHeader + "0,0,1,5\n"}};
  const Scenario loaded = load_text(scenario, {}, files).scenario;
  REQUIRE(loaded.routing.recorded.size() == 1);
  CHECK(loaded.routing.recorded[0].tokens == 5);
  CHECK(loaded.routing.recorded_file == "scenarios/traces/c.csv");
  // Text that the scenario reads is part of its input, and its text loads back.
  CHECK(input_text(loaded).ends_with("0,0,1,5\n"));
  CHECK(load_text(scenario_text(loaded), {}, files).scenario.routing.recorded.size() == 1);
}

TEST_CASE("problems of the file and of its name") {
  const std::string routing = "routing: {kind: recorded, recorded_file: c.csv}\n";
  CHECK(errors_of(kScenario + routing) ==
        "s.yaml:4:42: routing.recorded_file: \"c.csv\" no such file");
  CHECK(errors_of(kScenario + routing, {}, {{"c.csv", kHeader + "0,0,99,5\n"}}) ==
        "c.csv:2:5: routing.recorded_file: expert: expected 0 to 31, got 99");
  CHECK(errors_of(kScenario + routing, {}, {{"c.csv", kHeader + "0,0,1,5\n1,2,1,0\n"}}) ==
        "s.yaml:4:42: routing.recorded_file: layer 1 has no tokens in step 2");
  CHECK(errors_of(kScenario +
                      "routing: {kind: recorded, recorded: [[0, 0, 1, 5]], recorded_file: c.csv}\n",
                  {}, {{"c.csv", kHeader + "0,0,1,5\n"}}) ==
        "s.yaml:4:68: routing.recorded_file: give either recorded or recorded_file");
}
