// The list of report figures. One function `visit(FigureVisitor&, Struct&)` per report struct names
// each figure once: its key, its meaning, how people read it, and where it appears. JSON in and
// out, CSV, results.csv, comparisons and the reference of keys are visitors, so that they cannot
// disagree. Adding a figure is a field of the struct and a line in its visit.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/setting_tree.hpp"

namespace moesim {

// How people read a figure; its unit in JSON is the SI unit, and the last word of its key.
enum class Shown { plain, seconds, count, bytes, percent };

enum Trait : unsigned {
  kCsv = 1,         // a column of `run --format csv`
  kCompare = 2,     // a row of `compare`
  kResults = 4,     // a column of a batch's results.csv
  kSetting = 8,     // an input of the run: `compare` shows it above the figures where it differs
  kMachine = 16,    // depends on the machine that simulated; left out on request
  kWhenSet = 32,    // left out of JSON while it is 0, false or empty
  kWhole = 64,      // a double that is written as an integer where it is one
  kLater = 128,     // added after the first contract: stands behind the other keys of its object
  kTable = 256,     // a row of a section of the table that is the mean of a list
  kInternal = 512,  // travels between processes of this program and is printed nowhere
};

struct Figure {
  const char* key;
  const char* doc = "";
  Shown shown = Shown::plain;
  unsigned traits = 0;
  const char* label = "";   // in tables and comparisons
  const char* column = "";  // in CSV; empty: the dotted path of the key

  bool has(unsigned trait) const { return (traits & trait) != 0; }
};

// Implementations look at each value or give it a new one.
class FigureVisitor {
 public:
  virtual ~FigureVisitor() = default;

  void operator()(const Figure& figure, double& value) { on_number(figure, value); }
  void operator()(const Figure& figure, bool& value) { on_flag(figure, value); }
  void operator()(const Figure& figure, std::string& value) { on_text(figure, value); }
  void operator()(const Figure& figure, std::vector<double>& values) { on_numbers(figure, values); }
  void operator()(const Figure& figure, std::vector<std::string>& values) {
    on_texts(figure, values);
  }
  void operator()(const Figure& figure, SettingTree& settings) { on_settings(figure, settings); }
  template <std::signed_integral Int>
  void operator()(const Figure& figure, Int& value) {
    int64_t wide = value;
    on_integer(figure, wide);
    value = static_cast<Int>(wide);
  }
  template <std::unsigned_integral Int>
  void operator()(const Figure& figure, Int& value) {
    uint64_t wide = value;
    on_unsigned(figure, wide);
    value = static_cast<Int>(wide);
  }

  // An object of its own: the figures of a struct, or those that a function names.
  template <class Struct>
  void section(const Figure& figure, Struct& value) {
    section(figure, [&](FigureVisitor& v) { visit(v, value); });
  }
  template <std::invocable<FigureVisitor&> Visit>
  void section(const Figure& figure, const Visit& visit_section) {
    if (!enter(figure)) return;
    visit_section(*this);
    leave(figure);
  }
  template <class Struct>
  void optional(const Figure& figure, std::optional<Struct>& value) {
    if (!has(figure, value.has_value())) return value.reset();
    if (!value) value.emplace();
    section(figure, *value);
  }
  // A list of objects; `visit_item` names their figures where one visit per struct is not enough.
  template <class Struct, class Visit>
  void list(const Figure& figure, std::vector<Struct>& values, const Visit& visit_item) {
    values.resize(enter_list(figure, values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      enter_item(i);
      visit_item(*this, values[i]);
      leave_item();
    }
    leave_list(figure);
  }
  template <class Struct>
  void list(const Figure& figure, std::vector<Struct>& values) {
    list(figure, values, [](FigureVisitor& v, Struct& value) { visit(v, value); });
  }
  // Figures that follow from a list above, in place of the list where there is room for one value.
  template <class Struct>
  void summary(Struct value) {
    if (!takes_summaries()) return;
    in_summary(true);
    visit(*this, value);
    in_summary(false);
  }

 protected:
  virtual void on_number(const Figure& figure, double& value) = 0;
  virtual void on_integer(const Figure& figure, int64_t& value) = 0;
  virtual void on_unsigned(const Figure& figure, uint64_t& value) = 0;
  virtual void on_flag(const Figure& figure, bool& value) = 0;
  virtual void on_text(const Figure& figure, std::string& value) = 0;
  virtual void on_numbers(const Figure& figure, std::vector<double>& values) = 0;
  virtual void on_texts(const Figure& figure, std::vector<std::string>& values) = 0;
  virtual void on_settings(const Figure& figure, SettingTree& settings) = 0;
  // Whether the section is to be visited.
  virtual bool enter(const Figure& figure) = 0;
  virtual void leave(const Figure& figure) = 0;
  // Whether an optional section is there; `now`: in the struct.
  virtual bool has(const Figure&, bool now) { return now; }
  // Returns how many items there are; each is then entered, visited and left.
  virtual size_t enter_list(const Figure& figure, size_t count) = 0;
  virtual void enter_item(size_t index) = 0;
  virtual void leave_item() = 0;
  virtual void leave_list(const Figure& figure) = 0;
  virtual bool takes_summaries() const { return false; }
  virtual void in_summary(bool) {}
};

}  // namespace moesim
