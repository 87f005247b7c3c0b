// One function `visit(Visitor&, Struct&)` per configured struct names its keys, units, ranges and
// meaning; readers, writers and the documentation all run it, so that they cannot disagree. Adding
// a field is one line there.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "base/check.hpp"
#include "base/spelling.hpp"
#include "config/units.hpp"

namespace moesim {

// Accepted values: low <= x <= high, or low < x when `open`.
struct NumberRange {
  double low = std::numeric_limits<double>::lowest();
  double high = std::numeric_limits<double>::max();
  bool open = false;
};
constexpr NumberRange above(double low, double high) { return {low, high, true}; }

enum class Need { optional, required };

struct FieldInfo {
  const char* key;
  const char* doc;
  Need need = Need::optional;
  Unit unit = Unit::number;
  NumberRange range = {};
  std::vector<std::string> choices = {};  // of an enumeration
  size_t row_width = 0;        // of lists of lists: entries of each inner one; 0: any number
  const char* word = nullptr;  // of an integer: stands for word_value
  int64_t word_value = 0;
};

// A value of an enumeration: its place among the field's choices.
struct Choice {
  size_t index = 0;
};

// A key holds one of these. The visitor gives it a new value, or looks at it.
using FieldValue =
    std::variant<int64_t*, double*, bool*, std::string*, Choice*, std::vector<int64_t>*,
                 std::vector<double>*, std::vector<std::vector<double>>*, std::vector<std::string>*,
                 std::vector<Choice>*>;

// Visits the keys of a section with the visitor that got it.
using Contents = std::function<void()>;

// A list of maps: its length now, how to change it, and the contents of an item.
struct ListOfMaps {
  size_t size;
  std::function<void(size_t)> resize;
  std::function<void(size_t)> visit_item;
};

// Calls the function that takes what the variant holds.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang before 17 asks for it

class Visitor {
 public:
  virtual ~Visitor() = default;

  // Whether the map that is read has this key.
  virtual bool has(const char*) const { return false; }

  void integer(const char* key, int& value, NumberRange range, const char* doc,
               Need need = Need::optional) {
    int64_t wide = value;
    on_value({key, doc, need, Unit::number, range}, &wide);
    value = static_cast<int>(wide);
  }
  // An integer, or a word such as "auto", which stands for a value outside the range.
  void integer_or(const char* key, int& value, NumberRange range, const char* word, int word_value,
                  const char* doc, Need need = Need::optional) {
    int64_t wide = value;
    FieldInfo field{key, doc, need, Unit::number, range};
    field.word = word;
    field.word_value = word_value;
    on_value(field, &wide);
    value = static_cast<int>(wide);
  }
  void number(const char* key, double& value, Unit unit, NumberRange range, const char* doc,
              Need need = Need::optional) {
    on_value({key, doc, need, unit, range}, &value);
  }
  void flag(const char* key, bool& value, const char* doc, Need need = Need::optional) {
    on_value({key, doc, need}, &value);
  }
  void text(const char* key, std::string& value, const char* doc, Need need = Need::optional) {
    on_value({key, doc, need}, &value);
  }
  template <class Enum>
  void choice(const char* key, Enum& value, const char* doc, Need need = Need::optional) {
    choice_of(key, value, enum_names(Enum{}), doc, need);
  }
  // A choice among some of an enum's values: `names` is a list of Spelled<Enum>.
  template <class Enum, class Names>
  void choice_of(const char* key, Enum& value, const Names& names, const char* doc,
                 Need need = Need::optional) {
    Choice choice{index_of(value, names)};
    std::vector<std::string> spellings;
    for (const auto& spelled : names) spellings.emplace_back(spelled.name);
    on_value({key, doc, need, Unit::number, {}, std::move(spellings)}, &choice);
    value = names[choice.index].value;
  }

  void numbers(const char* key, std::vector<double>& values, Unit unit, NumberRange range,
               const char* doc, Need need = Need::optional) {
    on_value({key, doc, need, unit, range}, &values);
  }
  void integers(const char* key, std::vector<int>& values, NumberRange range, const char* doc,
                Need need = Need::optional) {
    std::vector<int64_t> wide(values.begin(), values.end());
    on_value({key, doc, need, Unit::number, range}, &wide);
    values.clear();
    for (int64_t value : wide) values.push_back(static_cast<int>(value));
  }
  void number_lists(const char* key, std::vector<std::vector<double>>& lists, Unit unit,
                    NumberRange range, const char* doc, size_t row_width = 0,
                    Need need = Need::optional) {
    on_value({key, doc, need, unit, range, {}, row_width}, &lists);
  }
  void texts(const char* key, std::vector<std::string>& values, const char* doc,
             Need need = Need::optional) {
    on_value({key, doc, need}, &values);
  }
  template <class Enum>
  void choices(const char* key, std::vector<Enum>& values, const char* doc,
               Need need = Need::optional) {
    std::vector<Choice> chosen;
    for (Enum value : values) chosen.push_back({index_of(value, enum_names(Enum{}))});
    on_value({key, doc, need, Unit::number, {}, enum_spellings<Enum>()}, &chosen);
    values.clear();
    for (const Choice choice : chosen) values.push_back(enum_names(Enum{})[choice.index].value);
  }

  template <class Struct>
  void section(const char* key, Struct& value, const char* doc, Need need = Need::optional) {
    on_section({key, doc, need}, [&] { visit(*this, value); });
  }
  // A list of maps.
  template <class Struct>
  void sections(const char* key, std::vector<Struct>& values, const char* doc) {
    on_list({key, doc}, {values.size(), [&](size_t size) { values.resize(size); },
                         [&](size_t item) { visit(*this, values[item]); }});
  }

 protected:
  virtual void on_value(const FieldInfo& field, FieldValue value) = 0;
  virtual void on_section(const FieldInfo& section, const Contents& contents) = 0;
  virtual void on_list(const FieldInfo& list, const ListOfMaps& items) = 0;

 private:
  template <class Enum, class Names>
  static size_t index_of(Enum value, const Names& names) {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i].value == value) return i;
    MOESIM_CHECK(false, "enumerator {} has no name among the choices", static_cast<int>(value));
    return 0;
  }
};

}  // namespace moesim
