// Conditions over named values, such as `fits and mfu > 0.3`: numbers, texts in quotes, true and
// false, names with dots, + - * / %, comparisons, not, and, or, parentheses. Takes the text and a
// way to look names up; knows nothing of what they name.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

using ExpressionValue = std::variant<double, bool, std::string>;

class Expression {
 public:
  // Returns nothing for a name that has no value.
  using Lookup = std::function<std::optional<ExpressionValue>(const std::string& name)>;

  // Throws InputError that says what was expected, and at which character of the text.
  explicit Expression(const std::string& text);

  // In order of appearance, each once.
  const std::vector<std::string>& names() const { return names_; }
  // Returns nothing where a value that it depends on is missing; `false and missing` is false,
  // `true or missing` is true. Throws InputError for a text where a number is needed and the like.
  std::optional<ExpressionValue> evaluate(const Lookup& lookup) const;
  // Whether it is true; a missing value is not.
  bool holds(const Lookup& lookup) const;

 private:
  friend class ExpressionParser;
  enum class Kind { literal, name, negated, inverted, binary };
  struct Node {
    Kind kind = Kind::literal;
    ExpressionValue value;  // of a literal
    std::string text;       // of a name; an operator
    size_t left = 0, right = 0;
  };
  std::optional<ExpressionValue> evaluate(size_t node, const Lookup& lookup) const;
  std::optional<ExpressionValue> logical(const Node& node, const Lookup& lookup) const;

  std::string text_;
  std::vector<Node> nodes_;
  std::vector<std::string> names_;
  size_t root_ = 0;
};

}  // namespace moesim
