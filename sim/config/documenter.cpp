#include "config/documenter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/scalars.hpp"
#include "config/writer.hpp"

namespace moesim {

void StructDocumenter::add(const FieldInfo& field, const std::string& type,
                           const std::string& fallback) {
  const std::string indent(static_cast<size_t>(2 * depth_), ' ');
  rows_.push_back({indent + field.key, type,
                   field.need == Need::required ? "required" : "default " + fallback, field.doc});
}

void StructDocumenter::on_integer(const FieldInfo& field, int64_t& value) {
  add(field,
      (field.word ? fmt::format("{} or integer ", field.word) : "integer ") +
          describe(field.range, Unit::number),
      fmt::format("{}", value));
}
void StructDocumenter::on_number(const FieldInfo& field, double& value) {
  add(field, number_type(field), format_quantity(value, field.unit));
}
void StructDocumenter::on_flag(const FieldInfo& field, bool& value) {
  add(field, "true or false", value ? "true" : "false");
}
void StructDocumenter::on_text(const FieldInfo& field, std::string& value) {
  add(field, "text", yaml_text(value));
}
void StructDocumenter::on_choice(const FieldInfo& field, size_t& index) {
  add(field, join_or(field.choices), field.choices[index]);
}
void StructDocumenter::on_integers(const FieldInfo& field, std::vector<int64_t>&) {
  add(field, "list of integers " + describe(field.range, Unit::number), "[]");
}
void StructDocumenter::on_numbers(const FieldInfo& field, std::vector<double>&) {
  add(field, "list of: " + number_type(field), "[]");
}
void StructDocumenter::on_number_lists(const FieldInfo& field, std::vector<std::vector<double>>&) {
  add(field, "list of lists of: " + number_type(field), "[]");
}
void StructDocumenter::on_texts(const FieldInfo& field, std::vector<std::string>&) {
  add(field, "list of texts", "[]");
}
void StructDocumenter::on_choices(const FieldInfo& field, std::vector<size_t>&) {
  add(field, "list of: " + join_or(field.choices), "[]");
}
void StructDocumenter::enter(const FieldInfo& section) {
  add(section, "section", "{}");
  ++depth_;
}
void StructDocumenter::leave() { --depth_; }

// One item shows the keys of all.
size_t StructDocumenter::enter_list(const FieldInfo& list, size_t) {
  add(list, "list of maps", "[]");
  return 1;
}
void StructDocumenter::enter_item(size_t) { ++depth_; }
void StructDocumenter::leave_list() {}

std::string StructDocumenter::text() const {
  // A few keys are long; they push the rest of their line out instead of every line.
  constexpr size_t kKeyWidth = 28;
  size_t key = 0;
  for (const Row& row : rows_) key = std::max(key, std::min(row.key.size(), kKeyWidth));
  std::string text;
  for (const Row& row : rows_) {
    const std::string begin = fmt::format("{:{}}  ", row.key, key);
    const std::string meaning = fmt::format("{}, {}. {}", row.type, row.fallback, row.doc);
    text += begin + fold(meaning, begin.size(), key + 2) + "\n";
  }
  return text;
}

}  // namespace moesim
