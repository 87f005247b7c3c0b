#include "base/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <string_view>

#include "base/diagnostics.hpp"
#include "base/text.hpp"

namespace moesim {

namespace {

// Limits that no condition by hand comes near.
constexpr int kDeepest = 100;
constexpr size_t kLongest = 2000;  // characters

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Token {
  enum class Kind { end, number, text, name, sign } kind = Kind::end;
  std::string text;
  size_t at = 0;
};

class Tokens {
 public:
  explicit Tokens(const std::string& text) : text_(text) { next(); }

  const Token& now() const { return now_; }
  Token take() {
    Token taken = now_;
    next();
    return taken;
  }
  // Takes the sign, or the word that stands for it.
  bool accept(std::string_view sign, std::string_view word = "") {
    const bool is_sign = now_.kind == Token::Kind::sign && now_.text == sign;
    const bool is_word = !word.empty() && now_.kind == Token::Kind::name && now_.text == word;
    if (is_sign || is_word) next();
    return is_sign || is_word;
  }
  [[noreturn]] void fail(const std::string& expected) const {
    const std::string got = now_.kind == Token::Kind::end ? "the end" : quote(now_.text);
    throw InputError(fmt::format("{}: at character {}: expected {}, got {}", quote(text_),
                                 now_.at + 1, expected, got));
  }

 private:
  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
    now_ = {Token::Kind::end, "", at_};
    if (at_ == text_.size()) return;
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])))
      return number();
    if (is_name_start(c)) return name();
    if (c == '\'' || c == '"') return quoted(c);
    static constexpr std::string_view kSigns[] = {"==", "!=", "<=", ">=", "&&", "||"};
    for (const std::string_view sign : kSigns)
      if (std::string_view(text_).substr(at_).starts_with(sign)) return take_text(2);
    take_text(1);
  }

  void take_text(size_t length) {
    now_ = {Token::Kind::sign, text_.substr(at_, length), at_};
    at_ += length;
  }

  void number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto read = std::from_chars(begin, text_.data() + text_.size(), value);
    const size_t length = static_cast<size_t>(read.ptr - begin);
    now_ = {Token::Kind::number, text_.substr(at_, length), at_};
    at_ += length;
    if (at_ < text_.size() && is_name_start(text_[at_])) {
      now_.text += text_[at_];
      fail("a number without a unit");
    }
  }

  void name() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (is_name_start(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '.'))
      ++at_;
    now_ = {Token::Kind::name, text_.substr(begin, at_ - begin), begin};
  }

  void quoted(char mark) {
    const size_t end = text_.find(mark, at_ + 1);
    if (end == std::string::npos) {
      now_ = {Token::Kind::end, "", text_.size()};
      fail(fmt::format("a closing {}", mark));
    }
    now_ = {Token::Kind::text, text_.substr(at_ + 1, end - at_ - 1), at_};
    at_ = end + 1;
  }

  const std::string& text_;
  size_t at_ = 0;
  Token now_;
};

double number_of(const ExpressionValue& value, const std::string& sign) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  throw InputError(
      fmt::format("{} needs numbers, got {}", quote(sign), quote(std::get<std::string>(value))));
}

bool truth_of(const ExpressionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    throw InputError(fmt::format("expected true or false, got {}", quote(*text)));
  return number_of(value, "") != 0;
}

bool equal(const ExpressionValue& a, const ExpressionValue& b) {
  const auto* text = std::get_if<std::string>(&a);
  const auto* other = std::get_if<std::string>(&b);
  if (text && other) return *text == *other;
  if (text || other) return false;
  return number_of(a, "==") == number_of(b, "==");
}

ExpressionValue applied(const std::string& sign, const ExpressionValue& a,
                        const ExpressionValue& b) {
  if (sign == "==") return equal(a, b);
  if (sign == "!=") return !equal(a, b);
  const double x = number_of(a, sign), y = number_of(b, sign);
  if (sign == "<") return x < y;
  if (sign == "<=") return x <= y;
  if (sign == ">") return x > y;
  if (sign == ">=") return x >= y;
  if (sign == "+") return x + y;
  if (sign == "-") return x - y;
  if (sign == "*") return x * y;
  if (sign == "/") return x / y;
  return std::fmod(x, y);
}

}  // namespace

// Recursive descent, loosest first.
class ExpressionParser {
 public:
  ExpressionParser(Expression& expression, Tokens& tokens) : e_(expression), tokens_(tokens) {}

  size_t parse() {
    const size_t root = disjunction();
    if (tokens_.now().kind != Token::Kind::end) tokens_.fail("and, or, or the end");
    return root;
  }

 private:
  using Node = Expression::Node;
  using Kind = Expression::Kind;

