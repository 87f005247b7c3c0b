#include "plan/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/diagnostics.hpp"

namespace moesim {
namespace {

constexpr size_t kMaxItems =
    100'000;  // layers and chunks after repetition: ten times the layers of any model
constexpr int kMaxNesting = 8;

class LayoutParser {
 public:
  explicit LayoutParser(std::string_view text) : text_(text) {}

  // Expands repetitions: the result holds only E, t, m, L and '|'.
  std::string expand() {
    std::string items = sequence(0);
    if (at_ < text_.size()) fail("')' without '('");
    return items;
  }

 private:
  std::string sequence(int nesting) {
    std::string items;
    for (skip_blanks(); at_ < text_.size() && text_[at_] != ')'; skip_blanks()) {
      std::string part = item(nesting);
      repeat(part);
      items += part;
      if (items.size() > kMaxItems) fail(fmt::format("more than {} layers and stages", kMaxItems));
    }
    return items;
  }

  std::string item(int nesting) {
    const char c = text_[at_];
    if (c == '(') {
      if (nesting == kMaxNesting) fail("too many nested '('");
      const size_t open = at_++;
      std::string group = sequence(nesting + 1);
      if (at_ == text_.size()) at_ = open, fail("'(' is never closed");
      ++at_;
      return group;
    }
    if (std::string_view("EtmL|").find(c) == std::string_view::npos)
      fail(c == '*' ? "nothing before '*' to repeat" : "expected E, t, m, L, '|' or '('");
    ++at_;
    return std::string(1, c);
  }

  void repeat(std::string& part) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '*') return;
    ++at_;
    skip_blanks();
    const size_t begin = at_;
    size_t times = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      times = std::min(kMaxItems + 1, times * 10 + static_cast<size_t>(text_[at_] - '0'));
    if (at_ == begin) fail("expected a number after '*'");
    if (part.size() * times > kMaxItems)
      at_ = begin, fail(fmt::format("more than {} layers and stages", kMaxItems));
    std::string repeated;
    for (size_t i = 0; i < times && !part.empty(); ++i) repeated += part;
    part = repeated;
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == ',')) ++at_;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("pipeline layout, character {}: {}", at_ + 1, what));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Layout parse_layout(const std::string& text) {
  Layout layout(1);
  for (char c : LayoutParser(text).expand()) {
    switch (c) {
      case '|':
        layout.emplace_back();
        break;
      case 'E':
        layout.back().push_back(LayoutItem::embedding);
        break;
      case 't':
        layout.back().push_back(LayoutItem::layer);
        break;
      case 'm':
        layout.back().push_back(LayoutItem::mtp);
        break;
      default:
        layout.back().push_back(LayoutItem::loss);
        break;
    }
  }
  return layout;
}

int count_items(const Layout& layout, LayoutItem item) {
  int count = 0;
  for (const std::vector<LayoutItem>& chunk : layout)
    count += static_cast<int>(std::count(chunk.begin(), chunk.end(), item));
  return count;
}

}  // namespace moesim
