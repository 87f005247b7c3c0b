#include "model/shape.hpp"

#include "catch.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

namespace {

int layers_with_experts(const ModelShape& shape) {
  int count = 0;
  for (int layer = 0; layer < shape.layers; ++layer) count += has_experts(shape, layer);
  return count;
}

}  // namespace

TEST_CASE("experts come after the first dense layers and on the last layer of each period") {
  CHECK(layers_with_experts(workload("deepseek-v3")) == 58);
  CHECK_FALSE(has_experts(workload("deepseek-v3"), 2));
  CHECK(has_experts(workload("deepseek-v3"), 3));
  const ModelShape maverick = workload("llama-4-maverick");
  CHECK(layers_with_experts(maverick) == 24);
  CHECK_FALSE(has_experts(maverick, 0));
  CHECK(has_experts(maverick, 1));
  CHECK(layers_with_experts(workload("llama3-8b")) == 0);
  CHECK(layers_with_experts(workload("mixtral-8x7b")) == 32);
}

TEST_CASE("a multi-token-prediction layer is built like the last layer") {
  const ModelShape v3 = workload("deepseek-v3");
  CHECK(has_experts(v3, v3.layers));
  const ModelShape next = workload("qwen3-next-80b-a3b");
  CHECK_FALSE(is_linear_attention(next, next.layers));
  ModelShape odd = workload("gpt-oss-120b");
  odd.layers = 3;  // the last layer has the window
  CHECK(attention_window(odd, 5) == 128);
}

TEST_CASE("three Gated DeltaNet layers, then one of full attention") {
  const ModelShape shape = workload("qwen3-next-80b-a3b");
  CHECK(is_linear_attention(shape, 0));
  CHECK(is_linear_attention(shape, 2));
  CHECK_FALSE(is_linear_attention(shape, 3));
  CHECK_FALSE(is_linear_attention(workload("qwen3-30b-a3b"), 0));
}

TEST_CASE("gpt-oss alternates between a window and the whole sequence, window first") {
  const ModelShape shape = workload("gpt-oss-20b");
  CHECK(attention_window(shape, 0) == 128);
  CHECK(attention_window(shape, 1) == 0);
  CHECK(attention_window(workload("mixtral-8x7b"), 0) == 0);
  ModelShape every = shape;
  every.sliding_window_period = 0;
  CHECK(attention_window(every, 1) == 128);
}
