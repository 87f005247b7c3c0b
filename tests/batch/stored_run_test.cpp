#include "batch/stored_run.hpp"

#include <fstream>

#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"

using namespace moesim;

namespace {

StoredRun sample() {
  StoredRun stored;
  stored.run = {"ep=8", "s.yaml", {"plan.ep=8", "seed=2"}, "f8", "done", 1.5, 1 << 20, ""};
  stored.report.step_time_s = 20.125;
  stored.report.plan.items = {scalar_setting("ep", int64_t{8})};
  return stored;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a stored run reads back") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.json";
  write(path, stored_run_json(sample(), {}));
  const auto read = read_stored_run(path);
  REQUIRE(read);
  CHECK(read->is_done());
  CHECK(read->run.set == std::vector<std::string>{"plan.ep=8", "seed=2"});
  CHECK(read->run.fingerprint == "f8");
  CHECK(read->run.peak_rss_bytes == 1 << 20);
  CHECK(read->report.step_time_s == 20.125);
  CHECK(read->report.plan == sample().report.plan);
}

TEST_CASE("a run that is not done has its circumstances only") {
  StoredRun stored = sample();
  stored.run.status = "crashed";
  const std::string text = stored_run_json(stored, {});
  CHECK(text.find("\"status\": \"crashed\"") != std::string::npos);
  CHECK(text.find("step_time_s") == std::string::npos);
}

TEST_CASE("files that are no stored run are nothing") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.json";
  CHECK_FALSE(read_stored_run(path));
  for (const char* text :
       {"", "[1]", "{}", R"({"run": {"status": 3}})", R"({"run": {"status": "done"}, "mfu": 1})"}) {
    INFO(text);
    write(path, text);
    CHECK_FALSE(read_stored_run(path));
  }
}
