#include "page/timeline_file.hpp"

#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

std::string trace(const std::string& events) {
  return R"({"displayTimeUnit":"ms","traceEvents":[)" + events + "]}";
}

const char* const kEvents = R"(
  {"ph":"M","pid":2,"name":"process_name","args":{"name":"rank 0"}},
  {"ph":"M","pid":2,"tid":1000,"name":"thread_name","args":{"name":"compute"}},
  {"ph":"X","pid":2,"tid":1000,"ts":1.000,"dur":0.5009,"name":"a","args":{"microbatch":0}},
  {"ph":"X","pid":2,"tid":1000,"ts":2.000,"dur":3.000,"name":"b","args":{}},
  {"ph":"X","pid":2,"tid":1001,"ts":0.000,"dur":1.000,"name":"a","args":{}},
  {"ph":"s","pid":2,"tid":1000,"ts":1.0,"id":1,"cat":"flow","name":"x"},
  {"ph":"C","pid":2,"ts":0.000,"name":"NIC GB/s","args":{"out":12.5,"in":0.25}},
  {"ph":"C","pid":2,"ts":4.000,"name":"NIC GB/s","args":{"out":0,"in":0}})";

}  // namespace

TEST_CASE("slices are gaps, lengths and names in whole nanoseconds") {
  const auto timeline = nlohmann::json::parse(page_timeline(trace(kEvents), "t"));
  CHECK(timeline["names"] == nlohmann::json{"a", "b"});
  CHECK(timeline["end_ns"] == 5000);
  REQUIRE(timeline["tracks"].size() == 2);
  CHECK(timeline["tracks"][0]["process"] == "rank 0");
  CHECK(timeline["tracks"][0]["thread"] == "compute");
  CHECK(timeline["tracks"][0]["slices"] == nlohmann::json{1000, 501, 0, 499, 3000, 1});
  CHECK(timeline["tracks"][1]["thread"] == "1001");
  CHECK(timeline["tracks"][1]["slices"] == nlohmann::json{0, 1000, 0});
}

TEST_CASE("counters are series of gaps and values") {
  const auto timeline = nlohmann::json::parse(page_timeline(trace(kEvents), "t"));
  REQUIRE(timeline["counters"].size() == 2);
  CHECK(timeline["counters"][0]["series"] == "in");
  CHECK(timeline["counters"][0]["points"] == nlohmann::json{0, 0.25, 4000, 0.0});
  CHECK(timeline["counters"][1]["series"] == "out");
  CHECK(timeline["counters"][1]["name"] == "NIC GB/s");
}

TEST_CASE("what is no timeline, lacks a field or is too long is an error") {
  CHECK_THROWS_WITH(page_timeline("[]", "t"),
                    "t: is no timeline: expected the JSON of run --trace");
  CHECK_THROWS_WITH(page_timeline("{\"traceEvents\":[", "t"),
                    "t: is no timeline: expected the JSON of run --trace");
  CHECK_THROWS_WITH(page_timeline(trace(R"({"ph":"X","pid":1})"), "t"),
                    R"(t: an event of the timeline lacks a field: {"ph":"X","pid":1})");
  CHECK_THROWS_WITH(page_timeline(trace(kEvents), "t", 6),
                    "t: 7 slices and samples, of which a page takes 6: draw fewer ranks "
                    "(--trace-ranks) or blocks (--trace-level phase)");
}
