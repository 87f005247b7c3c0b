#include "wafer/block.hpp"

#include <algorithm>

#include "catch.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"
#include "model/parameters.hpp"

using namespace moesim;

namespace {

// An input with the context that refers to it.
struct Input {
  WaferStepInput input;
  explicit Input(ModelShape model, Recompute recompute = Recompute::none) {
    input.model = std::move(model);
    input.system = load_platform("cs2", {}, {{MOESIM_SOURCE_DIR}}).wafers();
    input.plan.recompute = recompute;
    input.plan.attention_tiles = 2;
    input.batch = {4, 2, 1024};
  }
};

double streamed(const WaferBlock& block) {
  double elements = 0;
  for (const WaferStream& stream : block.streams) elements += stream.elements;
  return elements;
}
double gradients(const WaferBlock& block) {
  double elements = 0;
  for (const WaferCompute& run : block.computes) elements += run.gradient_elements;
  return elements;
}

}  // namespace

TEST_CASE("a layer's weights come once each way, and leave as gradients once") {
  for (const Recompute recompute : {Recompute::none, Recompute::full})
    for (const ModelShape& model : {dense_model(2), moe_model(2)}) {
      const Input made(model, recompute);
      const WaferContext context(made.input);
      const double all = layer_parameters(model, 0).total();
      const WaferBlock forward = layer_forward_block(context, 0, 4);
      const WaferBlock backward = layer_backward_block(context, 0, 4);
      CHECK(streamed(forward) == Approx(all));
      CHECK(streamed(backward) == Approx(all));
      CHECK(gradients(forward) == 0);
      CHECK(gradients(backward) == Approx(all));
    }
}

TEST_CASE("experts come in streams that hold each of them once, in order") {
  const ModelShape model = moe_model(1, 64, 4);
  const Input made(model);
  const WaferContext context(made.input);
  int next = 0;
  for (const WaferStream& stream : layer_forward_block(context, 0, 4).streams) {
    if (stream.experts == 0) continue;
    CHECK(stream.first_expert == next);
    next += stream.experts;
  }
  CHECK(next == model.experts);
}

TEST_CASE("attention runs tile by tile, everything else once") {
  const Input made(dense_model(1));
  const WaferContext context(made.input);
  const WaferBlock block = layer_forward_block(context, 0, 4);
  CHECK(context.plan.attention_batch == 2);
  CHECK(block.computes.size() == 2 + 1);  // two tiles, then the FFN
}

TEST_CASE("with recomputation attention's weights are held until its backward") {
  const Input made(moe_model(1), Recompute::full);
  const WaferContext context(made.input);
  const WaferBlock block = layer_backward_block(context, 0, 4);
  REQUIRE(block.streams.front().op == "attention weights");
  CHECK(block.streams.front().held);
  CHECK(block.computes.front().phase == Phase::recompute);
  CHECK(block.computes.back().stream == 0);
  CHECK(block.computes.back().phase == Phase::backward);
}
