#include "config/reader.hpp"

#include "catch.hpp"
#include "config/visit.hpp"

using namespace moesim;

namespace {

struct ReadPlan {
  Plan plan;
  Problems problems;
  ValueSources sources;
  explicit ReadPlan(const std::string& text) {
    const YamlNode root = parse_yaml(text, {"s.yaml"}, problems);
    StructReader reader(root, "plan", problems);
    reader.read(plan);
    sources = reader.sources();
  }
};

}  // namespace

TEST_CASE("values are read, and each knows its place and origin") {
  const ReadPlan read("tp: 2\nep: 16\n");
  CHECK(read.problems.text() == "");
  CHECK(read.plan.tp == 2);
  CHECK(read.plan.ep == 16);
  CHECK(read.plan.pp == Plan{}.pp);
  CHECK(read.sources.at("plan.ep").place.line == 2);
  CHECK(read.sources.at("plan.ep").origin == "s.yaml:2");
  CHECK(read.sources.at("plan.pp").origin == "default");
  CHECK(read.sources.at("plan.pp").sound);
}

TEST_CASE("a value with its source beside it") {
  const ReadPlan read("tp: {value: 2, source: a paper, note: guessed}\n");
  CHECK(read.problems.text() == "");
  CHECK(read.plan.tp == 2);
}

TEST_CASE("what is wrong leaves the default, marked, and reading goes on") {
  const ReadPlan read("tp: many\nep: 4\n");
  CHECK(read.problems.text() == "s.yaml:1:5: plan.tp: expected an integer, got \"many\"");
  CHECK(read.plan.tp == Plan{}.tp);
  CHECK_FALSE(read.sources.at("plan.tp").sound);
  CHECK(read.plan.ep == 4);
}

TEST_CASE("unknown keys name the nearest, remarks are no keys") {
  const ReadPlan read("tpx: 2\nnotes: free text\nsource: a paper\n");
  CHECK(read.problems.text() == "s.yaml:1:1: plan.tpx: is not a known key (did you mean \"tp\"?)");
  CHECK(is_remark("notes"));
  CHECK_FALSE(is_remark("tp"));
}

TEST_CASE("required keys that are missing are named at the section") {
  Problems problems;
  const YamlNode root = parse_yaml("micro_batch: 2\n", {"s.yaml"}, problems);
  StructReader reader(root, "batch", problems);
  Batch batch;
  reader.read(batch);
  CHECK(batch.micro_batch == 2);
  REQUIRE(problems.items().size() == 2);
  CHECK(problems.items()[0].path == "batch.global_batch");
  CHECK(problems.items()[1].path == "batch.sequence_length");
}
