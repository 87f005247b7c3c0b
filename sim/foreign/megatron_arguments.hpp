// The keys of a scenario -> the arguments of Megatron-LM that say them. What no argument says is
// left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.hpp"

namespace moesim {

// The value of a key as YAML: "64", "fp8-block", "[moe_act, layernorm]".
std::string yaml_value(const KeyEntry& entry);

class ScenarioKeys {
 public:
  explicit ScenarioKeys(const KeyTable& table) : table_(table) {}
  std::string text(const std::string& key) const;  // as YAML; the key must be one
  bool is(const std::string& key, std::string_view value) const { return text(key) == value; }
  bool flag(const std::string& key) const { return is(key, "true"); }
  double number(const std::string& key) const;
  long long integer(const std::string& key) const;
  std::vector<std::string> words(const std::string& key) const;  // of a list

 private:
  const KeyTable& table_;
};

struct ArgumentGroup {
  const char* name;                    // of the script's array
  std::vector<std::string> arguments;  // "--num-layers 94"
};

std::vector<ArgumentGroup> megatron_arguments(const ScenarioKeys& keys,
                                              const ScenarioKeys& defaults);

}  // namespace moesim
