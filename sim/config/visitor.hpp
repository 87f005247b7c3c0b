// One function `visit(Visitor&, Struct&)` per configured struct names its keys, units, ranges and
// meaning; readers, writers and the documentation all run it, so that they cannot disagree. Adding
// a field is one line there.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
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

// Implementations give `value` a new value, or look at it.
class Visitor {
 public:
  virtual ~Visitor() = default;

  // Whether the map that is read has this key.
  virtual bool has(const char*) const { return false; }

  void integer(const char* key, int& value, NumberRange range, const char* doc,
               Need need = Need::optional) {
    int64_t wide = value;
    on_integer({key, doc, need, Unit::number, range}, wide);
    value = static_cast<int>(wide);
  }
  // An integer, or a word such as "auto", which stands for a value outside the range.
  void integer_or(const char* key, int& value, NumberRange range, const char* word, int word_value,
                  const char* doc, Need need = Need::optional) {
    int64_t wide = value;
    FieldInfo field{key, doc, need, Unit::number, range};
    field.word = word;
    field.word_value = word_value;
    on_integer(field, wide);
    value = static_cast<int>(wide);
  }
  void number(const char* key, double& value, Unit unit, NumberRange range, const char* doc,
              Need need = Need::optional) {
    on_number({key, doc, need, unit, range}, value);
  }
  void flag(const char* key, bool& value, const char* doc, Need need = Need::optional) {
    on_flag({key, doc, need}, value);
  }
  void text(const char* key, std::string& value, const char* doc, Need need = Need::optional) {
    on_text({key, doc, need}, value);
  }
  template <class Enum>
  void choice(const char* key, Enum& value, const char* doc, Need need = Need::optional) {
    choice_of(key, value, enum_names(Enum{}), doc, need);
  }
  // A choice among some of an enum's values: `names` is a list of Spelled<Enum>.
  template <class Enum, class Names>
  void choice_of(const char* key, Enum& value, const Names& names, const char* doc,
                 Need need = Need::optional) {
    size_t index = index_of(value, names);
    std::vector<std::string> spellings;
    for (const auto& spelled : names) spellings.emplace_back(spelled.name);
    on_choice({key, doc, need, Unit::number, {}, std::move(spellings)}, index);
    value = names[index].value;
  }

  void numbers(const char* key, std::vector<double>& values, Unit unit, NumberRange range,
               const char* doc, Need need = Need::optional) {
    on_numbers({key, doc, need, unit, range}, values);
  }
  void integers(const char* key, std::vector<int>& values, NumberRange range, const char* doc,
                Need need = Need::optional) {
    std::vector<int64_t> wide(values.begin(), values.end());
    on_integers({key, doc, need, Unit::number, range}, wide);
    values.clear();
    for (int64_t value : wide) values.push_back(static_cast<int>(value));
  }
  void number_lists(const char* key, std::vector<std::vector<double>>& lists, Unit unit,
                    NumberRange range, const char* doc, size_t row_width = 0,
                    Need need = Need::optional) {
    on_number_lists({key, doc, need, unit, range, {}, row_width}, lists);
  }
  void texts(const char* key, std::vector<std::string>& values, const char* doc,
             Need need = Need::optional) {
    on_texts({key, doc, need}, values);
  }
  template <class Enum>
  void choices(const char* key, std::vector<Enum>& values, const char* doc,
               Need need = Need::optional) {
    std::vector<size_t> indices;
    for (Enum value : values) indices.push_back(index_of(value, enum_names(Enum{})));
    on_choices({key, doc, need, Unit::number, {}, enum_spellings<Enum>()}, indices);
    values.clear();
    for (size_t index : indices) values.push_back(enum_names(Enum{})[index].value);
  }

  template <class Struct>
  void section(const char* key, Struct& value, const char* doc, Need need = Need::optional) {
    enter({key, doc, need});
    visit(*this, value);
    leave();
  }
  // A list of maps.
  template <class Struct>
  void sections(const char* key, std::vector<Struct>& values, const char* doc) {
    values.resize(enter_list({key, doc}, values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      enter_item(i);
      visit(*this, values[i]);
      leave();
    }
    leave_list();
  }

 protected:
  virtual void on_integer(const FieldInfo& field, int64_t& value) = 0;
  virtual void on_number(const FieldInfo& field, double& value) = 0;
  virtual void on_flag(const FieldInfo& field, bool& value) = 0;
  virtual void on_text(const FieldInfo& field, std::string& value) = 0;
  virtual void on_choice(const FieldInfo& field, size_t& index) = 0;
  virtual void on_integers(const FieldInfo& field, std::vector<int64_t>& values) = 0;
  virtual void on_numbers(const FieldInfo& field, std::vector<double>& values) = 0;
  virtual void on_number_lists(const FieldInfo& field, std::vector<std::vector<double>>& lists) = 0;
  virtual void on_texts(const FieldInfo& field, std::vector<std::string>& values) = 0;
  virtual void on_choices(const FieldInfo& field, std::vector<size_t>& indices) = 0;
  virtual void enter(const FieldInfo& section) = 0;
  virtual void leave() = 0;
  // Gives how many items there are; each is then entered, visited and left.
  virtual size_t enter_list(const FieldInfo& list, size_t count) = 0;
  virtual void enter_item(size_t index) = 0;
  virtual void leave_list() = 0;

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
