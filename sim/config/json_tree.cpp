#include "config/json_tree.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string_view>

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr int kMaxJsonDepth = 128;
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

struct SyntaxError {
  size_t at;
  std::string what;
};

bool same(const YamlNode& a, const YamlNode& b) {
  if (a.kind != b.kind || a.text != b.text || a.quoted != b.quoted ||
      a.items.size() != b.items.size() || a.entries.size() != b.entries.size())
    return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  for (size_t i = 0; i < a.entries.size(); ++i)
    if (a.entries[i].key != b.entries[i].key || !same(a.entries[i].value, b.entries[i].value))
      return false;
  return true;
}

void append_utf8(std::string& to, unsigned code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xC0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xE0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    to += static_cast<char>(0xF0 | (code >> 18));
    to += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    to += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class JsonParser {
 public:
  JsonParser(std::string_view text, const YamlSource& source, Problems& problems)
      : text_(text), source_(source), problems_(problems) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_start_ = 3;
  }

  YamlNode document() {
    YamlNode root = value(source_.path, 0);
    space();
    if (at_ < text_.size()) fail("expected the end of the file");
    return root;
  }

  Place place_of(size_t at) const {
    int line = 1;
    size_t start = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    for (size_t i = start; i < at && i < text_.size(); ++i)
      if (text_[i] == '\n') ++line, start = i + 1;
    return {source_.file, line, static_cast<int>(at - start) + 1};
  }

 private:
  [[noreturn]] void fail(std::string what) const { throw SyntaxError{at_, std::move(what)}; }

  void space() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_, line_start_ = at_ + 1;
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
    }
  }
  char peek() {
    space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (!take(c)) fail(fmt::format("expected {}", what));
  }

  YamlNode start(YamlNode::Kind kind) {
    space();
    YamlNode node;
    node.kind = kind;
    node.place = {source_.file, line_, static_cast<int>(at_ - line_start_) + 1};
    node.origin = fmt::format("{}:{}", source_.label.empty() ? source_.file : source_.label, line_);
    return node;
  }

  YamlNode value(const std::string& path, int depth) {
    if (depth > kMaxJsonDepth) fail(fmt::format("is nested more than {} deep", kMaxJsonDepth));
    switch (peek()) {
      case '{':
        return object(path, depth);
      case '[':
        return array(path, depth);
      case '"': {
        YamlNode node = start(YamlNode::Kind::scalar);
        node.text = string();
        node.quoted = true;
        return node;
      }
      default:
        return literal();
    }
  }

  YamlNode object(const std::string& path, int depth) {
    YamlNode node = start(YamlNode::Kind::map);
    std::map<std::string, size_t> seen;
    ++at_;
    if (take('}')) return node;
    do {
      if (peek() != '"') fail("expected a key in double quotes");
      YamlNode key = start(YamlNode::Kind::scalar);
      key.text = string();
      expect(':', "a colon after the key");
      YamlNode held = value(join_path(path, key.text), depth + 1);
      if (held.kind == YamlNode::Kind::null) held.place = key.place;
      const auto [first, fresh] = seen.emplace(key.text, node.entries.size());
      if (fresh) {
        node.entries.push_back({key.text, key.place, std::move(held)});
      } else if (!same(node.entries[first->second].value, held)) {
        problems_.add(key.place, join_path(path, key.text),
                      fmt::format("is given twice (first in line {})",
                                  node.entries[first->second].key_place.line));
      }
    } while (take(','));
    expect('}', "a comma or the end of the object");
    return node;
  }

  YamlNode array(const std::string& path, int depth) {
    YamlNode node = start(YamlNode::Kind::sequence);
    ++at_;
    if (take(']')) return node;
    do {
      node.items.push_back(value(path, depth + 1));
    } while (take(','));
    expect(']', "a comma or the end of the list");
    return node;
  }

  YamlNode literal() {
    YamlNode node = start(YamlNode::Kind::scalar);
    const size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view(",:]}\"[{ \t\r\n/").find(text_[at_]) == std::string_view::npos)
      ++at_;
    node.text = std::string(text_.substr(begin, at_ - begin));
    if (node.text == "null") {
      node.kind = YamlNode::Kind::null;
      node.text.clear();
      return node;
    }
    static constexpr std::string_view kWords[] = {"true", "false", "NaN", "Infinity", "-Infinity"};
    for (const std::string_view word : kWords)
      if (node.text == word) return node;
    char* end = nullptr;
    const double number = std::strtod(node.text.c_str(), &end);
    const bool decimal = node.text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    if (node.text.empty() || !decimal || *end != '\0') {
      at_ = begin;
      fail("expected a value");
    }
    if (node.text.find_first_of(".eE") != std::string::npos && std::floor(number) == number &&
        std::abs(number) < kExactIntegers)
      node.text = fmt::format("{:.0f}", number);
    return node;
  }

  unsigned hex() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      const char* digits = "0123456789abcdef";
      const char* found = c == '\0' ? nullptr : std::char_traits<char>::find(digits, 16, c | 0x20);
      if (c >= '0' && c <= '9') found = digits + (c - '0');
      if (!found) fail("expected four hexadecimal digits after \\u");
      code = code * 16 + static_cast<unsigned>(found - digits);
    }
    return code;
  }

  // After "\u": one UTF-16 unit, or the second of a pair; a half without its other half is shown as
  // the replacement character.
  void unicode(std::string& to) {
    unsigned code = hex();
    const bool high = code >= 0xD800 && code < 0xDC00;
    if (high && text_.substr(at_).starts_with("\\u")) {
      const size_t before = at_;
      at_ += 2;
      const unsigned low = hex();
      if (low >= 0xDC00 && low < 0xE000)
        return append_utf8(to, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
      at_ = before;
    }
    append_utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
  }

  std::string string() {
    std::string result;
    ++at_;
    for (; at_ < text_.size() && text_[at_] != '"';) {
      const char c = text_[at_++];
      if (c == '\n') {
        --at_;
        fail("a string ends at the end of its line");
      }
      if (c != '\\') {
        result += c;
        continue;
      }
      const char escaped = at_ < text_.size() ? text_[at_++] : '\0';
      static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
      if (escaped == 'u') {
        unicode(result);
      } else if (const size_t which = kFrom.find(escaped); which != std::string_view::npos) {
        result += kTo[which];
      } else {
        --at_;
        fail("unknown escape in a string");
      }
    }
    if (at_ >= text_.size()) fail("a string does not end");
    ++at_;
    return result;
  }

  std::string_view text_;
  const YamlSource& source_;
  Problems& problems_;
  size_t at_ = 0, line_start_ = 0;
  int line_ = 1;
};

}  // namespace

YamlNode parse_json(const std::string& text, const YamlSource& source, Problems& problems) {
  const Place file{source.file, 0, 0};
  if (const TextFault fault = find_text_fault(text); !fault.what.empty()) {
    problems.add({source.file, fault.line, fault.column}, source.path,
                 fault.what + "; is this a binary file?");
    return make_incomplete_map(file);
  }
  JsonParser parser(text, source, problems);
  try {
    return parser.document();
  } catch (const SyntaxError& error) {
    problems.add(parser.place_of(error.at), source.path, "JSON syntax: " + error.what);
  }
  return make_incomplete_map(file);
}

}  // namespace moesim
