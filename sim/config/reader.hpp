// YAML tree -> struct, strictly: every unknown key, wrong type, value out of range and missing key
// is reported, and reading goes on.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "config/tree.hpp"
#include "config/visitor.hpp"

namespace moesim {

// Where a value of the struct came from, by dotted key.
struct ValueSource {
  Place place;         // of the value; of the section when it is a default
  std::string origin;  // "default", "scenario.yaml:12", ...
  bool sound = true;   // false: a problem was reported, the struct holds the default
  std::string reason;  // why it is so, for a value of a framework: "recipe: NVIDIA ..."
};
using ValueSources = std::map<std::string, ValueSource>;

// Free text that any map may carry beside its keys.
bool is_remark(const std::string& key);

class StructReader : public Visitor {
 public:
  // `root` and `problems` outlive the reader. `path` is the root's dotted key.
  StructReader(const YamlNode& root, std::string path, Problems& problems);

  template <class Struct>
  void read(Struct& value) {
    visit(*this, value);
    finish_map();
  }
  const ValueSources& sources() const { return sources_; }
  bool has(const char* key) const override {
    return frames_.back().map && frames_.back().map->find(key);
  }

 protected:
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo& list, const ListOfMaps& items) override;

 private:
  struct Frame {
    const YamlNode* map;  // null: not given, or no map
    Place place;
    std::string path;
    bool report_missing;
    std::set<std::string> keys;
  };

  void push(const YamlNode* node, const Place& place, std::string path, bool report_missing);
  void push(const FieldInfo& section);
  void finish_map();
  void report_unknown();
  const YamlNode* take(const FieldInfo& field);
  const YamlNode* unwrap(const YamlNode& node, const std::string& path);
  void fail(const YamlNode& node, const std::string& path, std::string message);

  template <class Value, class Convert>
  void read_value(const FieldInfo& field, Value& value, Convert convert);
  template <class Value, class Convert>
  void read_list(const FieldInfo& field, std::vector<Value>& values, Convert convert);
  void read_lists(const FieldInfo& field, std::vector<std::vector<double>>& lists);
  template <class Value, class Convert>
  bool read_items(const YamlNode& list, const std::string& path, const FieldInfo& field,
                  std::vector<Value>& values, Convert convert);

  struct UnknownKey {
    Place place;
    std::string section, key;
    std::string hint;  // at a near name in the same section
  };

  Problems& problems_;
  std::vector<Frame> frames_;
  std::vector<UnknownKey> unknown_;
  ValueSources sources_;
};

}  // namespace moesim
