// One scalar of a YAML tree -> one value, or the reason why not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "config/tree.hpp"
#include "config/visitor.hpp"

namespace moesim {

std::optional<int64_t> to_integer(const YamlNode& node, const FieldInfo& field, std::string& error);
std::optional<double> to_number(const YamlNode& node, const FieldInfo& field, std::string& error);
std::optional<bool> to_flag(const YamlNode& node, const FieldInfo& field, std::string& error);
std::optional<std::string> to_text(const YamlNode& node, const FieldInfo& field,
                                   std::string& error);
// One of field.choices.
std::optional<Choice> to_choice(const YamlNode& node, const FieldInfo& field, std::string& error);

// "number in s at least 0".
std::string number_type(const FieldInfo& field);
// " (tensor parallel), got nothing": the end of a message about a key without a value.
std::string got_nothing(const FieldInfo& field);

// "from 1 to 64", "above 0 and at most 1 EB/s", "at least 0".
std::string describe(const NumberRange& range, Unit unit);

}  // namespace moesim
