#include "trace/trace.hpp"

#include <algorithm>
#include <set>

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/pipeline_program.hpp"
#include "trace_checker.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

const TraceLevel kLevels[] = {TraceLevel::phase, TraceLevel::task, TraceLevel::flow};

std::string list(const std::vector<std::string>& faults) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(5, faults.size()); ++i) text += faults[i] + "\n";
  return text;
}

int64_t total_ns(const std::vector<TraceSlice>& slices) {
  int64_t sum = 0;
  for (const TraceSlice& slice : slices) sum += slice.end_ns - slice.start_ns;
  return sum;
}

}  // namespace

TEST_CASE("a viewer finds nothing wrong with a trace of any level") {
  for (const PipelineSize size :
       {PipelineSize{}, PipelineSize{1, 2, 1, 1}, PipelineSize{3, 2, 4, 1}}) {
    const TracedRun run(size);
    for (const TraceLevel level : kLevels) {
      const ReadTrace trace = read_trace(run.trace(level));
      INFO(list(trace.faults));
      CHECK(trace.faults.empty());
      CHECK(trace.processes.size() == static_cast<size_t>(size.simulated()) + 1);
    }
  }
}

TEST_CASE("no slice of a track reaches the next one in the doubles of a reader") {
  const TracedRun run;
  for (const TraceLevel level : kLevels) {
    const auto events = nlohmann::json::parse(run.trace(level)).at("traceEvents");
    std::map<int, double> ends;  // by thread
    int slices = 0;
    for (const auto& event : events) {
      if (event.at("ph") != "X") continue;
      const double start = event.at("ts"), length = event.at("dur");
      double& end = ends.try_emplace(event.at("tid").get<int>(), -1.0).first->second;
      CHECK(end < start);  // slices of a track stand in order and do not nest
      end = start + length;
      ++slices;
    }
    CHECK(slices > 50);
  }
}

TEST_CASE("the size is told before anything is written, within a factor of two") {
  const TracedRun run;
  for (const TraceLevel level : kLevels) {
    TraceInput input = run.input(level);
    double told = 0;
    MemorySink sink;
    input.on_size = [&](double bytes) {
      told = bytes;
      CHECK(sink.text.empty());
    };
    write_trace(input, sink);
    CHECK(told > 0.5 * static_cast<double>(sink.text.size()));
    CHECK(told < 2.0 * static_cast<double>(sink.text.size()));
  }
}

TEST_CASE("processes are ranks in order below the critical path, threads are streams") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  CHECK(trace.processes.at(1) == "critical path");
  CHECK(trace.sort_index.at(1) == -1);
  CHECK(trace.processes.at(2 + 5) == "rank 5 · pp1 ep1 · node 2 gpu 1");
  CHECK(trace.sort_index.at(2 + 5) == 5);
  std::set<std::string> names;
  std::set<int> tids;
  for (const auto& [track, name] : trace.threads) {
    if (track.first == 2) names.insert(name);
    CHECK(tids.insert(track.second).second);
    CHECK(trace.processes.count(track.second) == 0);
  }
  CHECK(names == std::set<std::string>{"compute", "ep", "pp", "dp", "dp 2"});
}

TEST_CASE("slices of a rank are its rows of the record, to the nanosecond") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  const Record& record = run.execution.record;
  std::multiset<std::pair<int64_t, int64_t>> expected, found;
  int64_t compute_ns = 0;
  for (uint32_t row = 0; row < record.rows(); ++row) {
    const Block& block = run.program.blocks[record.block[row]];
    const Task& task = run.program.templates[block.graph].tasks[record.task[row]];
    const int64_t start = std::llround(record.start_s[row] * 1e9),
                  end = std::llround(record.end_s[row] * 1e9);
    if (block.stage != 1) continue;
    if (task.kind == TaskKind::compute && task.rank == 2) compute_ns += end - start;
    if (task.kind == TaskKind::transfer && task.stream == Stream::ep) expected.insert({start, end});
  }
  for (const TraceSlice& slice : trace.on("rank 6 ", "ep"))
    found.insert({slice.start_ns, slice.end_ns});
  CHECK(expected.size() ==
        24);  // 3 microbatches, forward and backward, 2 layers, dispatch and combine
  CHECK(found == expected);
  CHECK(total_ns(trace.on("rank 6 ", "compute")) == compute_ns);
}

