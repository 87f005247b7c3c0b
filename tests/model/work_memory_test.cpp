#include "catch.hpp"
#include "model/memory.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

namespace {

Shard one_sequence(int64_t length) {
  Shard shard;
  shard.sequence_length = length;
  return shard;
}

}  // namespace

TEST_CASE("a dense layer at work: gradients of SwiGLU's two sides, without fc2's input") {
  const ModelShape shape = workload("llama3-8b");
  const LayerWork work = layer_work(shape, 0, one_sequence(4096), {}, 0);
  CHECK(work.backward.op == std::string("dense FFN"));
  CHECK(work.backward.bytes == Approx(4096.0 * (2 * 4096 + 4 * 14336)));
  CHECK(work.forward.bytes == Approx(4096.0 * 2 * 4096));
}

TEST_CASE("a layer with experts at work: rows come back twice through combine") {
  const ModelShape shape = workload("deepseek-v2");
  const double rows = 4096 * 6;
  const LayerWork work = layer_work(shape, 5, one_sequence(4096), {}, rows);
  CHECK(work.backward.op == std::string("combine"));
  CHECK(work.backward.bytes == Approx(4096.0 * 2 * 5120 + rows * 4 * 5120));
  CHECK(layer_work(shape, 5, one_sequence(4096), {}, 2 * rows).backward.bytes -
            work.backward.bytes ==
        Approx(rows * 4 * 5120));
}

TEST_CASE("the loss: logits, their gradient, and what a framework makes of them") {
  const ModelShape shape = workload("llama3-8b");
  Shard shard = one_sequence(4096);
  const double logits = 4096.0 * 128256, hidden = 4096.0 * 4096 * 2;
  // Fused: the gradient lies over bf16 logits.
  OutputMemory output = output_memory(shape, shard);
  CHECK(output.saved == Approx(2 * hidden + 2 * logits));
  CHECK(output.forward.bytes == 0);
  CHECK(output.backward.bytes == Approx(hidden));
  // An fp32 softmax is saved, with the logits beside it at first and their gradient at last.
  shard.memory.loss_bytes = 6;
  output = output_memory(shape, shard);
  CHECK(output.saved == Approx(2 * hidden + 4 * logits));
  CHECK(output.forward.bytes == Approx(2 * logits));
  CHECK(output.backward.bytes == Approx(2 * logits));
  // A gradient of the weights that nobody reads.
  shard.memory.loss_bytes = 2;
  shard.memory.output_gradient_buffer = true;
  CHECK(output_memory(shape, shard).backward.bytes == Approx(2.0 * 128256 * 4096 + hidden));
  // Tensor parallel ranks share it all, but gather the hidden states for it twice.
  shard.tp = 4, shard.sequence_parallel = true;
  output = output_memory(shape, shard);
  CHECK(output.saved == Approx((2 * hidden + 2 * logits) / 4));
  CHECK(output.backward.bytes == Approx(2.0 * 128256 * 4096 / 4 + hidden / 4 + 2 * hidden));
}

TEST_CASE("equal shapes of weights share a buffer, all layers of a rank together") {
  const ModelShape shape = workload("llama3-70b");
  Shard shard = one_sequence(4096);
  const std::vector<int> layers{0, 1, 2};
  CHECK(gradient_buffer_bytes(shape, layers, shard) == 0);
  shard.memory.weight_gradient_buffers = true;
  const double h = 8192;
  const double expected = 2 * (h * 10240 + h * h + h * 2 * 28672 + h * 28672);
  CHECK(gradient_buffer_bytes(shape, layers, shard) == Approx(expected));
  CHECK(gradient_buffer_bytes(shape, std::vector{0}, shard) == Approx(expected));
  shard.tp = 8;
  CHECK(gradient_buffer_bytes(shape, layers, shard) == Approx(expected / 8));
}

TEST_CASE("full recomputation holds a whole layer while it runs") {
  const ModelShape shape = workload("qwen3-30b-a3b");
  const Shard shard = one_sequence(4096);
  const double rows = 4096 * 8;
  const LayerWork none = layer_work(shape, 0, shard, {}, rows);
  const LayerWork full = layer_work(shape, 0, shard, {Recompute::full, {}, {}}, rows);
  CHECK(full.backward.bytes - none.backward.bytes ==
        Approx(layer_activation_bytes(shape, 0, shard, {}, rows) - 2.0 * 4096 * 2048));
}
