#include <cstdio>
#include <fstream>
#include <sstream>

#include "catch.hpp"
#include "pipeline_program.hpp"

using namespace moesim;
using namespace moesim::test;

TEST_CASE("the size of a trace is known beforehand within a factor of two") {
  for (const PipelineSize size :
       {PipelineSize{}, PipelineSize{1, 2, 1, 1}, PipelineSize{4, 8, 8, 4}}) {
    const TracedRun run(size);
    for (const TraceLevel level : {TraceLevel::phase, TraceLevel::task, TraceLevel::flow})
      for (const std::vector<uint32_t>& ranks :
           {std::vector<uint32_t>{}, std::vector<uint32_t>{0, 1}}) {
        const double real = static_cast<double>(run.trace(level, ranks).size());
        const double guess = estimated_trace_bytes(run.program, {ranks, level});
        INFO(size.stages << " stages, level " << static_cast<int>(level) << ", " << ranks.size()
                         << " ranks: " << real);
        CHECK(guess > real / 2);
        CHECK(guess < real * 2);
      }
  }
}

TEST_CASE("the size of a compressed trace is known beforehand within a factor of two") {
  const TracedRun run(PipelineSize{4, 8, 8, 4});
  for (const TraceLevel level : {TraceLevel::task, TraceLevel::flow}) {
    MemorySink file;
    GzipSink gzip(file);
    write_trace(run.input(level), gzip);
    gzip.finish();
    const double guess = estimated_trace_bytes(run.program, {{}, level}, true);
    INFO("real " << file.text.size() << " of " << run.trace(level).size());
    CHECK(guess > static_cast<double>(file.text.size()) / 2);
    CHECK(guess < static_cast<double>(file.text.size()) * 2);
  }
}
