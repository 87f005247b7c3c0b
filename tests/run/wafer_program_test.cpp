// The model must hold against measurements and physics, through SimGrid; docs/model/wafer.md
// has the figures.
#include "run/wafer_program.hpp"

#include "catch.hpp"
#include "config/scenario.hpp"
#include "fixtures/in_child.hpp"
#include "run/run_step.hpp"

using namespace moesim;

namespace {

using Sets = std::vector<std::string>;

StepReport report_of(const std::string& name, const Sets& sets) {
  const std::string source = MOESIM_SOURCE_DIR;
  return run_step(load_scenario(source + "/scenarios/" + name + ".yaml", sets, {{source}}).scenario,
                  {})
      .report;
}

// One number of each run, in processes of their own.
std::vector<double> figures(const std::string& name, const std::vector<Sets>& runs,
                            const std::function<double(const StepReport&)>& figure) {
  std::vector<std::function<std::vector<double>()>> works;
  for (const Sets& sets : runs)
    works.push_back(
        [&name, &sets, &figure] { return std::vector<double>{figure(report_of(name, sets))}; });
  std::vector<double> values;
  for (const Numbers& numbers : numbers_in_children(works)) {
    INFO(numbers.error);
    CHECK(numbers.error.empty());
    values.push_back(numbers.at(0));
  }
  return values;
}

double step_s(const StepReport& report) { return report.step_time_s; }
double tokens_per_s(const StepReport& report) { return report.tokens_per_s; }

Sets with(Sets sets, const Sets& more) {
  sets.insert(sets.end(), more.begin(), more.end());
  return sets;
}

// Qwen3-30B-A3B shapes with so many experts, or the dense model of as many active FLOPs.
Sets sparse(int experts, int top_k) {
  return {fmt::format("workload.experts={}", experts), fmt::format("workload.top_k={}", top_k)};
}
Sets dense(int top_k) {
  return {fmt::format("workload={{base: qwen3-30b-a3b, experts: 0, top_k: 0, dense_ffn: {}}}",
                      768 * top_k)};
}
// Sequences of an attention tile, tiles, sequences per step.
Sets batch(int attention_batch, int tiles, int global_batch) {
  return {fmt::format("plan.attention_batch={}", attention_batch),
          fmt::format("plan.attention_tiles={}", tiles),
          fmt::format("batch.global_batch={}", global_batch)};
}

}  // namespace

TEST_CASE("measured: Llama2-7B on one CS-3, within 5 %") {
  const std::vector<std::pair<int, double>> measured{
      {32, 28.51}, {128, 32.44}, {256, 32.86}, {1024, 33.04}, {2048, 34.09}};
  std::vector<Sets> runs;
  for (const auto& [size, rate] : measured)
    runs.push_back({fmt::format("batch.global_batch={}", size)});
  const auto steps = figures("llama2-7b-cs3", runs, step_s);
  for (size_t i = 0; i < measured.size(); ++i) {
    INFO("batch " << measured[i].first << " predicted " << measured[i].first / steps[i]);
    CHECK(measured[i].first / steps[i] == Approx(measured[i].second).epsilon(0.05));
  }
}

TEST_CASE("measured: GPT-J 6B on one and two CS-2, within 12 %") {
  const auto steps =
      figures("gptj-6b-cs2", {{}, {"platform.systems=2", "batch.global_batch=120"}}, step_s);
  CHECK(66 / steps[0] == Approx(19.80).epsilon(0.12));
  CHECK(120 / steps[1] == Approx(43.68).epsilon(0.12));
}

TEST_CASE("measured: batch tiling on attention, Qwen3-30B-A3B shapes, 128 experts, top-1") {
  const auto rates = figures("qwen3-30b-a3b-cs2", {{}, {"plan.attention_tiles=64"}}, tokens_per_s);
  CHECK(rates[0] == Approx(7091).epsilon(0.2));
  CHECK(rates[1] == Approx(49335).epsilon(0.2));
  CHECK(rates[1] / rates[0] == Approx(6.96).epsilon(0.15));
}

// 16 sequences of 2,048 tokens at once, conventional; the baseline has a dense FFN of 8 x 768 and
// the same batch.
TEST_CASE(
    "published: conventional batching loses half from 1 to 128 experts, batch tiling nothing") {
  std::vector<Sets> runs{with(dense(8), batch(16, 1, 1024))};
  const std::vector<int> experts{8, 16, 32, 64, 128};
  for (const int count : experts) runs.push_back(with(sparse(count, 8), batch(16, 1, 1024)));
  for (const int count : experts) runs.push_back(with(sparse(count, 8), batch(16, 16, 1024)));
  const auto rates = figures("qwen3-30b-a3b-cs2", runs, tokens_per_s);
  for (size_t i = 1; i <= experts.size(); ++i) {
    CHECK(rates[i] < rates[i - 1]);
    CHECK(rates[i + experts.size()] >= 0.9 * rates[0]);
  }
  CHECK(1 - rates[5] / rates[0] == Approx(0.53).margin(0.08));
}

