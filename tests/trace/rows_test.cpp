#include "trace/rows.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

struct Drawn {
  int64_t from, to;
  uint8_t op;
  bool operator==(const Drawn&) const = default;
};

std::vector<Drawn> kernels(const std::vector<double>& seconds, int64_t start, int64_t end) {
  Program program;
  KernelChain chain;
  for (size_t i = 0; i < seconds.size(); ++i)
    chain.parts.push_back({static_cast<uint8_t>(i), Phase::forward, 0, seconds[i]});
  program.chains.push_back(run);
  Task task;
  task.kind = TaskKind::compute;
  task.op = 99;
  std::vector<Drawn> drawn;
  for_each_kernel(program, task, start, end, [&](int64_t from, int64_t to, uint8_t op, auto&&...) {
    drawn.push_back({from, to, op});
  });
  return drawn;
}

}  // namespace

TEST_CASE("a run is drawn as its kernels, in proportion and without gaps") {
  CHECK(kernels({1, 3}, 100, 500) == std::vector<Drawn>{{100, 200, 0}, {200, 500, 1}});
  // Contention stretches all parts alike.
  CHECK(kernels({1, 3}, 0, 4000) == std::vector<Drawn>{{0, 1000, 0}, {1000, 4000, 1}});
}

TEST_CASE("kernels shorter than a nanosecond do not show; the others fill the row") {
  const auto drawn = kernels({1, 1e-9, 1}, 0, 100);
  REQUIRE(drawn.size() == 2);
  CHECK(drawn[0].to == drawn[1].from);
  CHECK(drawn[1].to == 100);
  CHECK(drawn[1].op == 2);
}

TEST_CASE("a run without time is one slice of the task") {
  CHECK(kernels({0, 0}, 5, 9) == std::vector<Drawn>{{5, 9, 99}});
  CHECK(kernels({}, 5, 9) == std::vector<Drawn>{{5, 9, 99}});
}