TEST_CASE("runs are drawn as their kernels, in proportion, with layer, microbatch and phase") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  const auto slices = trace.on("rank 0 ", "compute");
  REQUIRE(slices.size() > 6);
  CHECK(slices[0].name == "L10 norm");
  CHECK(slices[1].name == "L10 qkv projection");
  CHECK(slices[2].name == "L10 attention");
  CHECK(slices[3].name == "L10 expert fc1");  // the router's 0.2 ns do not show
  CHECK(slices[6].name == "L11 norm");
  CHECK(slices[0].end_ns == 3300);
  CHECK(slices[1].end_ns == 45000);
  CHECK(slices[2].end_ns == 142100);
  CHECK(slices[0].args == nlohmann::json{{"microbatch", 0}, {"phase", "forward"}});
  CHECK(slices.back().name == "L11 expert fc2 backward");
  CHECK(slices.back().args == nlohmann::json{{"microbatch", 2}, {"phase", "backward"}});
  CHECK(trace.on("rank 4 ", "compute")[0].name == "L12 norm");
}

TEST_CASE("transfers say the bytes of the rank on which they are drawn") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  double out = 0, in = 0;
  for (int rank = 0; rank < 4; ++rank) {
    const TraceSlice dispatch = trace.on("rank " + std::to_string(rank) + " ", "ep")[0];
    CHECK(dispatch.name == "L10 dispatch");
    out += dispatch.args.at("bytes_out").get<double>();
    in += dispatch.args.at("bytes_in").get<double>();
  }
  double sent = 0;
  const Block& block = run.program.blocks[0];
  const TaskGraph& graph = run.program.templates[block.graph];
  for (const Flow& flow : routed_flows(block, graph, Task{})) sent += flow.bytes;
  CHECK(out == Approx(sent));
  CHECK(in == Approx(sent));
  CHECK(trace.on("rank 0 ", "pp")[0].name == "send activations");
  CHECK(trace.on("rank 0 ", "pp")[0].args.at("bytes_out") == 8000000);
}

TEST_CASE("transfers that overlap on one stream of a rank take another lane") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  const auto first = trace.on("rank 3 ", "dp"), second = trace.on("rank 3 ", "dp 2");
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0].start_ns == second[0].start_ns);
  CHECK(first[0].args.at("bytes_out").get<double>() +
            second[0].args.at("bytes_out").get<double>() ==
        15e6);
}

TEST_CASE("the critical path is a track without gaps from the beginning to the end of the step") {
  const TracedRun run;
  for (const TraceLevel level : kLevels) {
    const auto path = read_trace(run.trace(level)).on("critical path", "critical path");
    REQUIRE(!path.empty());
    CHECK(path.front().start_ns == 0);
    CHECK(path.back().end_ns == std::llround(run.execution.makespan_s * 1e9));
    for (size_t i = 1; i < path.size(); ++i) CHECK(path[i].start_ns == path[i - 1].end_ns);
    CHECK(path.front().args.at("stream") == "compute");
    CHECK(path.front().args.at("rank") == 3);  // the slowest
  }
}

TEST_CASE("at level phase the critical path goes from block to block") {
  const TracedRun run;
  const auto path = read_trace(run.trace(TraceLevel::phase)).on("critical path", "critical path");
  CHECK(path.front().name == "forward mb0");
  CHECK(path.size() < 20);
  CHECK(path.size() <
        read_trace(run.trace(TraceLevel::task)).on("critical path", "critical path").size() / 4);
}

TEST_CASE("at level phase the pipeline schedule is drawn") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::phase));
  std::vector<std::string> names;
  for (const TraceSlice& slice : trace.on("rank 5 ", "compute")) names.push_back(slice.name);
  CHECK(names == std::vector<std::string>{"forward mb0", "forward mb1", "forward mb2",
                                          "backward mb0", "backward mb1", "backward mb2"});
  CHECK(trace.on("rank 5 ", "ep").empty());
  CHECK(trace.on("rank 5 ", "dp").at(0).name == "gradient reduce mb2");
  CHECK(trace.on("rank 5 ", "pp").size() == 3);
  CHECK(trace.arrows.empty());
  CHECK(run.trace(TraceLevel::phase).size() < run.trace(TraceLevel::task).size() / 2);
}

