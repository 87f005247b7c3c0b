#include "plan/schedule_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace moesim {

namespace {

constexpr char kLetters[] = {'F', 'B', 'D', 'W'};

PipelineOp parse_op(const std::string& word, const std::string& whole) {
  const auto fail = [&] {
    return std::invalid_argument(
        fmt::format("\"{}\" is not an operation: F, B, D or W, a microbatch, and for a chunk "
                    "beyond the first .CHUNK, as "
                    "in F3, W0 or B2.1",
                    whole));
  };
  PipelineOp op;
  const char* end = word.data() + word.size();
  const auto number = [&](const char* from, int& value) {
    const auto [next, error] = std::from_chars(from, end, value);
    if (error != std::errc{} || value < 0) throw fail();
    return next;
  };
  bool known = false;
  for (int kind = 0; kind < 4; ++kind)
    if (!word.empty() && word[0] == kLetters[kind]) {
      op.kind = static_cast<OpKind>(kind);
      known = true;
    }
  if (!known) throw fail();
  const char* next = number(word.data() + 1, op.microbatch);
  if (next != end && *next == '.') next = number(next + 1, op.chunk);
  if (next != end) throw fail();
  return op;
}

}  // namespace

StageOps parse_schedule(const std::string& text) {
  StageOps ops;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t plus = word.find('+');
    ops.push_back(parse_op(word.substr(0, plus), word));
    if (plus == std::string::npos) continue;
    ops.back().overlaps_next = true;
    ops.push_back(parse_op(word.substr(plus + 1), word));
    const PipelineOp &first = ops[ops.size() - 2], &second = ops.back();
    if (!first.forward() || second.kind != OpKind::backward)
      throw std::invalid_argument(
          fmt::format("\"{}\": a forward overlaps a backward, as in F3+B1", word));
    if (first.microbatch == second.microbatch && first.chunk == second.chunk)
      throw std::invalid_argument(
          fmt::format("\"{}\": a forward cannot overlap its own backward", word));
  }
  return ops;
}

std::string to_text(const PipelineOp& op, bool with_chunk) {
  std::string text = fmt::format("{}{}", kLetters[static_cast<int>(op.kind)], op.microbatch);
  if (with_chunk) text += fmt::format(".{}", op.chunk);
  return text;
}

std::string to_text(const StageOps& ops, bool with_chunks) {
  std::string text;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (i > 0) text += ops[i - 1].overlaps_next ? '+' : ' ';
    text += to_text(ops[i], with_chunks);
  }
  return text;
}

}  // namespace moesim
