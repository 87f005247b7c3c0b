#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr size_t kMaxQuoted = 60;
constexpr size_t kMaxHinted =
    64;  // names longer than this are no slips of ours, and the distance is quadratic

// Optimal string alignment distance (Damerau-Levenshtein without repeated edits of one substring).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

// Bytes of the UTF-8 sequence at the start of `text`; 0 when it is none (overlong forms and
// surrogates included).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

int columns_of(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string fit(std::string_view text, int width, Align align) {
  const int columns = columns_of(text);
  if (columns <= width) {
    const std::string blanks(static_cast<size_t>(width - columns), ' ');
    return align == Align::left ? std::string(text) + blanks : blanks + std::string(text);
  }
  size_t end = 0;
  for (int kept = 0; end < text.size(); ++end)
    if (starts_character(text[end]) && ++kept == width) break;
  return std::string(text.substr(0, end)) + "…";
}

std::string fit_end(std::string_view text, int width, Align align) {
  return fit(end_of(text, width), width, align);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of(separators, begin), text.size());
    if (const std::string_view part = trim(text.substr(begin, end - begin)); !part.empty())
      parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

std::string lowercase(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string join_path(std::string_view path, std::string_view key) {
  if (path.empty()) return std::string(key);
  if (key.empty()) return std::string(path);
  return fmt::format("{}.{}", path, key);
}

std::string quote(std::string_view text) {
  if (text.size() <= kMaxQuoted) return fmt::format("\"{}\"", text);
  size_t cut = kMaxQuoted;
  while (cut > 0 && !starts_character(text[cut])) --cut;
  return fmt::format("\"{}...\"", text.substr(0, cut));
}

std::string hint(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kMaxHinted) return "";
  const std::string* best = nullptr;
  size_t best_distance = 2 + name.size() / 4;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best ? fmt::format(" (did you mean {}?)", quote(*best)) : "";
}

std::string join_or(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

std::string fold(std::string_view text, size_t begin, size_t indent, size_t width) {
  std::string folded;
  size_t column = begin;
  bool first_word = true;
  const auto break_line = [&] {
    while (!folded.empty() && folded.back() == ' ') folded.pop_back();
    folded += "\n" + std::string(indent, ' ');
    column = indent;
    first_word = true;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const auto columns = static_cast<size_t>(columns_of(word));
    if (column + columns + (first_word ? 0 : 1) > width && !(first_word && column <= indent))
      break_line();
    if (!first_word) {
      folded += ' ';
      ++column;
    }
    folded += word;
    column += columns;
    first_word = false;
    if (end < text.size() && text[end] == '\n') break_line();
    at = end + 1;
  }
  while (!folded.empty() && (folded.back() == ' ' || folded.back() == '\n')) folded.pop_back();
  return folded;
}

std::string end_of(std::string_view text, int columns) {
  int drop = columns_of(text);
  if (drop <= columns) return std::string(text);
  drop -= columns - 1;
  size_t begin = 0;
  for (; begin < text.size(); ++begin)
    if (starts_character(text[begin]) && drop-- == 0) break;
  return "…" + std::string(text.substr(begin));
}

TextFault find_text_fault(std::string_view text) {
  int line = 1, column = 1;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    if (control || byte == 0x7F)
      return {fmt::format("holds a control character (0x{:02x})", byte), line, column};
    const size_t length = utf8_length(text.substr(i));
    if (length == 0) return {fmt::format("is not UTF-8 text (byte 0x{:02x})", byte), line, column};
    i += length;
    line += byte == '\n';
    column = byte == '\n' ? 1 : column + 1;
  }
  return {};
}

}  // namespace moesim
