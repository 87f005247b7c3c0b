#include "config/scalars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace moesim {
namespace {

bool in_range(double value, const NumberRange& range) {
  return value <= range.high && (range.open ? value > range.low : value >= range.low);
}

std::string out_of_range(const YamlNode& node, const FieldInfo& field) {
  return fmt::format("must be {}, got {}", describe(field.range, field.unit), node.text);
}

bool is_nothing(const YamlNode& node) {
  return node.kind == YamlNode::Kind::null ||
         (node.kind == YamlNode::Kind::scalar && node.text.empty());
}

bool is_integer_text(const std::string& text) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  return text.size() > sign && text.find_first_not_of("0123456789", sign) == std::string::npos;
}

}  // namespace

std::string describe(const NumberRange& range, Unit unit) {
  const auto show = [&](double bound) { return format_quantity(bound, unit); };
  const bool high = range.high<NumberRange{}.high, low = range.low> NumberRange{}.low;
  if (range.open)
    return high ? fmt::format("above {} and at most {}", show(range.low), show(range.high))
                : "above " + show(range.low);
  if (low && high) return fmt::format("from {} to {}", show(range.low), show(range.high));
  if (low) return "at least " + show(range.low);
  return high ? "at most " + show(range.high) : "any number";
}

std::string number_type(const FieldInfo& field) {
  const std::string unit = unit_name(field.unit);
  return fmt::format("number{} {}", unit.empty() ? "" : " in " + unit,
                     describe(field.range, field.unit));
}

std::string got_nothing(const FieldInfo& field) {
  return fmt::format(" ({}), got nothing", field.doc);
}

std::optional<int64_t> to_integer(const YamlNode& node, const FieldInfo& field,
                                  std::string& error) {
  if (field.word && node.kind == YamlNode::Kind::scalar && node.text == field.word)
    return field.word_value;
  const std::string word = field.word ? fmt::format(" or {}", field.word) : "";
  if (is_nothing(node)) {
    error = fmt::format("expected an integer {}{}", describe(field.range, Unit::number), word) +
            got_nothing(field);
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::scalar || node.quoted || !is_integer_text(node.text)) {
    error = fmt::format("expected an integer{}, got {}{}", word, describe(node),
                        node.quoted ? " in quotes" : "");
    return std::nullopt;
  }
  int64_t value = 0;
  const char* begin = node.text.data() + (node.text[0] == '+');
  const auto [end, code] = std::from_chars(begin, node.text.data() + node.text.size(), value);
  if (code != std::errc() || !in_range(static_cast<double>(value), field.range)) {
    error = out_of_range(node, field);
    return std::nullopt;
  }
  return value;
}

std::optional<double> to_number(const YamlNode& node, const FieldInfo& field, std::string& error) {
  if (is_nothing(node)) {
    error = "expected a " + number_type(field) + got_nothing(field);
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::scalar) {
    error = fmt::format("expected a number, got {}", describe(node));
    return std::nullopt;
  }
  const std::optional<double> value = parse_quantity(node.text, field.unit, error);
  if (value && !in_range(*value, field.range)) {
    error = out_of_range(node, field);
    return std::nullopt;
  }
  return value;
}

std::optional<bool> to_flag(const YamlNode& node, const FieldInfo& field, std::string& error) {
  if (is_nothing(node)) {
    error = "expected true or false" + got_nothing(field);
    return std::nullopt;
  }
  if (node.kind == YamlNode::Kind::scalar && !node.quoted) {
    if (node.text == "true" || node.text == "True" || node.text == "TRUE") return true;
    if (node.text == "false" || node.text == "False" || node.text == "FALSE") return false;
  }
  error = fmt::format("expected true or false, got {}{}", describe(node),
                      node.quoted ? " in quotes" : "");
  return std::nullopt;
}

std::optional<std::string> to_text(const YamlNode& node, const FieldInfo& field,
                                   std::string& error) {
  if (node.kind == YamlNode::Kind::scalar) return node.text;
  error = "expected a text" + (is_nothing(node) ? got_nothing(field) : ", got " + describe(node));
  return std::nullopt;
}

std::optional<Choice> to_choice(const YamlNode& node, const FieldInfo& field, std::string& error) {
  if (node.kind == YamlNode::Kind::scalar) {
    const auto found = std::find(field.choices.begin(), field.choices.end(), node.text);
    if (found != field.choices.end())
      return Choice{static_cast<size_t>(found - field.choices.begin())};
  }
  error = "expected " + join_or(field.choices);
  if (is_nothing(node)) {
    error += got_nothing(field);
    return std::nullopt;
  }
  error += ", got " + describe(node);
  if (node.kind == YamlNode::Kind::scalar) error += hint(node.text, field.choices);
  return std::nullopt;
}

}  // namespace moesim
