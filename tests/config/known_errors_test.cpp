#include "config/known_errors.hpp"

#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

const std::string kTable =
    "framework,generation,rows,sources,error_percent\n"
    "megatron-bridge,blackwell,41,3,9\n"
    "megatron-bridge,,70,4,12\n"
    ",hopper,90,8,15\n"
    ",,300,20,18.5\n";

std::vector<KnownErrorRow> table(const std::string& text = kTable) {
  Problems problems;
  auto rows = parse_known_errors(text, "known.csv", problems);
  CHECK(problems.text() == "");
  return rows;
}

std::string found(const std::string& framework, const std::string& generation) {
  const auto row = known_error_of(table(), framework, generation);
  return row ? described(*row) : "";
}

}  // namespace

TEST_CASE("the row that is most like a scenario") {
  CHECK(found("megatron-bridge-26.04", "blackwell") == "megatron-bridge on blackwell");
  CHECK(found("megatron-bridge", "hopper") == "megatron-bridge");
  CHECK(found("deepseek", "hopper") == "on hopper");
  CHECK(found("", "hopper") == "on hopper");
  CHECK(found("deepseek", "cdna3") == "of any framework and device");
  const auto row = known_error_of(table(), "megatron-bridge-25.11", "blackwell");
  REQUIRE(row);
  CHECK(row->error == Approx(0.09));
  CHECK(row->rows == 41);
  CHECK_FALSE(known_error_of({}, "deepseek", "hopper"));
}

TEST_CASE("the family of a profile is its name without a release") {
  for (const auto& [profile, family] :
       {std::pair("megatron-core-0.16", "megatron-core"), std::pair("mlperf-v6.0", "mlperf"),
        std::pair("torchtitan-compiled", "torchtitan-compiled"), std::pair("fsdp2", "fsdp2"),
        std::pair("own/profile.yaml", "")})
    CHECK(framework_family(profile) == family);
}

TEST_CASE("a table of known errors with mistakes says where they are") {
  const auto errors = [](const std::string& text) {
    Problems problems;
    parse_known_errors(text, "known.csv", problems);
    return problems.text();
  };
  CHECK(errors("framework,rows,sources,error_percent\na,1,1,1\n") ==
        "known.csv:1:1: generation: is not among the columns");
  CHECK(errors("framework,generation,rows,sources,error_percent\na,b,many,1,-2\n") ==
        "known.csv:2:5: rows: expected a number of at least 0, got \"many\"\n"
        "known.csv:2:12: error_percent: expected a number of at least 0, got \"-2\"");
  CHECK(errors("framework,generation,rows,sources,error_percent\na,b\n") ==
        "known.csv:2:1: has another number of cells than the first line");
}

TEST_CASE("the first data directory with a table has it") {
  const MemoryFiles files({{"b/scenarios/frameworks/known-errors.csv", kTable}});
  CHECK(load_known_errors({{"a", "b"}}, files).size() == 4);
  CHECK(load_known_errors({{"a"}}, files).empty());
}
