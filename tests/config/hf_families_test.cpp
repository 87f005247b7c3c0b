#include "config/hf_families.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("a model_type is found in the row that has it, and no part of one is") {
  REQUIRE(find_family("qwen3_moe"));
  CHECK(find_family("qwen3_moe")->traits.qk_norm);
  REQUIRE(find_family("lfm2_moe"));
  CHECK(find_family("lfm2_moe")->traits.layout == HfLayout::short_conv);
  CHECK(find_family("nemotron_h")->traits.two_matrices);
  for (const char* none : {"", "qwen", "qwen3_moe qwen3_vl_moe_text", "x_moe"})
    CHECK(find_family(none) == nullptr);
}

TEST_CASE("no model_type stands in two rows") {
  const std::vector<std::string> types = family_types();
  CHECK(std::set<std::string>(types.begin(), types.end()).size() == types.size());
  CHECK(types.size() >= 60);
  for (const std::string& type : types) CHECK(find_family(type) != nullptr);
}
