#include "config/hf_config.hpp"

#include "catch.hpp"
#include "config/hf_read.hpp"

using namespace moesim;

namespace {

struct Read : HfRead {
  explicit Read(const std::string& json) : HfRead(json, "workload") {}
};

}  // namespace

TEST_CASE("names that speak of shapes, and names that do not") {
  for (const char* key :
       {"num_experts", "moe_latent_size", "mamba_dt_rank", "hybrid_override_pattern", "layer_types",
        "conv_L_cache", "index_topk", "compress_ratios", "attention_chunk_size",
        "mtp_num_hidden_layers", "use_cla"})
    CHECK(shapes_model(key));
  for (const char* key : {"rope_theta", "router_aux_loss_coef", "attention_dropout", "eos_token_id",
                          "initializer_range", "max_position_embeddings", "torch_dtype",
                          "transformers_version", "vision_config", "use_cache", "norm_topk_prob"})
    CHECK_FALSE(shapes_model(key));
}

TEST_CASE("the first synonym that is there is read, with its equals") {
  Read r(R"({"a_size": null, "b_size": 4, "c_size": 4, "d_size": 5, "e": {"f_size": 6}})");
  CHECK(r.hf.integer({"a_size", "b_size", "c_size", "d_size"}) == 4);
  CHECK(r.hf.integer({"e.f_size"}) == 6);
  CHECK(r.hf.shaping_keys() == std::vector<std::string>{"d_size"});
  r.hf.unread("family");
  CHECK(r.problems.text() ==
        "c.json:1:44: workload: d_size may shape the model, and how it does in "
        "a family is not known");
}

TEST_CASE("lists of one value per layer are that value; others are a problem, once") {
  Read r(R"({"a": [3, 3], "b": [3, 4], "c": "3", "d": 2.5})");
  r.hf.set_layers(2);
  CHECK(r.hf.integer({"a"}) == 3);
  CHECK_FALSE(r.hf.integer({"b"}));
  CHECK_FALSE(r.hf.integer({"b"}));
  CHECK_FALSE(r.hf.integer({"c"}));
  CHECK_FALSE(r.hf.integer({"d"}));
  CHECK(r.hf.integer_or({"d"}, 7) == 7);
  CHECK(r.problems.text() ==
        "c.json:1:20: workload: b differs from layer to layer, or is not one value a layer");
}

TEST_CASE("what is put keeps the place of its key, and does not make it read") {
  Read r(R"({"num_x": 1, "num_y": 2})");
  r.hf.put("layers", int64_t{5}, {"num_y"});
  CHECK(r.hf.got("layers") == 5);
  CHECK(r.hf.shaping_keys().size() == 2);
  r.hf.put("layers", int64_t{6}, {"num_y"});
  const YamlNode out = r.hf.take();
  REQUIRE(out.entries.size() == 1);
  CHECK(out.entries[0].value.text == "6");
  CHECK(out.entries[0].value.place.column == 23);
}
