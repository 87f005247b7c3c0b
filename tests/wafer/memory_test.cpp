#include "wafer/memory.hpp"

#include "catch.hpp"
#include "fixtures/presets.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

WaferSystem cs2() { return load_platform("cs2", {}, {{MOESIM_SOURCE_DIR}}).wafers(); }

WaferMemory memory_of(const WaferTile& tile, Recompute recompute = Recompute::none) {
  Plan plan;
  plan.recompute = recompute;
  return wafer_memory(moe_model(4), cs2(), plan, tile);
}

}  // namespace

TEST_CASE("saved activations grow with the microbatch, the attention tile with its own batch") {
  const WaferMemory one = memory_of({4, 1, 1024}), whole = memory_of({4, 4, 1024}),
                    twice = memory_of({8, 1, 1024});
  CHECK(twice.saved == Approx(2 * one.saved));
  CHECK(twice.attention == Approx(one.attention));
  CHECK(whole.attention == Approx(4 * one.attention));
  CHECK(whole.logits == Approx(4 * one.logits));
  CHECK(whole.saved == Approx(one.saved));
}

TEST_CASE("recomputation keeps a layer's input only, and holds attention again") {
  const WaferMemory kept = memory_of({4, 1, 1024}),
                    again = memory_of({4, 1, 1024}, Recompute::full);
  CHECK(again.saved == Approx(4 * 2.0 * 4 * 1024 * moe_model(4).hidden));
  CHECK(again.saved < kept.saved);
  CHECK(kept.recomputed == 0);
  CHECK(again.recomputed > 0);
}

TEST_CASE("on the host activations take the room of two layers") {
  WaferTile tile{4, 1, 1024};
  const double of_layer = memory_of(tile).saved / 4;
  tile.spill = true;
  const WaferMemory spilled = memory_of(tile);
  CHECK(spilled.saved == 0);
  CHECK(spilled.spilling == Approx(2 * of_layer));
}

TEST_CASE("the total counts what is there at the same time, and the largest tensor has a name") {
  const WaferMemory memory = memory_of({4, 1, 1024});
  CHECK(memory.total() == Approx(memory.saved + memory.spilling + memory.hidden + memory.working() +
                                 memory.weights + memory.gradients));
  CHECK(memory.working() >= memory.experts);
  WaferMemory large = memory;
  large.logits = 1e15;
  CHECK(large.largest() == "logits");
}
