#include "capacity/capacity.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "capacity/capacity_report.hpp"
#include "catch.hpp"
#include "fixtures/in_child.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

using nlohmann::json;

const std::string kFile =
    R"(workload: {layers: 8, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64,
           experts: 16, top_k: 4, moe_ffn: 512}
batch: {global_batch: 256, sequence_length: 2048}
tokens: 1e11
deadline_s: 30 d
search: {free: "tp,ep"}
pue: 1.5
carbon_kg_per_kwh: 0.4
machines:
  - {platform: h100-sxm, counts: [8, 16], price_per_device_hour: 2}
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kFile;
  return text.replace(text.find(from), from.size(), to);
}

// In a child, because the simulations may not fork from a process that simulated.
std::string answered(const std::string& text, const std::string& folder = "", bool table = false) {
  return in_children({[&] {
    const MemoryFiles files({{"c.yaml", text}}, &disk_files());
    const CapacityStudy study("c.yaml", files);
    CapacityOptions options;
    options.folder = folder;
    options.jobs = 2;
    const CapacityResult result = plan_capacity(study, "c.yaml", options);
    if (table) return capacity_table(result);
    return std::to_string(result.stored) + "\n" + capacity_json(result);
  }})[0];
}
json answer(const std::string& text, const std::string& folder = "") {
  const std::string all = answered(text, folder);
  return json::parse(all.substr(all.find('\n')));
}

}  // namespace

TEST_CASE("a row by hand: days, money, energy from its step") {
  const json d = answer(kFile);
  REQUIRE(d["rows"].size() == 2);
  for (const json& row : d["rows"]) {
    const double devices = row["devices"], step_s = row["step_time_s"];
    const double seconds = 1e11 / (256 * 2048) * step_s;
    CHECK(row["days"].get<double>() == Approx(seconds / 86400));
    CHECK(row["days_with_failures"].is_null());
    CHECK(row["cost"].get<double>() == Approx(seconds / 3600 * devices * 2));
    CHECK(row["cost_per_ttokens"].get<double>() == Approx(row["cost"].get<double>() * 10));
    CHECK(row["energy_mwh"].get<double>() ==
          Approx(seconds * devices * row["power_w"].get<double>() * 1.5 / 3.6e9));
    CHECK(row["power_w"].get<double>() > 150);
    CHECK(row["power_w"].get<double>() < 700);
    CHECK(row["co2_t"].get<double>() == Approx(row["energy_mwh"].get<double>() * 0.4));
    CHECK(row["meets_deadline"] == (row["days"] <= 30));
    CHECK_FALSE(row["set"].empty());
  }
  // Twice the devices are faster, but not twice as fast.
  const double one = d["rows"][0]["days"], two = d["rows"][1]["days"];
  CHECK(two < one);
  CHECK(two > one / 2.05);
  for (const json& upgrade : d["upgrades"])
    CHECK(upgrade["step_time_s"].get<double>() <=
          d["rows"][0]["step_time_s"].get<double>() * 1.001);
  CHECK(d["upgrades"].size() >= 3);
}

TEST_CASE("a second call simulates nothing, and a doubled price doubles money alone") {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  const json first = answer(kFile, path);
  CHECK(answered(kFile, path).substr(0, 2) == "2\n");
  CHECK(answer(kFile, path) == first);
  json second = answer(with("device_hour: 2", "device_hour: 4"), path);
  CHECK(answered(with("device_hour: 2", "device_hour: 4"), path).substr(0, 2) == "2\n");
  const auto halve = [](json& object, const char* key) {
    object[key] = object[key].get<double>() / 2;
  };
  for (json& row : second["rows"])
    for (const char* key : {"cost", "cost_per_ttokens", "cost_low", "cost_high"}) halve(row, key);
  for (json& row : second["pareto"]) halve(row, "cost");
  for (const char* key : {"smallest", "best"}) halve(second[key], "cost");
  for (json& row : second["smallest_by_platform"]) halve(row, "cost");
  CHECK(second == first);
  // Another batch is another step.
  CHECK(answered(with("global_batch: 256", "global_batch: 128"), path).substr(0, 2) == "0\n");
}

TEST_CASE("without a price there is no money; what cannot be used says why") {
  const json d = answer(with("counts: [8, 16], price_per_device_hour: 2", "counts: [7, 16]"));
  CHECK(d["rows"][1]["cost"].is_null());
  CHECK(d["rows"][1]["cost_per_ttokens"].is_null());
  CHECK(d["rows"][0].contains("reason"));
  CHECK(d["best"]["devices"] == 16);
  CHECK(d["pareto"].size() == 1);
}

TEST_CASE("the table is 80 columns wide and names what it leaves out") {
  const std::string text = answered(with("deadline_s: 30 d", "deadline_s: 1 h"), "", true);
  INFO(text);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    CHECK(columns_of(std::string_view(text).substr(begin, end - begin)) <= 80);
    begin = end + 1;
  }
  CHECK(text.find("fastest, but late:") != std::string::npos);
  CHECK(text.find("in time: none") != std::string::npos);
  CHECK(text.find("energy: nodes or switches beside the devices of h100-sxm") != std::string::npos);
  CHECK(text.find("failures: goodput.device_mtbf_s is not given") != std::string::npos);
}