  size_t add(Node node) {
    e_.nodes_.push_back(std::move(node));
    return e_.nodes_.size() - 1;
  }
  size_t binary(const char* sign, size_t left, size_t right) {
    return add({Kind::binary, {}, sign, left, right});
  }

  size_t disjunction() {
    size_t left = conjunction();
    while (tokens_.accept("||", "or")) left = binary("or", left, conjunction());
    return left;
  }
  size_t conjunction() {
    size_t left = inversion();
    while (tokens_.accept("&&", "and")) left = binary("and", left, inversion());
    return left;
  }
  size_t inversion() {
    if (!tokens_.accept("!", "not")) return comparison();
    deeper();
    const size_t of = inversion();
    --depth_;
    return add({Kind::inverted, {}, "not", of});
  }
  size_t comparison() {
    size_t left = sum();
    for (const char* sign : {"==", "!=", "<=", ">=", "<", ">"})
      if (tokens_.accept(sign)) return binary(sign, left, sum());
    if (tokens_.accept("=")) return binary("==", left, sum());
    return left;
  }
  size_t sum() {
    return chain({"+", "-"}, [this] { return product(); });
  }
  size_t product() {
    return chain({"*", "/", "%"}, [this] { return factor(); });
  }

  size_t chain(std::initializer_list<const char*> signs, const std::function<size_t()>& part) {
    size_t left = part();
    while (true) {
      const auto sign = std::find_if(signs.begin(), signs.end(),
                                     [&](const char* each) { return tokens_.accept(each); });
      if (sign == signs.end()) return left;
      left = binary(*sign, left, part());
    }
  }

  size_t factor() {
    if (tokens_.accept("-")) {
      deeper();
      const size_t of = factor();
      --depth_;
      return add({Kind::negated, {}, "-", of});
    }
    if (tokens_.accept("(")) {
      deeper();
      const size_t inner = disjunction();
      --depth_;
      if (!tokens_.accept(")")) tokens_.fail("a closing parenthesis");
      return inner;
    }
    return leaf();
  }

  size_t leaf() {
    const Token& now = tokens_.now();
    if (now.kind == Token::Kind::number) {
      double value = 0;
      const std::string text = tokens_.take().text;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return add({Kind::literal, value});
    }
    if (now.kind == Token::Kind::text) return add({Kind::literal, tokens_.take().text});
    static constexpr std::string_view kReserved[] = {"and", "or", "not"};
    if (now.kind != Token::Kind::name ||
        std::find(std::begin(kReserved), std::end(kReserved), now.text) != std::end(kReserved))
      tokens_.fail("a name, a number or a text in quotes");
    const std::string name = tokens_.take().text;
    if (name == "true" || name == "false") return add({Kind::literal, name == "true"});
    if (std::find(e_.names_.begin(), e_.names_.end(), name) == e_.names_.end())
      e_.names_.push_back(name);
    return add({Kind::name, {}, name});
  }

  void deeper() {
    if (++depth_ > kDeepest) tokens_.fail("less nesting");
  }

  Expression& e_;
  Tokens& tokens_;
  int depth_ = 0;
};

Expression::Expression(const std::string& text) : text_(text) {
  if (text.size() > kLongest)
    throw InputError(fmt::format("{}: is longer than {} characters", quote(text), kLongest));
  Tokens tokens(text_);
  root_ = ExpressionParser(*this, tokens).parse();
}

std::optional<ExpressionValue> Expression::evaluate(const Lookup& lookup) const {
  return evaluate(root_, lookup);
}

std::optional<ExpressionValue> Expression::logical(const Node& node, const Lookup& lookup) const {
  const bool decides = node.text == "or";  // the value that needs no other beside it
  const auto left = evaluate(node.left, lookup);
  if (left && truth_of(*left) == decides) return decides;
  const auto right = evaluate(node.right, lookup);
  if (right && truth_of(*right) == decides) return decides;
  if (!left || !right) return std::nullopt;
  return !decides;
}

std::optional<ExpressionValue> Expression::evaluate(size_t index, const Lookup& lookup) const {
  const Node& node = nodes_[index];
  if (node.kind == Kind::literal) return node.value;
  if (node.kind == Kind::name) return lookup(node.text);
  if (node.text == "and" || node.text == "or") return logical(node, lookup);
  const auto left = evaluate(node.left, lookup);
  if (!left) return std::nullopt;
  if (node.kind == Kind::negated) return -number_of(*left, "-");
  if (node.kind == Kind::inverted) return !truth_of(*left);
  const auto right = evaluate(node.right, lookup);
  if (!right) return std::nullopt;
  return applied(node.text, *left, *right);
}

bool Expression::holds(const Lookup& lookup) const {
  const auto value = evaluate(lookup);
  return value && truth_of(*value);
}

}  // namespace moesim
