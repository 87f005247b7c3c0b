// Tables of wrong scenarios and their messages.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "config/fixture.hpp"
#include "config/tree.hpp"

namespace moesim {

// A scenario, and word for word what the user reads about it.
struct ErrorCase {
  std::string what;
  std::string text;
  std::string error;
  std::vector<std::string> sets = {};
  std::map<std::string, std::string> files = {};  // beside the presets
};

// The cases of a group in tests/config/cases/FILE.yaml; none is a mistake of the test.
inline std::vector<ErrorCase> cases(const std::string& file, const std::string& group) {
  const std::string path = std::string(MOESIM_SOURCE_DIR) + "/tests/config/cases/" + file + ".yaml";
  Problems problems;
  const YamlNode root = parse_yaml(disk_files().read(path).text, {path, "", "", true}, problems);
  INFO(path << ": " << group << "\n" << problems.text());
  const YamlNode* listed = root.find(group);
  REQUIRE(listed != nullptr);
  std::vector<ErrorCase> found;
  for (const YamlNode& item : listed->items) {
    ErrorCase& c = found.emplace_back();
    c.what = item.find("what")->text;
    c.text = item.find("text")->text;
    c.error = item.find("error")->text;
    if (const YamlNode* sets = item.find("sets"))
      for (const YamlNode& set : sets->items) c.sets.push_back(set.text);
    if (const YamlNode* files = item.find("files"))
      for (const auto& entry : files->entries) c.files[entry.key] = entry.value.text;
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

inline void check(const std::vector<ErrorCase>& cases) {
  for (const ErrorCase& c : cases) {
    INFO(c.what);
    CHECK(errors_of(c.text, c.sets, c.files) == c.error);
  }
}

// The scenario with these keys of the plan.
inline std::string plan(const std::string& keys) { return kScenario + "plan: {" + keys + "}\n"; }

}  // namespace moesim
