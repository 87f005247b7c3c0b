#include "trace/names.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "report/format.hpp"
#include "trace/events.hpp"

namespace moesim {

namespace {

// Operations before the first layer and after the last.
constexpr std::array<std::string_view, 3> kOutsideLayers{"embedding", "logits", "cross_entropy"};

bool works_on_microbatch(const TaskGraph& graph) {
  bool updates = false;
  for (const Task& task : graph.tasks) {
    if (task.kind == TaskKind::compute && task.phase != Phase::optimizer) return true;
    updates = updates || (task.kind != TaskKind::join && task.phase == Phase::optimizer);
  }
  return !updates;
}

std::string_view view(const fmt::memory_buffer& buffer) { return {buffer.data(), buffer.size()}; }

const char* suffix_of(Phase phase) {
  if (phase == Phase::backward) return " backward";
  if (phase == Phase::weight_gradient) return " weight gradient";
  return phase == Phase::recompute ? " recompute" : "";
}

}  // namespace

TraceNames::TraceNames(const Program& program) {
  for (const std::string& op : program.op_names)
    ops_.push_back(
        {json_escaped(spaced(op)),
         std::find(kOutsideLayers.begin(), kOutsideLayers.end(), op) == kOutsideLayers.end(),
         op.find("backward") != std::string::npos});
  for (const TaskGraph& graph : program.templates) {
    layered_.push_back(works_on_microbatch(graph));
    overlapped_.push_back(std::any_of(graph.tasks.begin(), graph.tasks.end(),
                                      [](const Task& t) { return t.lane > 0; }));
  }
  for (const Block& block : program.blocks) chunks_ = chunks_ || block.chunk > 0;
}

std::string_view TraceNames::name(const Block& block, Stream stream, Phase phase, uint8_t op,
                                  uint16_t layer) {
  name_.clear();
  const auto out = std::back_inserter(name_);
  static const OpName unnamed{"task", true, false};
  const OpName& what = op < ops_.size() ? ops_[op] : unnamed;
  const bool in_layer =
      what.of_layer && layered(block) && stream != Stream::pp && phase != Phase::optimizer;
  if (in_layer) fmt::format_to(out, "L{} ", first_layer_of(block, lane(block, phase)) + layer);
  name_.append(what.text);
  if (stream != Stream::pp && !(phase == Phase::backward && what.says_backward))
    name_.append(std::string_view(suffix_of(phase)));
  return view(name_);
}

std::string_view TraceNames::phase_name(const Block& block, Phase phase) {
  name_.clear();
  name_.append(std::string_view(name_of(phase)));
  if (layered(block))
    fmt::format_to(std::back_inserter(name_), " mb{}", microbatch_of(block, lane(block, phase)));
  if (layered(block) && chunks_)
    fmt::format_to(std::back_inserter(name_), " chunk {}", chunk_of(block, lane(block, phase)));
  return view(name_);
}

std::string_view TraceNames::args(const Block& block, Phase phase) {
  args_.clear();
  if (layered(block))
    fmt::format_to(std::back_inserter(args_), R"("microbatch":{},)",
                   microbatch_of(block, lane(block, phase)));
  fmt::format_to(std::back_inserter(args_), R"("phase":"{}")", name_of(phase));
  return view(args_);
}

}  // namespace moesim