// 4 sequences at once; the baseline has a dense FFN of top-k x 768 and the same batch.
TEST_CASE(
    "published: conventional batching loses most with one of 128 experts, batch tiling nothing") {
  std::vector<Sets> runs;
  for (const int top_k : {8, 4, 2, 1})
    for (const Sets& model : {dense(top_k), sparse(128, top_k)})
      for (const int tiles : {1, 64}) runs.push_back(with(model, batch(4, tiles, 256)));
  const auto rates = figures("qwen3-30b-a3b-cs2", runs, tokens_per_s);
  double last_loss = 0;
  for (size_t i = 0; i < rates.size(); i += 4) {
    const double loss = 1 - rates[i + 2] / rates[i];
    CHECK(loss > last_loss);
    CHECK(rates[i + 3] >= 0.9 * rates[i]);      // against the dense model in the same small batch
    CHECK(rates[i + 3] >= 0.9 * rates[i + 1]);  // and with its attention tiled alike
    last_loss = loss;
  }
  CHECK(last_loss == Approx(0.86).margin(0.06));
}

TEST_CASE("weak scaling, and where a slower level of the tree shows") {
  const auto on = [](int systems, const char* levels, const char* tiles) {
    return Sets{fmt::format("platform.systems={}", systems),
                fmt::format("batch.global_batch={}", 256 * systems),
                fmt::format("platform.swarmx.level_bytes_per_s={}", levels),
                fmt::format("plan.attention_tiles={}", tiles)};
  };
  const char* full = "[150 GB/s, 150 GB/s]";
  const auto per_wafer = [](const StepReport& report) { return report.tokens_per_s_per_device; };
  for (const char* tiles : {"1", "64"}) {
    const auto rates =
        figures("qwen3-30b-a3b-cs2",
                {on(1, full, tiles), on(16, full, tiles), on(64, full, tiles),
                 on(16, "[150 GB/s, 75 GB/s]", tiles), on(64, "[150 GB/s, 75 GB/s]", tiles),
                 on(16, "[75 GB/s, 150 GB/s]", tiles)},
                per_wafer);
    CHECK(rates[1] >= 0.95 * rates[0]);
    CHECK(rates[2] >= 0.95 * rates[0]);
    CHECK(rates[3] == Approx(rates[1]));  // 16 wafers hang on the root: no second level
    if (std::string(tiles) == "1") {
      CHECK(rates[4] < 0.75 * rates[2]);  // streaming bounds conventional batching
      CHECK(rates[5] < 0.75 * rates[1]);
    } else {
      CHECK(rates[4] >= 0.99 * rates[2]);  // batch tiling hides it
      CHECK(rates[5] >= 0.99 * rates[1]);
    }
  }
}

TEST_CASE("doubling the I/O or the window never slows") {
  const std::vector<Sets> bases{
      {"batch.global_batch=16"},
      {"batch.global_batch=64", "plan.attention_tiles=16"},
      {"batch.global_batch=64", "plan.attention_tiles=64", "plan.saved_activations=host"},
      {"workload.top_k=8", "batch.global_batch=16", "routing.kind=zipf", "routing.exponent=0.8"},
      {"batch.global_batch=8", "batch.micro_batch=1", "plan.recompute=none", "platform.systems=4"},
      {"batch.global_batch=8", "batch.sequence_length=64", "routing.kind=uniform"}};
  const Sets fast{"platform.wafer.io_bytes_per_s=300 GB/s",
                  "platform.memoryx.egress_bytes_per_s=300 GB/s",
                  "platform.memoryx.ingress_bytes_per_s=300 GB/s",
                  "platform.swarmx.level_bytes_per_s=[300 GB/s]"};
  const Sets wide{"platform.prefetch_bytes=4 GB", "platform.gradient_buffer_bytes=2 GB"};
  std::vector<Sets> runs;
  for (const Sets& base : bases)
    for (const Sets& change : {Sets{}, fast, wide}) runs.push_back(with(base, change));
  const auto steps = figures("qwen3-30b-a3b-cs2", runs, step_s);
  for (size_t i = 0; i < runs.size(); i += 3) {
    INFO(i / 3);
    CHECK(steps[i + 1] <= steps[i] * (1 + 1e-9));
    CHECK(steps[i + 2] <= steps[i] * (1 + 1e-9));
  }
  CHECK(steps[1] < 0.95 * steps[0]);
}

TEST_CASE("timers and flows agree, and so do one wafer and sixteen simulated") {
  const Sets small{"batch.global_batch=64", "plan.attention_tiles=16",
                   "plan.saved_activations=host"};
  const auto steps = figures("qwen3-30b-a3b-cs2",
                             {small, with(small, {"plan.transport=flows"}),
                              with(small, {"platform.systems=16", "batch.global_batch=1024",
                                           "plan.simulated_replicas=0"})},
                             step_s);
  CHECK(steps[1] == Approx(steps[0]).epsilon(0.002));
  CHECK(steps[2] == Approx(steps[0]).epsilon(1e-6));
}

