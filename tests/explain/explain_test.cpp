#include "explain/explain.hpp"

#include <fstream>
#include <set>

#include "catch.hpp"
#include "fixtures/temporary_folder.hpp"
#include "report/explanation.hpp"

using namespace moesim;

namespace {

constexpr const char* kScenario = R"(
workload: {layers: 4, hidden: 1024, vocab: 32000, heads: 16, kv_heads: 4, head_dim: 64, experts: 16, top_k: 2, moe_ffn: 512}
platform: {base: h100-sxm, gpus: 16}
plan: {ep: 8, pp: 2}
routing: {kind: zipf, exponent: 0.5}
batch: {global_batch: 32, micro_batch: 1, sequence_length: 1024}
)";

struct Explained {
  TemporaryFolder folder;
  ExplainOptions options;
  explicit Explained(const std::vector<std::string>& sets = {}) {
    options.scenario_path = (folder.path() / "s.yaml").string();
    std::ofstream(options.scenario_path) << kScenario;
    options.folder = (folder.path() / "runs").string();
    options.sets = sets;
    options.version = "test";
    options.pool.jobs = 2;
  }
  Explanation run() {
    auto explanation = explain(options);
    REQUIRE(explanation);
    return *explanation;
  }
};

const Sensitivity* find(const Explanation& e, const std::string& knob) {
  for (const Sensitivity& s : e.sensitivities)
    if (s.knob == knob) return &s;
  return nullptr;
}

}  // namespace

TEST_CASE(
    "an explanation: the parts sum to the difference, what is faster makes the step shorter") {
  Explained explained;
  const Explanation e = explained.run();
  double sum = e.math_s;
  for (const Attribution& part : e.attribution) sum += part.seconds;
  CHECK(sum == Approx(e.step_s).epsilon(1e-12));
  CHECK(e.attribution.size() == 4);
  CHECK(e.stripped_s > 0);
  double terms = 0;
  for (const MathTerm& term : e.math) terms += term.seconds;
  CHECK(terms == Approx(e.math_s));
  for (const char* knob : {"FLOPS", "HBM bandwidth"}) {
    REQUIRE(find(e, knob) != nullptr);
    CHECK(find(e, knob)->elasticity < 0);
    CHECK(find(e, knob)->low_step_s > e.step_s);
    CHECK(find(e, knob)->high_step_s < e.step_s);
  }
  REQUIRE(find(e, "routing imbalance") != nullptr);
  CHECK(find(e, "routing imbalance")->elasticity > 0);
  CHECK(find(e, "routing imbalance")->high_ratio > 1);
  for (size_t i = 1; i < e.sensitivities.size(); ++i)
    CHECK(std::abs(e.sensitivities[i - 1].elasticity) >= std::abs(e.sensitivities[i].elasticity));
  double path = 0;
  for (const CriticalPathEntry& entry : e.by_layer) path += entry.seconds;
  CHECK(path == Approx(e.step_s).epsilon(1e-6));
  CHECK(!e.by_link.empty());
}

TEST_CASE(
    "the same explanation again: nothing is simulated twice, and the same bytes are printed") {
  Explained explained;
  const std::string first = explanation_json(explained.run(), "test");
  const auto stamp =
      std::filesystem::last_write_time(explained.folder.path() / "runs" / "step.json");
  size_t skipped = 0;
  explained.options.pool.on_progress = [&](const Progress& progress) { skipped = progress.done; };
  CHECK(explanation_json(explained.run(), "test") == first);
  CHECK(std::filesystem::last_write_time(explained.folder.path() / "runs" / "step.json") == stamp);
  // Another order of runs gives the same too.
  Explained alone;
  alone.options.pool.jobs = 1;
  alone.options.folder.clear();
  CHECK(explanation_json(alone.run(), "test") == first);
}

TEST_CASE("causes that are not there cost no runs and explain nothing") {
  Explained explained({"routing.kind=balanced", "plan.overlap_grad_reduce=false",
                       "plan.overlap_param_gather=false", "plan.transport=uncontended"});
  std::set<std::string> names;
  for (const StudyRun& run : explain_runs(explained.options)) CHECK(names.insert(run.name).second);
  CHECK(names.count("step") == 1);
  CHECK(names.count("bare") == 0);
  const Explanation e = explained.run();
  CHECK(e.stripped_s == e.step_s);
  for (size_t i = 1; i < e.attribution.size(); ++i) CHECK(e.attribution[i].seconds == 0);
  CHECK(e.attribution[0].seconds == Approx(e.step_s - e.math_s));
}
