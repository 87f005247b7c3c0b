// Wrong input of every kind, and word for word what the user reads about it.
#include "config/error_case.hpp"

using namespace moesim;
using namespace std::string_literals;

TEST_CASE("no YAML, or not the YAML we read") {
  check({
      {"empty file", "", "s.yaml: is empty"},
      {"only a comment", "# nothing here\n", "s.yaml: is empty"},
      {"NUL bytes", "workload: tiny\n\0\0"s,
       "s.yaml:2:1: holds a control character (0x00); is this a binary file?"},
      {"bytes that are not UTF-8", "workload: \xff\xfe",
       "s.yaml:1:11: is not UTF-8 text (byte 0xff); is this a binary file?"},
      {"a program",
       "\x7f"
       "ELF\x02\x01",
       "s.yaml:1:1: holds a control character (0x7f); is this a binary file?"},
      {"unclosed list", "workload: [tiny\n",
       "s.yaml:2:1: YAML syntax: end of sequence flow not found"},
      {"bad indentation", "workload: tiny\n platform: pod\n",
       "s.yaml:2:10: YAML syntax: illegal map value"},
      {"tab as indentation", "plan:\n\ttp: 1\n", "s.yaml:2:4: YAML syntax: illegal map value"},
      {"two documents", kScenario + "---\n" + kScenario,
       "s.yaml: holds more than one YAML document"},
      {"a list", "- workload: tiny\n", "s.yaml:1:1: expected a map of keys, got a list"},
      {"a text", "just words\n", "s.yaml:1:1: expected a map of keys, got \"just words\""},
      {"a tag", kScenario + "plan: !megatron {tp: 1}\n",
       "s.yaml:4:7: plan: YAML tags (\"!megatron\") are not supported"},
      {"a merge key", kScenario + "plan:\n  <<: {tp: 1}\n",
       "s.yaml:5:3: plan: merge keys (<<) are not supported; use base"},
      {"a map as key", plan("{tp: 1}: 2"), "s.yaml:4:8: plan: a key must be a name, got a map"},
      {"unknown alias", kScenario + "plan: *megatron\n",
       "s.yaml:4:7: YAML syntax: the referenced anchor is not defined"},
      {"alias to itself", kScenario + "plan: &p {tp: *p}\n",
       "s.yaml:4:11: plan.tp: expected an integer from 1 to 1000000 (tensor parallel), got "
       "nothing\n"
       "s.yaml:4:15: plan.tp: an alias cannot refer to what it stands in"},
      {"nested too deep", std::string(1000, '['),
       "s.yaml:1:17: is nested more than 32 levels deep"},
  });
}

TEST_CASE("wrong keys") { check(cases("malformed", "wrong keys")); }

TEST_CASE("wrong types") { check(cases("malformed", "wrong types")); }

TEST_CASE("wrong numbers") { check(cases("malformed", "wrong numbers")); }

TEST_CASE("presets, files and bases that cannot be used") {
  check(cases("malformed", "presets, files and bases that cannot be used"));
}

TEST_CASE("wrong overrides, and several problems at once") {
  check(cases("malformed", "wrong overrides, and several problems at once"));
}
