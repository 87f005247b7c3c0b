// Says what each argument of a launch means to the simulator, as one table of data: the entries of
// scenarios/imports/megatron.yaml, which is compiled into the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/spelling.hpp"

namespace moesim {

enum class ArgumentKind { value, set, read, none, unmodelled };
inline constexpr auto kArgumentKinds =
    spell<ArgumentKind::unmodelled>("value", "set", "read", "none", "unmodelled");
constexpr const auto& enum_names(ArgumentKind) { return kArgumentKinds; }

struct ArgumentRow {
  std::vector<std::string> names;
  ArgumentKind kind = ArgumentKind::none;
  std::string key;     // of a scenario, that the argument gives or shapes
  std::string gives;   // set: the value of the key
  std::string absent;  // set: what its absence gives; empty: the scenario's default
  std::vector<std::string> absent_too;  // set: "key=value" beside it
  std::vector<std::string> words;       // value: "its=ours"; empty: as it is
  std::string note;

  bool shapes_time() const { return kind != ArgumentKind::none; }
  bool is_mapped() const { return shapes_time() && kind != ArgumentKind::unmodelled; }
  // Returns ours for one of its words, the word itself without `words`, "" for another.
  std::string translated(std::string_view word) const;
  // The same the other way.
  std::string translated_back(std::string_view word) const;
};

struct TokenizerRow {
  std::string type, model;  // parts of the names, in lower case
  int vocab = 0;
  std::string source;
};

const std::vector<ArgumentRow>& argument_rows();
// Returns null when no row has this name; "_" is "-".
const ArgumentRow* find_argument(std::string_view name);
// Returns the row of a key that one argument alone gives; null without one.
const ArgumentRow* find_argument_of(std::string_view key);
const TokenizerRow& find_tokenizer(std::string_view type, std::string_view model);

}  // namespace moesim
