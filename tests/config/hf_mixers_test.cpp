#include "config/hf_mixers.hpp"

#include "catch.hpp"
#include "config/hf_read.hpp"

using namespace moesim;

namespace {

// The mixers that a config of this many layers has.
struct Read : HfRead {
  Mixers mixers;

  Read(const std::string& json, int64_t layers, HfTraits traits,
       const std::vector<std::pair<const char*, int64_t>>& sizes = {})
      : HfRead(json, "") {
    hf.set_layers(layers);
    for (const auto& [key, value] : sizes) hf.put(key, value, {"none"});
    mixers = mixers_of(hf, traits);
  }
};

constexpr Mixer A = Mixer::attention, W = Mixer::window, L = Mixer::linear, M = Mixer::mamba;

}  // namespace

TEST_CASE("windows follow the rule of the family") {
  const std::vector<std::pair<const char*, int64_t>> window = {{"sliding_window", 128}};
  const auto read = [&](HfTraits traits, const std::string& json = "{}") {
    return Read(json, 6, traits, window).mixers;
  };
  CHECK(read({.window = HfWindow::all}) == Mixers{W, W, W, W, W, W});
  CHECK(read({.window = HfWindow::alternate}) == Mixers{W, A, W, A, W, A});
  CHECK(read({.window = HfWindow::no_rope}) == Mixers{W, W, W, A, W, W});
  CHECK(read({.window = HfWindow::pattern, .window_period = 6}) == Mixers{W, W, W, W, W, A});
  CHECK(read({.window = HfWindow::pattern, .window_period = 6},
             R"({"sliding_window_pattern": 3})") == Mixers{W, W, A, W, W, A});
  CHECK(read({.window = HfWindow::hybrid_pattern},
             R"({"hybrid_layer_pattern": [0, 1, 1, 0, 1, 1]})") == Mixers{A, W, W, A, W, W});
  const Read none("{}", 6, {}, window);
  CHECK(none.problems.text() ==
        "c.json:1:1: sliding_window is set, and which layers have it is not known for this "
        "model_type");
  CHECK(Read("{}", 6, {.window = HfWindow::all}).mixers.empty());
}

TEST_CASE("layer_types win over periods, and only name what has its sizes") {
  const std::string types = R"({"layer_types": ["full_attention", "linear_attention"]})";
  const HfTraits delta = {.layout = HfLayout::delta};
  CHECK(Read(types, 2, delta, {{"linear_value_heads", 4}}).mixers == Mixers{A, L});
  CHECK(Read(types, 2, delta).problems.text() ==
        "c.json:1:36: layer_types names \"linear_attention\", which is not known in a config of "
        "this model_type");
  CHECK(Read(types, 3, delta).problems.text() ==
        "c.json:1:17: layer_types needs an entry for each of the 3 layers");
  CHECK(Read("{}", 4, delta).mixers == Mixers{L, L, L, A});
}

TEST_CASE("attention every so many layers, from lists, groups and offsets") {
  CHECK(Read(R"({"attn_layer_period": 4, "attn_layer_offset": 2})", 6, {.layout = HfLayout::jamba})
            .mixers == Mixers{M, M, A, M, M, M});
  CHECK(Read(R"({"linear_attn_config": {"full_attn_layers": [2, 4]}})", 4,
             {.layout = HfLayout::kimi_linear})
            .mixers == Mixers{L, A, L, A});
  CHECK(Read(R"({"layer_group_size": 2})", 5, {.layout = HfLayout::lightning}).mixers ==
        Mixers{L, A, L, A, A});
  CHECK(Read(R"({"attn_type_list": [0, 1]})", 2, {.layout = HfLayout::lightning},
             {{"linear_value_heads", 4}})
            .mixers == Mixers{L, A});
  CHECK(Read(R"({"attn_type_list": [0, 1]})", 2, {}).problems.text() ==
        "c.json:1:20: attn_type_list has layers of linear attention, which this model_type has "
        "not");
}

TEST_CASE("compression of each layer, and one that is not known") {
  const HfTraits traits = {.layout = HfLayout::compressed};
  const std::vector<std::pair<const char*, int64_t>> rates = {{"compression", 4},
                                                              {"heavy_compression", 128}};
  CHECK(Read(R"({"compress_ratios": [0, 4, 128]})", 3, traits, rates).mixers ==
        Mixers{W, Mixer::compressed_sparse, Mixer::heavily_compressed});
  CHECK(Read(R"({"compress_ratios": [0, 16, 128]})", 3, traits, rates).problems.text() ==
        "c.json:1:25: compress_ratios has 16, which is not known");
}
