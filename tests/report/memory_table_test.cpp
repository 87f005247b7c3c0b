#include "report/memory_table.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

StageMemory stage(int number, double activations) {
  StageMemory m;
  m.stage = number;
  m.parameters_bytes = 10e9, m.gradients_bytes = 20e9, m.optimizer_bytes = 5e9;
  m.buffers_bytes = 1e9;
  m.activations_bytes = activations;
  m.total_bytes = 36e9 + activations;
  m.capacity_bytes = 80e9;
  m.reserved_bytes = 1.05 * m.total_bytes;
  m.outside_bytes = 2e9;
  m.reserve_bytes = 4e9;
  m.fits = m.missing_bytes() <= 0;
  m.verdict = !m.fits ? "out_of_memory" : m.reserved_bytes + 2e9 > 80e9 - 4e9 ? "tight" : "fits";
  m.breaks_it = m.fits ? "" : "experts' hidden";
  m.moment = "backward of microbatch 3: combine";
  m.largest = {{"experts' hidden", activations, 24}, {"gradients", 20e9, 1}};
  return m;
}

}  // namespace

TEST_CASE("the verdict is that of the stage that is worst off") {
  CHECK(memory_verdict({stage(0, 10e9), stage(1, 20e9)}) == "fits (stage 1): 60.80 GB of 80.00 GB");
  CHECK(memory_verdict({stage(0, 36e9), stage(1, 20e9)}) ==
        "tight (stage 0): 2.400 GB free, reserve 4.000 GB");
  CHECK(memory_verdict({stage(0, 36e9), stage(1, 50e9)}) ==
        "out of memory by 8.000 GB (stage 1), largest: experts' hidden");
  CHECK(memory_verdict({stage(0, 10e9)}) == "fits: 50.30 GB of 80.00 GB");
  CHECK(memory_verdict({}) == "");
}

TEST_CASE("the table of stages: equal ones in a row, the fullest moment, at most 80 columns") {
  const std::string text = memory_table({stage(0, 50e9), stage(1, 20e9), stage(2, 20e9)});
  CHECK(text.find("memory: out of memory by 8.000 GB (stage 0)") == 0);
  CHECK(text.find("  1-2  ") != std::string::npos);
  CHECK(text.find("OUT OF MEMORY by 8.000 GB") != std::string::npos);
  CHECK(text.find("stage 0 is fullest in the backward of microbatch 3: combine") !=
        std::string::npos);
  CHECK(text.find("24 tensors") != std::string::npos);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    CHECK(end - at <= 80);
    at = end + 1;
  }
}
