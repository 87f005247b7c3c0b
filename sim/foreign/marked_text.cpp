#include "foreign/marked_text.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace moesim {
namespace {

// Control characters, which no readable file holds.
constexpr char kOpen = '\x01', kClose = '\x02';

// Calls `plain` for each character outside of marks, and `mark` with the name of each mark.
template <class Plain, class Mark>
void walk(std::string_view text, Plain plain, Mark mark) {
  for (size_t at = 0; at < text.size();) {
    const size_t behind = behind_mark(text, at);
    if (behind == at)
      plain(text[at++]);
    else
      mark(text.substr(at + 1, behind - at - 2));
    at = std::max(at, behind);
  }
}

}  // namespace

int MarkedText::place(size_t at) const {
  if (places.empty()) return 0;
  return at < places.size() ? places[at] : places.back();
}

void MarkedText::add(char c, int at) {
  text += c;
  places.push_back(at);
}

void MarkedText::add(const MarkedText& more) {
  text += more.text;
  places.insert(places.end(), more.places.begin(), more.places.end());
}

MarkedText MarkedText::part(size_t begin, size_t end) const {
  MOESIM_CHECK(begin <= end && end <= size(), "part {} to {} of {}", begin, end, size());
  MarkedText out;
  out.text = text.substr(begin, end - begin);
  out.places.assign(places.begin() + static_cast<std::ptrdiff_t>(begin),
                    places.begin() + static_cast<std::ptrdiff_t>(end));
  return out;
}

MarkedText numbered(std::string_view text) {
  MarkedText out;
  out.text.reserve(text.size());
  out.places.reserve(text.size());
  int line = 1, column = 1;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') continue;
    if (text[at] == kOpen || text[at] == kClose) continue;
    out.add(text[at], MarkedText::kColumns * line + std::min(column, MarkedText::kColumns - 1));
    column = text[at] == '\n' ? 1 : column + 1;
    if (text[at] == '\n') ++line;
  }
  return out;
}

MarkedText unknown_value(std::string_view name, int place) {
  std::string shown;
  for (const char c : name) shown += c == '\n' || c == kOpen || c == kClose ? ' ' : c;
  return {kOpen + shown + kClose, place};
}

size_t behind_mark(std::string_view text, size_t at) {
  const size_t close =
      at < text.size() && text[at] == kOpen ? text.find(kClose, at) : std::string_view::npos;
  return close == std::string_view::npos ? at : close + 1;
}

bool is_unknown(std::string_view text) { return !unknowns(text).empty(); }

std::string without_marks(std::string_view text) {
  std::string plain;
  walk(
      text, [&](char c) { plain += c; }, [](std::string_view) {});
  return plain;
}

std::vector<std::string> unknowns(std::string_view text) {
  std::vector<std::string> names;
  walk(
      text, [](char) {}, [&](std::string_view name) { names.emplace_back(name); });
  return names;
}

std::string with_names(std::string_view text) {
  std::string shown;
  walk(
      text, [&](char c) { shown += c; },
      [&](std::string_view name) {
        const bool command = name.starts_with("$(");
        shown += command ? std::string(name) : "${" + std::string(name) + "}";
      });
  return shown;
}

}  // namespace moesim
