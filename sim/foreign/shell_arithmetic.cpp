#include <cctype>
#include <limits>

#include "foreign/shell.hpp"

namespace moesim {
namespace {

// Recursive descent over the operators of $(( )), without assignments. Overflow makes the result
// unknown, as do a division by zero and text that is no expression.
class Calculator {
 public:
  Calculator(std::string_view text, const std::function<Arithmetic(const std::string&)>& value)
      : text_(text), value_(value) {}

  Arithmetic all() {
    const Arithmetic result = choice();
    skip();
    return at_ == text_.size() && sound_ ? result : Arithmetic{};
  }

 private:
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool take(std::string_view op, std::string_view not_before = "") {
    skip();
    if (text_.substr(at_, op.size()) != op) return false;
    const size_t next = at_ + op.size();
    if (next < text_.size() && not_before.find(text_[next]) != std::string_view::npos) return false;
    at_ = next;
    return true;
  }
  Arithmetic failed() {
    sound_ = false;
    return {};
  }
  template <class Compute>
  static Arithmetic both(Arithmetic a, Arithmetic b, Compute compute) {
    if (!a.known || !b.known) return {};
    Arithmetic out{true, 0};
    if (compute(a.value, b.value, &out.value)) return {};
    return out;
  }
  static Arithmetic truth(bool value) { return {true, value ? 1 : 0}; }

  Arithmetic choice() {
    if (++depth_ > 64) return failed();
    const Arithmetic condition = either();
    Arithmetic result = condition;
    if (take("?")) {
      const Arithmetic yes = choice();
      if (!take(":")) return failed();
      const Arithmetic no = choice();
      result = !condition.known ? Arithmetic{} : condition.value ? yes : no;
    }
    --depth_;
    return result;
  }
  Arithmetic either() {
    Arithmetic left = all_of();
    while (take("||")) {
      const Arithmetic right = all_of();
      left = left.known && right.known ? truth(left.value || right.value) : Arithmetic{};
    }
    return left;
  }
  Arithmetic all_of() {
    Arithmetic left = compared();
    while (take("&&")) {
      const Arithmetic right = compared();
      left = left.known && right.known ? truth(left.value && right.value) : Arithmetic{};
    }
    return left;
  }
  Arithmetic compared() {
    Arithmetic left = sum();
    while (true) {
      const auto compare = [&](auto holds) {
        const Arithmetic right = sum();
        left = left.known && right.known ? truth(holds(left.value, right.value)) : Arithmetic{};
      };
      if (take("=="))
        compare([](auto a, auto b) { return a == b; });
      else if (take("!="))
        compare([](auto a, auto b) { return a != b; });
      else if (take("<="))
        compare([](auto a, auto b) { return a <= b; });
      else if (take(">="))
        compare([](auto a, auto b) { return a >= b; });
      else if (take("<", "<"))
        compare([](auto a, auto b) { return a < b; });
      else if (take(">", ">"))
        compare([](auto a, auto b) { return a > b; });
      else
        return left;
    }
  }
  Arithmetic sum() {
    Arithmetic left = product();
    while (true) {
      if (take("+"))
        left = both(left, product(),
                    [](auto a, auto b, auto* out) { return __builtin_add_overflow(a, b, out); });
      else if (take("-"))
        left = both(left, product(),
                    [](auto a, auto b, auto* out) { return __builtin_sub_overflow(a, b, out); });
      else
        return left;
    }
  }
  Arithmetic product() {
    Arithmetic left = power();
    while (true) {
      const bool times = take("*", "*"), divided = !times && take("/");
      if (!times && !divided && !take("%")) return left;
      const Arithmetic right = power();
      left = both(left, right, [&](long long a, long long b, long long* out) {
        if (times) return __builtin_mul_overflow(a, b, out);
        if (b == 0 || (b == -1 && a == std::numeric_limits<long long>::min())) return true;
        *out = divided ? a / b : a % b;
        return false;
      });
    }
  }
  Arithmetic power() {
    const Arithmetic base = unary();
    if (!take("**")) return base;
    if (++depth_ > 64) return failed();
    const Arithmetic exponent = power();
    --depth_;
    return both(base, exponent, [](long long a, long long b, long long* out) {
      if (b < 0 || b > 64) return true;
      *out = 1;
      for (long long i = 0; i < b; ++i)
        if (__builtin_mul_overflow(*out, a, out)) return true;
      return false;
    });
  }
  Arithmetic unary() {
    if (++depth_ > 64) return failed();
    Arithmetic result;
    if (take("!", "=")) {
      result = unary();
      if (result.known) result.value = !result.value;
    } else if (take("-")) {
      result = both({true, 0}, unary(),
                    [](auto a, auto b, auto* out) { return __builtin_sub_overflow(a, b, out); });
    } else if (take("+")) {
      result = unary();
    } else {
      result = primary();
    }
    --depth_;
    return result;
  }
  Arithmetic primary() {
    if (take("(")) {
      const Arithmetic inside = choice();
      return take(")") ? inside : failed();
    }
    skip();
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      ++at_;
    const std::string word(text_.substr(begin, at_ - begin));
    if (word.empty()) return failed();
    if (!std::isdigit(static_cast<unsigned char>(word[0]))) return value_(word);
    Arithmetic number{true, 0};
    for (const char c : word) {
      const bool fits = std::isdigit(static_cast<unsigned char>(c)) &&
                        !__builtin_mul_overflow(number.value, 10, &number.value) &&
                        !__builtin_add_overflow(number.value, c - '0', &number.value);
      if (!fits) return failed();
    }
    return number;
  }

  std::string_view text_;
  const std::function<Arithmetic(const std::string&)>& value_;
  size_t at_ = 0;
  int depth_ = 0;
  bool sound_ = true;
};

}  // namespace

Arithmetic evaluate_arithmetic(std::string_view expression,
                               const std::function<Arithmetic(const std::string&)>& value) {
  return Calculator(expression, value).all();
}

bool matches_pattern(std::string_view text, std::string_view pattern) {
  size_t at = 0, star = std::string_view::npos, after_star = 0, from = 0;
  const auto one = [&](size_t& p) {  // whether the pattern's next unit takes text[at]
    if (p >= pattern.size()) return false;
    if (pattern[p] == '?') return ++p, true;
    const size_t close = pattern[p] == '[' ? pattern.find(']', p + 2) : std::string_view::npos;
    if (close != std::string_view::npos) {
      const bool not_in = pattern[p + 1] == '!' || pattern[p + 1] == '^';
      bool in = false;
      for (size_t i = p + 1 + not_in; i < close; ++i) {
        const bool range = i + 2 < close && pattern[i + 1] == '-';
        in = in || (range ? text[at] >= pattern[i] && text[at] <= pattern[i + 2]
                          : text[at] == pattern[i]);
        if (range) i += 2;
      }
      p = close + 1;
      return in != not_in;
    }
    if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
    return pattern[p++] == text[at];
  };
  size_t p = 0;
  while (at < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p;
      after_star = ++p;
      from = at;
      continue;
    }
    size_t next = p;
    if (one(next)) {
      p = next;
      ++at;
    } else if (star != std::string_view::npos) {
      p = after_star;
      at = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace moesim
