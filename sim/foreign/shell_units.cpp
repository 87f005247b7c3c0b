#include <algorithm>
#include <cctype>
#include <string_view>

#include "foreign/shell_syntax.hpp"

namespace moesim {
namespace {

constexpr int kMostNested = 100;  // quotes and expansions in one another

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Scans over units, which hold one another.
class UnitScanner {
 public:
  explicit UnitScanner(const std::string& text) : s_(text) {}

  size_t behind_unit(size_t at, bool in_double_quotes) {
    if (++depth_ > kMostNested) return s_.size();
    const size_t end = behind(at, in_double_quotes);
    --depth_;
    return end;
  }

  size_t behind_bracket(size_t at, char open, char close) {
    int depth = 0;
    while (at < s_.size()) {
      const char c = s_[at];
      if (c == open) ++depth;
      if (c == close && --depth == 0) return at + 1;
      at = c == open ? at + 1 : behind_unit(at, false);
    }
    return at;
  }

 private:
  size_t behind_double_quotes(size_t at) {
    for (++at; at < s_.size() && s_[at] != '"';) at = behind_unit(at, true);
    return at < s_.size() ? at + 1 : at;
  }

  size_t behind_braces(size_t at, bool in_double_quotes) {
    for (at += 2; at < s_.size() && s_[at] != '}';)
      at = s_[at] == '"' ? behind_double_quotes(at) : behind_unit(at, in_double_quotes);
    return std::min(at + 1, s_.size());
  }

  size_t behind(size_t at, bool in_double_quotes) {
    const char c = s_[at];
    if (c == '\\') return std::min(at + 2, s_.size());
    if (const size_t mark = behind_mark(s_, at); mark > at) return mark;
    if (c == '\'' && !in_double_quotes) {
      const size_t end = s_.find('\'', at + 1);
      return end == std::string::npos ? s_.size() : end + 1;
    }
    if (c == '"' && !in_double_quotes) return behind_double_quotes(at);
    if (c == '`') {
      size_t end = at + 1;
      while (end < s_.size() && s_[end] != '`') end += s_[end] == '\\' ? 2 : 1;
      return std::min(end + 1, s_.size());
    }
    if (c != '$' || at + 1 >= s_.size()) return at + 1;
    const char open = s_[at + 1];
    if (open == '(') return behind_bracket(at + 1, '(', ')');
    if (open == '{') return behind_braces(at, in_double_quotes);
    if (is_name_start(open)) {
      for (++at; at < s_.size() && is_name(s_[at]);) ++at;
      return at;
    }
    const bool special = std::string_view("@*#?$!-0123456789").find(open) != std::string_view::npos;
    return special ? at + 2 : at + 1;
  }

  const std::string& s_;
  int depth_ = 0;
};

}  // namespace

size_t behind_unit(const MarkedText& text, size_t at, bool in_double_quotes) {
  return UnitScanner(text.text).behind_unit(at, in_double_quotes);
}

size_t behind_bracket(const MarkedText& text, size_t at, char open, char close) {
  return UnitScanner(text.text).behind_bracket(at, open, close);
}

}  // namespace moesim
