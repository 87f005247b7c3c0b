#include "batch/ranking.hpp"

#include "base/text.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

StoredRun done(const std::string& name, double step_s, bool fits = true) {
  StoredRun run;
  run.run.name = name;
  run.run.status = "done";
  run.report.step_time_s = step_s;
  run.report.tokens_per_s = 1000 / step_s;
  run.report.mfu = 0.4;
  StageMemory stage;
  stage.capacity_bytes = 80e9;
  stage.total_bytes = fits ? 60e9 : 83.1e9;
  stage.fits = fits;
  stage.verdict = fits ? "fits" : "out_of_memory";
  run.report.memory.push_back(stage);
  return run;
}

StoredRun not_done(const std::string& name, const std::string& status, const std::string& why) {
  StoredRun run;
  run.run.name = name;
  run.run.status = status;
  run.run.message = why;
  return run;
}

size_t at(const std::string& text, const std::string& part) {
  INFO(text);
  INFO(part);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part);
}

}  // namespace

TEST_CASE("the fastest that fits comes first, what does not fit last") {
  const std::string text =
      ranking_table({done("ep=8", 2), done("ep=16", 1.6), done("ep=1", 1, false)}, "ep=8", 0);
  CHECK(at(text, "1 ep=16") < at(text, "2 ep=8"));
  CHECK(at(text, "2 ep=8") < at(text, "3 ep=1 "));
  CHECK(at(text, "OOM") > at(text, "3 ep=1 "));
  CHECK(at(text, "+25.0 %") < at(text, "2 ep=8"));
  at(text, "best: ep=16: 1.600 s, 625 tokens/s, MFU 40.0 %, +25.0 % tokens/s than the base");
}

TEST_CASE("reasons are counted by the key that they begin with") {
  const std::string text =
      ranking_table({done("ep=8", 2), not_done("ep=3", "skipped", "plan.ep: 3 does not divide 16"),
                     not_done("ep=5", "skipped", "plan.ep: 5 does not divide 16"),
                     not_done("pp=9", "skipped", "plan.pp: 9 is more than 8"),
                     not_done("x", "failed", "no such file")},
                    "", 0);
  at(text, "2 skipped, such as ep=3: plan.ep: 3 does not divide 16");
  at(text, "1 skipped, pp=9: plan.pp: 9 is more than 8");
  at(text, "1 failed, x: no such file");
  at(text, "against ep=8");
}

TEST_CASE("80 columns, and no more lines than asked for") {
  std::vector<StoredRun> runs;
  for (int i = 0; i < 30; ++i)
    runs.push_back(done("expert_parallel=8,micro_batch=" + std::to_string(i), 1 + 0.01 * i));
  const std::string text = ranking_table(runs, "", 20);
  at(text, "and 10 more");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    CHECK(columns_of(std::string_view(text).substr(begin, end - begin)) <= 80);
    begin = end + 1;
  }
}
