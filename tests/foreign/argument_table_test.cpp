#include "foreign/argument_table.hpp"

#include <catch.hpp>

#include "config/key_table.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

using namespace moesim;

TEST_CASE("every row says what its arguments do, by keys that there are") {
  KeyTable keys;
  keys.collect(Scenario{});
  for (const ArgumentRow& row : argument_rows()) {
    INFO((row.names.empty() ? row.note : row.names[0]));
    REQUIRE(!row.names.empty());
    CHECK((row.is_mapped() ? keys.find(row.key) != nullptr : !row.note.empty()));
    CHECK((row.kind == ArgumentKind::set) == (!row.gives.empty() || !row.absent.empty()));
    for (const std::string& pair : row.absent_too)
      CHECK(keys.find(pair.substr(0, pair.find('='))) != nullptr);
  }
}

TEST_CASE("arguments are found with either kind of dash, and translated both ways") {
  REQUIRE(find_argument("tensor_model_parallel_size"));
  CHECK(find_argument("tensor-model-parallel-size")->key == "plan.tp");
  CHECK(find_argument("no-such-argument") == nullptr);
  const ArgumentRow& ring = *find_argument("cp-comm-type");
  CHECK(ring.translated("p2p") == "ring");
  CHECK(ring.translated("a2a") == "");
  CHECK(ring.translated_back("ring") == "p2p");
  CHECK(find_argument("num-layers")->translated("8") == "8");
}

TEST_CASE("a tokenizer's vocabulary, by its type or its model") {
  CHECK(find_tokenizer("GPT2BPETokenizer", "").vocab == 50257);
  CHECK(find_tokenizer("HuggingFaceTokenizer", "unsloth/DeepSeek-V3").vocab == 129280);
  CHECK(find_tokenizer("", "").source.find("assumed") == 0);
}
