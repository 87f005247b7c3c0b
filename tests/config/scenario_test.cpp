// Loading under random damage, and the scenarios we ship.
#include "config/scenario.hpp"

#include "base/random.hpp"
#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

// A few random edits: flipped, dropped, doubled or inserted bytes, and moved pieces.
std::string damage(std::string text, Random& random) {
  static const std::string kSpecial = "[]{}:,-?#&*!|>'\"%@`~\n\t \\\x80\xff<=.0eE";
  const auto below = [&](size_t limit) { return static_cast<size_t>(random.next() % (limit + 1)); };
  for (size_t edits = 1 + below(3); edits > 0; --edits) {
    const size_t at = below(text.size());
    switch (random.next() % 5) {
      case 0:
        text.insert(at, 1, kSpecial[below(kSpecial.size() - 1)]);
        break;
      case 1:
        text.erase(at, 1 + below(8));
        break;
      case 2:
        text.insert(at, text.substr(below(text.size()), below(20)));
        break;
      case 3:
        text.insert(at, std::string(1 + below(200), kSpecial[below(kSpecial.size() - 1)]));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.next());
    }
  }
  return text;
}

}  // namespace

TEST_CASE("damaged input is refused with a message or read to a scenario that survives writing") {
  const std::string sound =
      kScenario +
      "plan: {ep: 8, pp: 2, layout: \"Et*4|t*4L\", recompute: selective,\n"
      "  recompute_modules: [core_attn, mlp]}\n"
      "routing:\n  kind: zipf\n  exponent: {value: 0.5, source: x}\n  jitter: &j 1e-1\n";
  const std::string huggingface =
      R"(workload: {"model_type": "deepseek_v3", "architectures": ["X"], "hidden_size": 1024, "num_hidden_layers": 8,
  "vocab_size": 32000, "num_attention_heads": 16, "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128,
  "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 32, "num_experts_per_tok": 4, "n_shared_experts": 1,
  "moe_intermediate_size": 512, "intermediate_size": 4096, "first_k_dense_replace": 1, "moe_layer_freq": 1,
  "mlp_only_layers": [0, 1], "layer_types": ["full_attention"], "sliding_window": 5}
platform: pod
batch: {global_batch: 32, sequence_length: 4096}
)";
  int refused = 0;
  for (uint64_t i = 0; i < 3000; ++i) {
    Random random(7, {i});
    const std::string text = damage(i % 2 ? sound : huggingface, random);
    INFO(text);
    try {
      const std::string written = scenario_text(load_text(text).scenario);
      CHECK(scenario_text(load_scenario("a", {}, {}, one_file("a", written)).scenario) == written);
    } catch (const InputError& error) {
      ++refused;
      REQUIRE_FALSE(error.problems().empty());
      for (const Problem& problem : error.problems().items()) CHECK_FALSE(problem.message.empty());
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("the presets and scenarios we ship load") {
  const std::string source = MOESIM_SOURCE_DIR;
  const SearchPath search{{source}};
  for (const std::string& name : list_presets(SectionKind::workload, search)) {
    INFO(name);
    CHECK(load_workload(name, {}, search).name == name);
  }
  for (const std::string& name : list_presets(SectionKind::platform, search)) {
    INFO(name);
    if (is_wafer_platform(name, search))
      CHECK(load_platform(name, {"systems=16"}, search).wafers().wafer.cores() > 0);
    else
      CHECK(load_pod(name, {"gpus=1440"}, search).device.sms > 0);
  }
  for (const std::string& name : list_presets(SectionKind::scenario, search)) {
    INFO(name);
    const ResolvedScenario r = load_scenario(source + "/scenarios/" + name + ".yaml", {}, search);
    CHECK(r.scenario.name == name);
    CHECK(scenario_text(load_scenario("a", {}, {}, one_file("a", check_text(r))).scenario) ==
          scenario_text(r.scenario));
  }
}

TEST_CASE("the flagship is cut as its layout says") {
  const std::string source = MOESIM_SOURCE_DIR;
  const Scenario s =
      load_scenario(source + "/scenarios/deepseek-v3-h800x2048.yaml", {}, {{source}}).scenario;
  CHECK(s.platform.pod().gpus / s.plan.pp == 128);
  CHECK(s.batch.global_batch / 128 == 120);  // microbatches
  CHECK(s.workload.layers == 61);
  CHECK(s.plan.communication_sms == 20);
}

TEST_CASE("a scenario file that cannot be read") {
  const auto error_of = [](const std::string& path) -> std::string {
    try {
      load_scenario(path, {}, {});
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of("/") == "/: is a folder, not a file");
  CHECK(error_of("none.yaml") == "none.yaml: no such file");
  CHECK(error_of("") == "no such file");
  CHECK(error_of("/dev/zero") == "/dev/zero: is larger than 4 MiB");
}
