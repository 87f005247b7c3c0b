#include "trace/arrows.hpp"

#include "catch.hpp"
#include "fixtures/pipeline_program.hpp"
#include "trace_checker.hpp"

using namespace moesim;
using namespace moesim::test;

TEST_CASE("pipeline messages point from the sender to the first kernel that waits for them") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  int messages = 0, forward = 0;
  for (const auto& [id, arrow] : trace.arrows) {
    if (trace.threads.at(arrow.from) != "pp") continue;
    ++messages;
    CHECK(arrow.name == "send activations");
    CHECK(trace.threads.at(arrow.to) == "compute");
    CHECK(std::abs(arrow.to.first - arrow.from.first) == 4);  // the same place on the next stage
    forward += arrow.to.first > arrow.from.first;
  }
  CHECK(messages == 24);  // 4 ranks, 3 microbatches, one boundary, both directions
  CHECK(forward == 12);
}

TEST_CASE(
    "at level flow dispatch and combine point from compute to transfer and from sender to "
    "receiver") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::flow));
  int feeds = 0, delivers = 0, across = 0;
  for (const auto& [id, arrow] : trace.arrows) {
    if (trace.threads.at(arrow.from) == "compute") {
      ++feeds;
      CHECK(arrow.from.first == arrow.to.first);
      CHECK(trace.threads.at(arrow.to) == "ep");
    } else if (trace.threads.at(arrow.from) == "ep") {
      ++delivers;
      across += arrow.from.first != arrow.to.first;
      CHECK((trace.threads.at(arrow.to) == "compute" || trace.threads.at(arrow.to) == "pp"));
    }
  }
  // 12 blocks of 4 ranks with 4 all-to-alls. A rank receives from 3 others (dispatch) or its one
  // neighbour (combine); the last combine of a block feeds no kernel, but in half of the blocks a
  // message to the next stage.
  CHECK(feeds == 12 * 4 * 4);
  CHECK(delivers == 12 * 4 * (3 + 1 + 3) + 6 * 4);
  CHECK(across == delivers);
}

TEST_CASE("at the default level a receiver's arrow comes from its largest sender") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  int feeds = 0, delivers = 0;
  for (const auto& [id, arrow] : trace.arrows) {
    feeds += trace.threads.at(arrow.from) == "compute";
    delivers += trace.threads.at(arrow.from) == "ep";
  }
  CHECK(feeds == 12 * 4 * 4);
  CHECK(delivers == 12 * 4 * 3 + 6 * 4);
}

TEST_CASE("without the flows of routed transfers arrows stay within the rank") {
  const TracedRun run;
  TraceInput input = run.input(TraceLevel::flow);
  input.flows_of = nullptr;
  MemorySink sink;
  write_trace(input, sink);
  const ReadTrace trace = read_trace(sink.text);
  CHECK(trace.faults.empty());
  CHECK(!trace.on("rank 0 ", "ep")[0].args.contains("bytes_out"));
  int own = 0;
  for (const auto& [id, arrow] : trace.arrows)
    own += trace.threads.at(arrow.from) == "ep" && arrow.from.first == arrow.to.first;
  CHECK(own == 12 * 4 * 2);
}
