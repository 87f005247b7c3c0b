// A tree of named values: what a run was asked to do, without the structs that it was read into.
// A report carries its settings in this form, so that writers and comparisons of reports need to
// know nothing of models, plans and platforms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moesim {

struct SettingTree {
  enum class Kind { scalar, list, map };
  using Scalar = std::variant<bool, int64_t, double, std::string>;

  std::string key;  // empty for an entry of a list
  Kind kind = Kind::map;
  Scalar scalar = false;           // of Kind::scalar
  std::vector<SettingTree> items;  // of the other kinds, in their order

  bool operator==(const SettingTree&) const = default;
  bool empty() const { return kind != Kind::scalar && items.empty(); }
  // Returns the entry of a map under this key, or null.
  const SettingTree* find(std::string_view wanted) const {
    for (const SettingTree& item : items)
      if (kind == Kind::map && item.key == wanted) return &item;
    return nullptr;
  }
};

inline SettingTree scalar_setting(std::string key, SettingTree::Scalar value) {
  return {std::move(key), SettingTree::Kind::scalar, std::move(value), {}};
}

// Returns the text under this key of a map, or "".
inline std::string text_at(const SettingTree& map, std::string_view key) {
  const SettingTree* found = map.find(key);
  const std::string* text = found ? std::get_if<std::string>(&found->scalar) : nullptr;
  return text ? *text : "";
}

}  // namespace moesim