TEST_CASE("counters hold the bytes of the ports and fall back to zero") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::task));
  CHECK(trace.counters.size() == read_trace(run.trace(TraceLevel::flow)).counters.size());
  double sent = 0, received = 0;
  for (const auto& [key, samples] : trace.counters) {
    CHECK((key.second == "NIC GB/s" || key.second == "NVLink GB/s"));
    for (size_t i = 0; i < samples.size(); ++i) {
      CHECK(samples[i].out >= 0);
      // A port never runs above its speed where nothing contends; the two reductions of a rank do
      // share theirs, and the reference executor lets each have all of it.
      CHECK(samples[i].out < (key.second == "NIC GB/s" ? 200 : 450));
      if (i + 1 == samples.size()) continue;
      CHECK(samples[i].time_ns < samples[i + 1].time_ns);
      const double gigabytes =
          static_cast<double>(samples[i + 1].time_ns - samples[i].time_ns) * 1e-9;
      sent += samples[i].out * gigabytes * 1e9;
      received += samples[i].in * gigabytes * 1e9;
    }
    CHECK(samples.back().out == 0);
    CHECK(samples.back().in == 0);
  }
  double links = 0;
  for (double bytes : run.execution.link_bytes)
    links += bytes;  // each byte leaves one port and enters another
  CHECK(sent + received == Approx(links).epsilon(1e-3));
  CHECK(received == Approx(sent - 8 * 15e6).epsilon(1e-3));  // reductions go to folded replicas
}

TEST_CASE("counters stop at what a port sustains, where it is known") {
  const TracedRun run;
  TraceInput input = run.input(TraceLevel::flow);
  input.nic_bytes_per_s = 50e9;
  MemorySink sink;
  write_trace(input, sink);
  double most = 0;
  for (const auto& [key, samples] : read_trace(sink.text).counters)
    for (const TraceSample& sample : samples)
      if (key.second == "NIC GB/s") most = std::max(most, sample.out);
  CHECK(most == 50);  // two reductions at once would be twice that
}

TEST_CASE("only the ranks asked for are drawn") {
  const TracedRun run;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::flow, {0, 5}));
  INFO(list(trace.faults));
  CHECK(trace.faults.empty());
  CHECK(trace.processes.size() == 3);
  CHECK(trace.on("rank 0 ", "compute").size() ==
        read_trace(run.trace(TraceLevel::flow)).on("rank 0 ", "compute").size());
  for (const auto& [key, samples] : trace.counters) CHECK((key.first == 2 || key.first == 7));
  const auto draw_ninth = [&] { return run.trace(TraceLevel::task, {0, 8, 9}); };
  CHECK_THROWS_WITH(draw_ninth(), "cannot trace rank 8, 9: 8 ranks are simulated");
}

TEST_CASE("equal input gives equal bytes") {
  const TracedRun one, two;
  for (const TraceLevel level : kLevels) CHECK(one.trace(level) == two.trace(level));
}

TEST_CASE("an empty record is an empty timeline") {
  const Program program;
  const Execution execution;
  MemorySink sink;
  write_trace({program, execution, {}, {}, {}}, sink);
  CHECK(read_trace(sink.text).faults.empty());
  CHECK(sink.text == "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n]}\n");
}

TEST_CASE("steps of a million seconds keep their nanoseconds") {
  TracedRun run(PipelineSize{1, 2, 2, 1});
  for (auto* column : {&run.execution.record.start_s, &run.execution.record.end_s})
    for (double& seconds : *column) seconds = 1e6 + seconds;
  const ReadTrace trace = read_trace(run.trace(TraceLevel::flow));
  INFO(list(trace.faults));
  CHECK(trace.faults.empty());
  CHECK(trace.on("rank 0 ", "compute")[0].start_ns == 1'000'000'000'000'000);
}
