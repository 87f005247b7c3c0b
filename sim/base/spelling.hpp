// How enumerators are spelled in files, options and reports. The table of an enum stands beside it
// with an overload `enum_names(Enum)` that returns it; every reader and writer uses that table.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

template <class Enum>
struct Spelled {
  Enum value;
  const char* name;
};

// Returns the spellings of all enumerators in their order, from 0 to `last`.
template <auto last, class... Names>
constexpr auto spell(Names... names) {
  using Enum = decltype(last);
  static_assert(sizeof...(names) == static_cast<size_t>(last) + 1, "a name for each enumerator");
  size_t value = 0;
  return std::array{Spelled<Enum>{static_cast<Enum>(value++), names}...};
}

// The spellings of a table of traits, whose row i describes the enumerator of value i.
template <class Enum, class Row, size_t rows>
constexpr std::array<Spelled<Enum>, rows> spelled_rows(const std::array<Row, rows>& table) {
  std::array<Spelled<Enum>, rows> names{};
  for (size_t i = 0; i < rows; ++i) names[i] = {static_cast<Enum>(i), table[i].name};
  return names;
}

template <class Enum>
std::vector<std::string> enum_spellings() {
  std::vector<std::string> spellings;
  for (const auto& spelled : enum_names(Enum{})) spellings.emplace_back(spelled.name);
  return spellings;
}

// Returns "?" for a value without an entry.
template <class Enum>
constexpr const char* spelling(Enum value) {
  for (const auto& spelled : enum_names(Enum{}))
    if (spelled.value == value) return spelled.name;
  return "?";
}

// Returns the enumerator of this name, or nothing.
template <class Enum>
constexpr std::optional<Enum> spelled(std::string_view name) {
  for (const auto& candidate : enum_names(Enum{}))
    if (candidate.name == name) return candidate.value;
  return std::nullopt;
}

}  // namespace moesim
