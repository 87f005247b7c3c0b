// Every key of a scenario by its dotted name, with its type and the value that a struct holds for
// it. Framework profiles are checked and their conditions tested with it, so that they need no list
// of keys of their own. Keys inside lists of maps (faults) are left out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/tree.hpp"
#include "config/visitor.hpp"

namespace moesim {

// A number in SI, a flag, or a text (the spelling, for an enumeration).
using KeyScalar = std::variant<double, bool, std::string>;

struct KeyEntry {
  enum class Type { integer, number, flag, text, choice };
  FieldInfo field;
  Type type = Type::text;
  bool is_list = false;
  std::vector<KeyScalar> values;  // one, unless it is a list
};

class KeyTable : public Visitor {
 public:
  template <class Struct>
  void collect(Struct value) {  // a copy: visitors see mutable structs
    visit(*this, value);
  }
  const KeyEntry* find(const std::string& key) const;
  KeyEntry* find(const std::string& key);
  const std::map<std::string, KeyEntry>& entries() const { return entries_; }

 protected:
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo&, const ListOfMaps&) override {}

 private:
  void add(const FieldInfo& field, KeyEntry::Type type, bool is_list,
           std::vector<KeyScalar> values);

  std::map<std::string, KeyEntry> entries_;
  std::vector<std::string> path_;  // dotted key of each section that is open
};

// `node`, a scalar, as a value of the key; nothing, and the reason in `error`, when it is none.
std::optional<KeyScalar> to_key_scalar(const YamlNode& node, const KeyEntry& key,
                                       std::string& error);
// All values of a node, a list where the key is one.
std::optional<std::vector<KeyScalar>> to_key_values(const YamlNode& node, const KeyEntry& key,
                                                    std::string& error);

}  // namespace moesim
