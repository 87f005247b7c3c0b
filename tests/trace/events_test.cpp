#include "trace/events.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace moesim;

namespace {

template <class Write>
nlohmann::json events_of(Write&& write) {
  MemorySink sink;
  TraceEvents events(sink);
  write(events);
  events.finish();
  return nlohmann::json::parse(sink.text)["traceEvents"];
}

}  // namespace

TEST_CASE("no events are an empty list") {
  CHECK(events_of([](TraceEvents&) {}).empty());
}

TEST_CASE("times are microseconds to the nanosecond, however late") {
  MemorySink sink;
  TraceEvents events(sink);
  events.slice({1, 2}, 1'000'000'000'000'001, 1'000'000'000'001'007, "work", "");
  events.finish();
  CHECK(sink.text.find(R"("ts":1000000000000.001,"dur":1.0059,)") != std::string::npos);
}

TEST_CASE("a slice ends before the next begins, in the doubles of a reader") {
  CHECK(3625.001 + 0.112 > 3625.113);  // what rounding does to a slice that ends on time
  const auto list = events_of([](TraceEvents& events) {
    events.slice({1, 2}, 3'625'001, 3'625'113, "one", "");
    int64_t end = 0;
    for (int64_t length = 1; end < 40'000'000'000'000; length += 1 + length / 3) {
      events.slice({1, 3}, end, end + length, "more", "");
      end += length;
    }
  });
  CHECK(list[0]["dur"] == 0.1119);
  CHECK(std::llround(list[0]["dur"].get<double>() * 1000) == 112);
  REQUIRE(list.size() > 90);
  for (size_t i = 2; i < list.size(); ++i) {
    const double begin = list[i - 1]["ts"], length = list[i - 1]["dur"];
    CHECK(begin + length < list[i]["ts"].get<double>());
    CHECK(length > 0);
  }
}

TEST_CASE("names and arguments of slices, processes and threads") {
  const auto list = events_of([](TraceEvents& events) {
    events.process(3, "a \"b\"", 7);
    events.thread({3, 4}, "ep", 2);
    events.slice({3, 4}, 0, 1500, json_escaped("tab\t"), R"("microbatch":2)");
  });
  REQUIRE(list.size() == 5);
  CHECK(list[0]["args"]["name"] == "a \"b\"");
  CHECK(list[1]["args"]["sort_index"] == 7);
  CHECK(list[2]["tid"] == 4);
  CHECK(list[3]["args"]["sort_index"] == 2);
  CHECK(list[4]["name"] == "tab\t");
  CHECK(list[4]["args"]["microbatch"] == 2);
  CHECK(list[4]["dur"] == 1.4999);
}

TEST_CASE("the two ends of an arrow share category, name and an id of their own") {
  const auto list = events_of([](TraceEvents& events) {
    events.arrow("send", {1, 2}, 10, {3, 4}, 20);
    events.arrow("send", {1, 2}, 30, {3, 4}, 40);
  });
  REQUIRE(list.size() == 4);
  for (size_t i = 0; i < 4; i += 2) {
    CHECK(list[i]["ph"] == "s");
    CHECK(list[i + 1]["ph"] == "f");
    for (const char* key : {"id", "cat", "name"}) CHECK(list[i][key] == list[i + 1][key]);
  }
  CHECK(list[0]["id"] != list[2]["id"]);
}

TEST_CASE("counters carry both directions") {
  const auto list =
      events_of([](TraceEvents& events) { events.throughput(1, 0, "NIC", 50, 0.25); });
  REQUIRE(list.size() == 1);
  CHECK(list[0]["args"] == nlohmann::json{{"out", 50.0}, {"in", 0.25}});
}

TEST_CASE("bytes that are not UTF-8 are replaced") {
  CHECK(json_escaped("\xff") == "\xef\xbf\xbd");
  CHECK(json_escaped("µ\n") == "µ\\n");
}
