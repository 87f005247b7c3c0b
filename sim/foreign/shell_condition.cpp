#include <algorithm>
#include <charconv>
#include <regex>

#include "foreign/shell.hpp"

namespace moesim {
namespace {

Truth negate(Truth truth) {
  return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes;
}
Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }

Arithmetic integer(const std::string& text) {
  Arithmetic out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  out.known = error == std::errc() && end == text.data() + text.size();
  return out;
}

// The words between [ and ], or [[ and ]].
class Condition {
 public:
  Condition(std::vector<std::string> words, bool patterns)
      : words_(std::move(words)), patterns_(patterns) {}

  Truth all() {
    if (words_.empty()) return Truth::no;
    if (words_.size() > kMostWords) return Truth::unknown;
    const Truth truth = either();
    return at_ == words_.size() ? truth : Truth::unknown;
  }

 private:
  bool take(const char* word) {
    if (at_ >= words_.size() || words_[at_] != word) return false;
    ++at_;
    return true;
  }
  size_t left() const { return words_.size() - at_; }

  Truth either() {
    Truth left = both();
    while (take("||") || take("-o")) {
      const Truth right = both();
      if (left == Truth::yes || right == Truth::yes)
        left = Truth::yes;
      else if (right == Truth::unknown)
        left = right;
    }
    return left;
  }
  Truth both() {
    Truth left = one();
    while (take("&&") || take("-a")) {
      const Truth right = one();
      if (left == Truth::no || right == Truth::no)
        left = Truth::no;
      else if (right == Truth::unknown)
        left = right;
    }
    return left;
  }
  Truth one() {
    if (left() > 1 && take("!")) return negate(one());
    if (left() > 2 && take("(")) {
      const Truth inside = either();
      return take(")") ? inside : Truth::unknown;
    }
    if (left() >= 3 && is_binary(words_[at_ + 1])) {
      at_ += 3;
      return binary(words_[at_ - 3], words_[at_ - 2], words_[at_ - 1]);
    }
    if (left() >= 2 && words_[at_].size() == 2 && words_[at_][0] == '-') {
      at_ += 2;
      return unary(words_[at_ - 2][1], words_[at_ - 1]);
    }
    return at_ < words_.size() ? truth_of(!words_[at_++].empty()) : Truth::unknown;
  }
  static bool is_binary(const std::string& op) {
    static const char* const kOps[] = {"=",   "==",  "!=",  "=~",  "<",   ">",
                                       "-eq", "-ne", "-lt", "-le", "-gt", "-ge"};
    return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
  }
  static Truth unary(char op, const std::string& word) {
    if (op == 'z') return truth_of(word.empty());
    if (op == 'n') return truth_of(!word.empty());
    return Truth::unknown;  // of files, and of what else only the machine knows
  }
  Truth binary(const std::string& a, const std::string& op, const std::string& b) const {
    if (op == "=~") return found(a, b);
    if (op == "=" || op == "==") return truth_of(patterns_ ? matches_pattern(a, b) : a == b);
    if (op == "!=") return truth_of(!(patterns_ ? matches_pattern(a, b) : a == b));
    if (op == "<") return truth_of(a < b);
    if (op == ">") return truth_of(a > b);
    const Arithmetic x = integer(a), y = integer(b);
    if (!x.known || !y.known) return Truth::unknown;
    if (op == "-eq") return truth_of(x.value == y.value);
    if (op == "-ne") return truth_of(x.value != y.value);
    if (op == "-lt") return truth_of(x.value < y.value);
    if (op == "-le") return truth_of(x.value <= y.value);
    if (op == "-gt") return truth_of(x.value > y.value);
    return truth_of(x.value >= y.value);
  }

  static Truth found(const std::string& text, const std::string& pattern) {
    if (pattern.find_first_of("^$.*+?()[]{}|\\") == std::string::npos)
      return truth_of(text.find(pattern) != std::string::npos);
    if (text.size() > kMostMatched || pattern.size() > kMostMatched) return Truth::unknown;
    try {
      return truth_of(std::regex_search(text, std::regex(pattern, std::regex::extended)));
    } catch (const std::regex_error&) {
      return Truth::unknown;
    }
  }

  static constexpr size_t kMostWords = 1000;
  static constexpr size_t kMostMatched = 512;  // characters; the library's matcher is recursive
  std::vector<std::string> words_;
  bool patterns_;
  size_t at_ = 0;
};

}  // namespace

Truth Shell::test(const std::vector<MarkedText>& words, bool patterns) {
  std::vector<std::string> plain;
  for (const MarkedText& word : words) plain.push_back(without_marks(word.text));
  return Condition(std::move(plain), patterns).all();
}

}  // namespace moesim
