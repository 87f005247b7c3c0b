// Struct -> tree of named values, for reports: every key of the struct with its value in SI units,
// presets resolved.
#pragma once

#include "base/setting_tree.hpp"
#include "config/scenario.hpp"
#include "config/visitor.hpp"

namespace moesim {

// Lists of more numbers than this stand in a tree as a text, "7424 numbers, 1f3c…": a report tells
// that they differ, not in what.
inline constexpr size_t kMostListed = 256;

class SettingWriter : public Visitor {
 public:
  template <class Struct>
  SettingTree write(Struct value) {  // a copy: visitors see mutable structs
    open_.assign(1, SettingTree{});
    visit(*this, value);
    return std::move(open_.front());
  }

 protected:
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo& list, const ListOfMaps& items) override;

 private:
  void add(const FieldInfo& field, SettingTree::Scalar value);
  void add_list(const FieldInfo& field, std::vector<SettingTree> items);
  void add_lists(const FieldInfo& field, const std::vector<std::vector<double>>& lists);
  void open(std::string key, SettingTree::Kind kind);
  void close();

  std::vector<SettingTree> open_;  // the maps and lists being written, outermost first
};

// Returns the sections of the scenario that have a value in every report: workload (without its
// name), platform, plan, routing, batch.
SettingTree setting_tree(const Scenario& scenario);

}  // namespace moesim
