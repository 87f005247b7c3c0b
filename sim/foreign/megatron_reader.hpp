// One launch being turned into a scenario: which arguments were read, what could not be, the keys
// so far. The parts of the import share it.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"
#include "foreign/imported_scenario.hpp"
#include "foreign/launch.hpp"

namespace moesim {

class MegatronReader {
 public:
  using Names = std::initializer_list<const char*>;

  MegatronReader(const Launch& launch, ImportedScenario& out, Problems& problems)
      : launch_(launch), out_(out), problems_(problems) {}

  // The last of the arguments of these names, of the first name that there is.
  const LaunchArgument* find(Names names) const;
  bool has(Names names) const { return find(names) != nullptr; }
  // Its first value; "" without one. An unknown value is a problem that says what to set.
  std::string text(Names names);
  std::optional<long long> integer(Names names);
  long long integer_or(Names names, long long otherwise) {
    return integer(names).value_or(otherwise);
  }
  // Its values, cut at commas and blanks.
  std::vector<std::string> words(Names names);

  // "--num-layers 94, line 19"; without the argument "without --num-layers".
  std::string from(Names names) const;
  static std::string from(const LaunchArgument& argument);

  void state(std::string_view key, std::string_view value, Names names) {
    out_.state(key, value, from(names));
  }
  void state(std::string_view key, long long value, Names names) {
    out_.state(key, std::to_string(value), from(names));
  }
  void fail(const LaunchArgument& argument, const std::string& message);
  void fail(const std::string& message);
  void assume(const std::string& text) { out_.assumed.push_back(text); }
  void not_modelled(const LaunchArgument& argument, const std::string& why);

  const Launch& launch() const { return launch_; }
  ImportedScenario& out() { return out_; }
  bool failed() const { return !problems_.empty(); }

 private:
  const Launch& launch_;
  ImportedScenario& out_;
  Problems& problems_;
  std::set<std::string> failed_;  // arguments already complained of
};

// "([0]*3+[1]*58)" or "[1,1,0]*2", as Python reads it; nothing for anything else or for more than
// 10,000 numbers.
std::optional<std::vector<int>> python_list(std::string_view text);

void import_model(MegatronReader& reader);     // megatron_model.cpp
void import_experts(MegatronReader& reader);   // megatron_model.cpp
void import_mapping(MegatronReader& reader);   // megatron_mapping.cpp
void import_numerics(MegatronReader& reader);  // megatron_numerics.cpp
void import_kernels(MegatronReader& reader);   // megatron_numerics.cpp

}  // namespace moesim
