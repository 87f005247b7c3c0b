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

void KeyTable::on_value(const FieldInfo& field, FieldValue value) {
  using Type = KeyEntry::Type;
  const auto list = [&](Type type, const auto& values, auto scalar) {
    std::vector<KeyScalar> scalars;
    for (const auto& item : values) scalars.emplace_back(scalar(item));
    add(field, type, true, std::move(scalars));
  };
  const auto same = [](const auto& item) { return item; };
  const auto wide = [](int64_t integer) { return static_cast<double>(integer); };
  const auto spelled = [&](Choice choice) { return field.choices[choice.index]; };
  std::visit(Overloaded{
                 [&](int64_t* integer) { add(field, Type::integer, false, {wide(*integer)}); },
                 [&](double* number) { add(field, Type::number, false, {*number}); },
                 [&](bool* flag) { add(field, Type::flag, false, {*flag}); },
                 [&](std::string* text) { add(field, Type::text, false, {*text}); },
                 [&](Choice* choice) { add(field, Type::choice, false, {spelled(*choice)}); },
                 [&](std::vector<int64_t>* integers) { list(Type::integer, *integers, wide); },
                 [&](std::vector<double>* numbers) { list(Type::number, *numbers, same); },
                 [&](std::vector<std::vector<double>>*) {},
                 [&](std::vector<std::string>* texts) { list(Type::text, *texts, same); },
                 [&](std::vector<Choice>* choices) { list(Type::choice, *choices, spelled); },
             },
             value);
}

void KeyTable::on_section(const FieldInfo& section, const Contents& contents) {
  path_.push_back(join_path(path_.empty() ? "" : path_.back(), section.key));
  contents();
  path_.pop_back();
}

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
      const auto choice = to_choice(node, key.field, error);
      if (!choice) return std::nullopt;
      return KeyScalar(key.field.choices[choice->index]);
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
