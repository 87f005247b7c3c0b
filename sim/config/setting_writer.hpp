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
  void on_integer(const FieldInfo& field, int64_t& value) override;
  void on_number(const FieldInfo& field, double& value) override;
  void on_flag(const FieldInfo& field, bool& value) override;
  void on_text(const FieldInfo& field, std::string& value) override;
  void on_choice(const FieldInfo& field, size_t& index) override;
  void on_integers(const FieldInfo& field, std::vector<int64_t>& values) override;
  void on_numbers(const FieldInfo& field, std::vector<double>& values) override;
  void on_number_lists(const FieldInfo& field, std::vector<std::vector<double>>& lists) override;
  void on_texts(const FieldInfo& field, std::vector<std::string>& values) override;
  void on_choices(const FieldInfo& field, std::vector<size_t>& indices) override;
  void enter(const FieldInfo& section) override;
  void leave() override;
  size_t enter_list(const FieldInfo& list, size_t count) override;
  void enter_item(size_t index) override;
  void leave_list() override;

 private:
  void add(const FieldInfo& field, SettingTree::Scalar value);
  void add_list(const FieldInfo& field, std::vector<SettingTree> items);
  void open(std::string key, SettingTree::Kind kind);

  std::vector<SettingTree> open_;  // the maps and lists being written, outermost first
};

// Returns the sections of the scenario that have a value in every report: workload (without its
// name), platform, plan, routing, batch.
SettingTree setting_tree(const Scenario& scenario);

}  // namespace moesim
