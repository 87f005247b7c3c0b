#include "config/key_table.hpp"

#include <utility>

#include "base/text.hpp"
#include "config/scalars.hpp"

namespace moesim {

const KeyEntry* KeyTable::find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

KeyEntry* KeyTable::find(const std::string& key) {
  return const_cast<KeyEntry*>(std::as_const(*this).find(key));
}

void KeyTable::add(const FieldInfo& field, KeyEntry::Type type, bool is_list,
                   std::vector<KeyScalar> values) {
  const std::string key = join_path(path_.empty() ? "" : path_.back(), field.key);
  entries_.insert_or_assign(key, KeyEntry{field, type, is_list, std::move(values)});
}

void KeyTable::on_integer(const FieldInfo& field, int64_t& value) {
  add(field, KeyEntry::Type::integer, false, {static_cast<double>(value)});
}
void KeyTable::on_number(const FieldInfo& field, double& value) {
  add(field, KeyEntry::Type::number, false, {value});
}
void KeyTable::on_flag(const FieldInfo& field, bool& value) {
  add(field, KeyEntry::Type::flag, false, {value});
}
void KeyTable::on_text(const FieldInfo& field, std::string& value) {
  add(field, KeyEntry::Type::text, false, {value});
}
void KeyTable::on_choice(const FieldInfo& field, size_t& index) {
  add(field, KeyEntry::Type::choice, false, {field.choices[index]});
}
void KeyTable::on_integers(const FieldInfo& field, std::vector<int64_t>& values) {
  std::vector<KeyScalar> numbers;
  for (const int64_t value : values) numbers.emplace_back(static_cast<double>(value));
  add(field, KeyEntry::Type::integer, true, std::move(numbers));
}
void KeyTable::on_numbers(const FieldInfo& field, std::vector<double>& values) {
  add(field, KeyEntry::Type::number, true, {values.begin(), values.end()});
}
void KeyTable::on_texts(const FieldInfo& field, std::vector<std::string>& values) {
  add(field, KeyEntry::Type::text, true, {values.begin(), values.end()});
}
void KeyTable::on_choices(const FieldInfo& field, std::vector<size_t>& indices) {
  std::vector<KeyScalar> spellings;
  for (const size_t index : indices) spellings.emplace_back(field.choices[index]);
  add(field, KeyEntry::Type::choice, true, std::move(spellings));
}

void KeyTable::enter(const FieldInfo& section) {
  path_.push_back(join_path(path_.empty() ? "" : path_.back(), section.key));
}
void KeyTable::leave() { path_.pop_back(); }

std::optional<KeyScalar> to_key_scalar(const YamlNode& node, const KeyEntry& key,
                                       std::string& error) {
  const auto wrap = [](auto value) -> std::optional<KeyScalar> {
    if (!value) return std::nullopt;
    return KeyScalar(*value);
  };
  switch (key.type) {
    case KeyEntry::Type::integer: {
      const auto value = to_integer(node, key.field, error);
      if (!value) return std::nullopt;
      return KeyScalar(static_cast<double>(*value));
    }
    case KeyEntry::Type::number:
      return wrap(to_number(node, key.field, error));
    case KeyEntry::Type::flag:
      return wrap(to_flag(node, key.field, error));
    case KeyEntry::Type::text:
      return wrap(to_text(node, key.field, error));
    case KeyEntry::Type::choice: {
      const auto index = to_choice(node, key.field, error);
      if (!index) return std::nullopt;
      return KeyScalar(key.field.choices[*index]);
    }
  }
  return std::nullopt;
}

std::optional<std::vector<KeyScalar>> to_key_values(const YamlNode& node, const KeyEntry& key,
                                                    std::string& error) {
  std::vector<KeyScalar> values;
  if (key.is_list && node.kind != YamlNode::Kind::sequence) {
    error = "expected a list, got " + describe(node);
    return std::nullopt;
  }
  if (!key.is_list) {
    const auto value = to_key_scalar(node, key, error);
    if (!value) return std::nullopt;
    return std::vector{*value};
  }
  for (const YamlNode& item : node.items) {
    const auto value = to_key_scalar(item, key, error);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

}  // namespace moesim
