#include "page/page.hpp"

#include <nlohmann/json.hpp>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "page/pack.hpp"
#include "page/template.hpp"

using namespace moesim;

namespace {

const PageOptions kOptions{"title", "a folder", "1.2.3"};

std::string stored(const std::string& name, const std::string& sets, const std::string& more) {
  return R"({"run":{"name":")" + name + R"(","set":[)" + sets +
         R"(],"status":"done","message":""},"step_time_s":1.23456789,)" + more + "}";
}

nlohmann::json data_of(const std::vector<PageResult>& results) {
  return nlohmann::json::parse(page_data(results, kOptions));
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

}  // namespace

TEST_CASE("one run keeps every digit and everything that belongs to it") {
  const auto data = data_of({{"run", R"({"step_time_s":1.23456789012345,"mfu":0.5})", R"({"a":1})",
                              R"({"names":[]})", "plan:\n", "as it was"}});
  CHECK(data["study"] == false);
  CHECK(data["title"] == "title");
  REQUIRE(data["runs"].size() == 1);
  const auto& run = data["runs"][0];
  CHECK(run["report"]["step_time_s"] == 1.23456789012345);
  CHECK(run["explanation"]["a"] == 1);
  CHECK(run["timeline"]["names"].empty());
  CHECK(run["scenario"] == "plan:\n");
  CHECK(run["scenario_note"] == "as it was");
}

TEST_CASE("runs of a study share settings that are equal, and show what they set") {
  const std::string plan = R"("plan":{"ep":8,"tp":1},"batch":{"micro_batch":1})";
  const auto data = data_of({{"a", stored("a", R"("plan.ep=8")", plan)},
                             {"b", stored("b", R"("plan.ep=8","batch.micro_batch=1")", plan)},
                             {"c", stored("c", "", R"("plan":{"ep":16,"tp":1})")}});
  CHECK(data["study"] == true);
  CHECK(data["keys"] == nlohmann::json{"plan.ep", "batch.micro_batch"});
  CHECK(data["variants"]["plan"].size() == 2);
  CHECK(data["runs"][0]["report"]["plan"] == 0);
  CHECK(data["runs"][1]["report"]["plan"] == 0);
  CHECK(data["variants"]["plan"][data["runs"][2]["report"]["plan"].get<size_t>()]["ep"] == 16);
  CHECK(data["runs"][1]["set"] == nlohmann::json{{"plan.ep", "8"}, {"batch.micro_batch", "1"}});
  CHECK(data["runs"][0]["report"]["step_time_s"] == 1.23456789);  // of a run's figures all digits
}

TEST_CASE("long lists of a study's runs are cut and their numbers rounded") {
  std::string path = R"("critical_path":[{"seconds":0.123456789123})";
  for (int i = 0; i < 40; ++i) path += R"(,{"seconds":1e-300})";
  const auto data =
      data_of({{"a", stored("a", "", path + "]")}, {"b", stored("b", "", path + "]")}});
  const auto& shown = data["runs"][0]["report"]["critical_path"];
  CHECK(shown.size() == 12);
  CHECK(shown[0]["seconds"] == 0.1234568);
}

TEST_CASE("runs that did not end are counted by reason and keep their message") {
  const std::string failed =
      R"({"run":{"name":"x","set":[],"status":"failed","message":"ep does not divide\nmore"}})";
  const auto data = data_of({{"x", failed}, {"y", failed}, {"z", stored("z", "", R"("mfu":1)")}});
  CHECK(data["rejected"] == nlohmann::json{{"ep does not divide", 2}});
  CHECK(data["runs"][0]["message"] == "ep does not divide\nmore");
  CHECK(!data["runs"][0].contains("report"));
}

TEST_CASE("a search is a study of the mappings that it simulated") {
  const auto data = data_of({{"s", R"({"mappings":90,"fitting":20,"rejected":{"memory":70},"best":[
    {"set":["plan.tp=2","plan.pp=8"],"report":{"step_time_s":2}},
    {"set":{"plan.tp":1},"step_time_s":3}]})"}});
  CHECK(data["study"] == true);
  REQUIRE(data["runs"].size() == 2);
  CHECK(data["runs"][0]["name"] == "tp=2 pp=8");
  CHECK(data["runs"][0]["report"]["step_time_s"] == 2);
  CHECK(data["runs"][1]["name"] == "tp=1");
  CHECK(data["runs"][1]["report"]["step_time_s"] == 3);
  CHECK(data["rejected"]["memory"] == 70);
  CHECK(data["counts"]["mappings"] == 90);
}

TEST_CASE("what kind of result a text is") {
  CHECK(kind_of_result("{") == ResultKind::none);
  CHECK(kind_of_result("[1]") == ResultKind::none);
  CHECK(kind_of_result(R"({"a":1})") == ResultKind::none);
  CHECK(kind_of_result(R"({"step_time_s":1})") == ResultKind::run);
  CHECK(kind_of_result(R"({"step_time_s":1,"sensitivities":[],"math":{}})") ==
        ResultKind::explanation);
  CHECK(kind_of_result(R"({"rows":[],"pareto":[]})") == ResultKind::capacity);
  CHECK_THROWS_WITH(page_data({{"a", "{}"}, {"b", "7"}}, kOptions),
                    "a: is no result: expected the JSON of run, search, explain or capacity\n"
                    "b: is no result: expected the JSON of run, search, explain or capacity");
}

TEST_CASE("the page is the template with the data, whatever a name says") {
  const std::string html =
      page_html({{"a", R"({"step_time_s":1,"scenario":"</script><b>"})"}}, kOptions);
  CHECK(html.size() > page_template().size());
  CHECK(html.starts_with("<!doctype html>"));
  CHECK(html.find("<!--DATA-->") == std::string::npos);
  CHECK(count(html, "</script>") == 2);  // of the data and of the program
  CHECK(html.find(R"(\u003c/script>\u003cb>)") != std::string::npos);
}

TEST_CASE("the page asks nobody for anything") {
  const std::string page(page_template());
  CHECK(page.find("default-src 'none'") != std::string::npos);
  for (const char* part : {"src=\"http", "href=\"http", "@import", "sourceMappingURL"})
    CHECK(page.find(part) == std::string::npos);
  for (const char* part : {"Apache ECharts", "BSD", "Copyright (c) 2017, Baidu Inc."})
    CHECK(page.find(part) != std::string::npos);  // notices that the packages ask for
}

TEST_CASE("much data stands in the page as gzip") {
  std::string text = R"({"step_time_s":1,"faults":")";
  for (int i = 0; i < 100'000; ++i) text += "0123456789012";
  const std::string html = page_html({{"a", text + "\"}"}}, kOptions);
  CHECK(html.size() < page_template().size() + 20'000);
  CHECK(html.find("type=\"application/gzip\">H4sI") != std::string::npos);
}