TEST_CASE("auto takes the best number of tiles") {
  const Sets open{"batch.global_batch=auto", "plan.saved_activations=wafer"};
  std::vector<Sets> runs;
  for (const char* tiles : {"auto", "1", "2", "4", "8", "16"})
    runs.push_back(with(open, {std::string("plan.attention_tiles=") + tiles}));
  const auto rates = figures("qwen3-30b-a3b-cs2", runs,
                             [](const StepReport& r) { return r.fits() ? r.tokens_per_s : 0; });
  for (size_t i = 1; i < rates.size(); ++i) CHECK(rates[0] >= 0.98 * rates[i]);
  CHECK(rates[0] > 3 * rates[1]);
}

TEST_CASE("a report of a wafer system") {
  const StepReport report =
      report_of("qwen3-30b-a3b-cs2", {"plan.attention_tiles=64", "plan.saved_activations=wafer"});
  CHECK(report.devices == 1);
  CHECK(report.breakdown_s.total() == Approx(report.step_time_s));
  CHECK(report.lower_bound_s <= report.step_time_s * (1 + 1e-9));
  REQUIRE(report.memory.size() == 2);
  CHECK(report.memory[0].name == "SRAM");
  CHECK_FALSE(report.memory[0].fits);
  CHECK(report.memory[0].breaks_it == "saved activations");
  CHECK(report.memory[1].name == "MemoryX");
  CHECK(report.memory[1].fits);
  CHECK(report.memory[1].total_bytes == Approx(18 * 30.53e9).epsilon(0.001));
}

// 48 layers x 2 directions x 128 microbatches: 12,288 layer-microbatches.
TEST_CASE("a step of more than 10,000 layer-microbatches takes less than 10 s of a processor") {
  CHECK(report_of("qwen3-30b-a3b-cs2", {"batch.global_batch=1024", "batch.micro_batch=4"})
            .simulation.cpu_s < 10);
}

TEST_CASE("2,048 wafers with drawn routing take less than 30 s of a processor and 1 GB") {
  const StepReport report =
      report_of("deepseek-v3-cs3x64", {"platform.systems=2048", "batch.global_batch=32768",
                                       "routing.kind=uniform", "plan.attention_tiles=8"});
  CHECK(report.simulation.cpu_s < 30);
  CHECK(report.simulation.peak_rss_bytes < 1'000'000'000);
  CHECK(report.simulation.folded.find("slowest wafer") != std::string::npos);
  const StageMemory& sram = report.memory[0];
  CHECK(sram.fits);
  CHECK(sram.live_bytes == Approx(sram.total_bytes).epsilon(0.01));
  CHECK(sram.live_bytes <= sram.capacity_bytes);
  CHECK(sram.moment == "backward of layer 61, microbatch 0");
  CHECK(sram.largest.front().name == "recomputed attention");
}

// Experts whose active FLOPs stay as top-k falls; activations on the wafer, scores kept.
TEST_CASE("published: both losses from the batch that SRAM holds") {
  const Sets batch_that_fits{"plan.attention_batch=33", "batch.global_batch=264",
                             "plan.saved_activations=wafer", "plan.attention_scores=kept"};
  const auto rates =
      figures("qwen3-30b-a3b-cs2",
              {with(dense(1), batch_that_fits), with(sparse(128, 8), batch_that_fits),
               with(dense(8), batch_that_fits),
               with(with(sparse(128, 1), {"workload.moe_ffn=6144"}), batch_that_fits)},
              [](const StepReport& r) { return r.fits() ? r.tokens_per_s : 0; });
  CHECK(1 - rates[1] / rates[0] == Approx(0.53).margin(0.03));  // from one expert of 768
  CHECK(1 - rates[3] / rates[2] == Approx(0.86).margin(0.03));
  CHECK(rates[3] == Approx(7091).epsilon(0.1));
  CHECK(rates[1] / rates[3] > 4);  // up to 5 times
}

// 33 sequences: a microbatch of 17 in tiles of 9, and one of 16 in one tile of 16.
TEST_CASE("the microbatch with the larger tiles is the one that SRAM is planned for") {
  const StepReport report =
      report_of("qwen3-30b-a3b-cs2",
                {"batch.global_batch=33", "plan.attention_batch=16", "plan.attention_tiles=2"});
  CHECK(report.memory[0].fits);
  CHECK(report.memory[0].live_bytes <= report.memory[0].total_bytes);
}

// 450 sequences on the 15 of 16 wafers that are left.
TEST_CASE("whichever wafer is lost, the others take as long") {
  const Sets sets{"platform.systems=16", "batch.global_batch=450", "routing.kind=balanced"};
  const auto seconds =
      figures("qwen3-30b-a3b-cs2",
              {with(sets, {"faults.devices=[{rank: 15, speed: 0}]"}),
               with(sets, {"faults.devices=[{rank: 0, speed: 0}]"}),
               {"platform.systems=15", "batch.global_batch=450", "routing.kind=balanced"}},
              step_s);
  CHECK(seconds[0] == Approx(seconds[1]).epsilon(1e-9));
  CHECK(seconds[0] == Approx(seconds[2]).epsilon(1e-9));
}
