#include "config/documenter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/scalars.hpp"
#include "config/writer.hpp"

namespace moesim {

void StructDocumenter::add(const FieldInfo& field, const std::string& type,
                           const std::string& fallback) {
  const std::string indent(2 * (path_.size() - 1), ' ');
  rows_.push_back({indent + field.key, join_path(path_.back(), field.key), type,
                   field.need == Need::required ? "required" : "default " + fallback, field.doc});
}

void StructDocumenter::on_value(const FieldInfo& field, FieldValue value) {
  const std::string integers = "integer " + describe(field.range, Unit::number);
  const std::string choices = join_or(field.choices);
  std::visit(Overloaded{
                 [&](int64_t* integer) {
                   add(field, (field.word ? std::string(field.word) + " or " : "") + integers,
                       field.word && *integer == field.word_value ? field.word
                                                                  : fmt::format("{}", *integer));
                 },
                 [&](double* number) {
                   add(field, number_type(field), format_quantity(*number, field.unit));
                 },
                 [&](bool* flag) { add(field, "true or false", *flag ? "true" : "false"); },
                 [&](std::string* text) { add(field, "text", yaml_text(*text)); },
                 [&](Choice* choice) { add(field, choices, field.choices[choice->index]); },
                 [&](std::vector<int64_t>*) {
                   add(field, "list of integers " + describe(field.range, Unit::number), "[]");
                 },
                 [&](std::vector<double>*) { add(field, "list of: " + number_type(field), "[]"); },
                 [&](std::vector<std::vector<double>>*) {
                   add(field, "list of lists of: " + number_type(field), "[]");
                 },
                 [&](std::vector<std::string>*) { add(field, "list of texts", "[]"); },
                 [&](std::vector<Choice>*) { add(field, "list of: " + choices, "[]"); },
             },
             value);
}

void StructDocumenter::on_section(const FieldInfo& section, const Contents& contents) {
  add(section, "section", "{}");
  path_.push_back(join_path(path_.back(), section.key));
  contents();
  path_.pop_back();
}

// One item shows the keys of all.
void StructDocumenter::on_list(const FieldInfo& list, const ListOfMaps& items) {
  add(list, "list of maps", "[]");
  items.resize(1);
  path_.push_back(join_path(path_.back(), list.key));
  items.visit_item(0);
  path_.pop_back();
}

std::string StructDocumenter::text() const { return columns(rows_); }

std::string StructDocumenter::text(const std::string& key) const {
  std::vector<Row> rows;
  for (const Row& row : rows_) {
    if (row.path != key && !row.path.starts_with(key + ".")) continue;
    rows.push_back(row);
    rows.back().key = row.path;
  }
  return columns(rows);
}

std::vector<std::string> StructDocumenter::keys() const {
  std::vector<std::string> keys;
  for (const Row& row : rows_) keys.push_back(row.path);
  return keys;
}

std::string StructDocumenter::columns(const std::vector<Row>& rows) {
  // A few keys are long; they push the rest of their line out instead of every line.
  constexpr size_t kKeyWidth = 28;
  size_t key = 0;
  for (const Row& row : rows) key = std::max(key, std::min(row.key.size(), kKeyWidth));
  std::string text;
  for (const Row& row : rows) {
    const std::string begin = fmt::format("{:{}}  ", row.key, key);
    const std::string meaning = fmt::format("{}, {}. {}", row.type, row.fallback, row.doc);
    text += begin + fold(meaning, begin.size(), key + 2) + "\n";
  }
  return text;
}

}  // namespace moesim
