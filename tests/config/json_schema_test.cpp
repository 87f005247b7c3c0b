#include "config/json_schema.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("the JSON Schema has types, ranges, words and presets of a scenario's keys") {
  const nlohmann::json schema = nlohmann::json::parse(json_schema());
  const auto& sections = schema["properties"];
  const auto& plan = sections["plan"]["anyOf"][1]["properties"];
  CHECK(sections["plan"]["anyOf"][0]["type"] == "string");
  CHECK(plan["base"]["type"] == "string");
  CHECK(plan["ep"]["type"] == "integer");
  CHECK(plan["ep"]["minimum"] == 1);
  CHECK(plan["sequence_parallel"]["type"] == "boolean");
  CHECK(plan["precision"]["enum"][0] == "bf16");
  CHECK(plan["recompute_modules"]["items"].contains("enum"));
  CHECK(plan["communication_sms"]["anyOf"][1]["const"] == "auto");
  const auto& platform = sections["platform"]["anyOf"][1]["properties"];
  CHECK(platform["nic_bytes_per_s"]["type"] == nlohmann::json({"number", "string"}));
  CHECK(platform["device"]["anyOf"][1]["properties"]["sms"]["type"] == "integer");
  CHECK(platform.contains("wafer"));
  CHECK(sections["faults"].is_object());
}
