#include "config/setting_writer.hpp"

#include <fmt/format.h>

#include <bit>

#include "config/visit.hpp"

namespace moesim {

namespace {

SettingTree list_of(std::string key, std::vector<SettingTree> items) {
  return {std::move(key), SettingTree::Kind::list, false, std::move(items)};
}

template <class Value>
std::vector<SettingTree> scalars_of(const std::vector<Value>& values) {
  std::vector<SettingTree> items;
  for (const Value& value : values) items.push_back(scalar_setting("", value));
  return items;
}

// FNV-1a over the bits of the numbers and the ends of the lists.
std::string digest(const std::vector<std::vector<double>>& lists) {
  uint64_t hash = 0xcbf29ce484222325;
  size_t count = 0;
  const auto add = [&](uint64_t word) {
    for (int byte = 0; byte < 8; ++byte)
      hash = (hash ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3;
  };
  for (const std::vector<double>& list : lists) {
    for (const double value : list) add(std::bit_cast<uint64_t>(value));
    add(list.size());
    count += list.size();
  }
  return fmt::format("{} numbers, {:016x}", count, hash);
}

}  // namespace

void SettingWriter::add(const FieldInfo& field, SettingTree::Scalar value) {
  open_.back().items.push_back(scalar_setting(field.key, std::move(value)));
}
void SettingWriter::add_list(const FieldInfo& field, std::vector<SettingTree> items) {
  open_.back().items.push_back(list_of(field.key, std::move(items)));
}
void SettingWriter::open(std::string key, SettingTree::Kind kind) {
  open_.push_back({std::move(key), kind, false, {}});
}
void SettingWriter::close() {
  SettingTree done = std::move(open_.back());
  open_.pop_back();
  open_.back().items.push_back(std::move(done));
}

void SettingWriter::on_value(const FieldInfo& field, FieldValue value) {
  std::visit(Overloaded{
                 [&](int64_t* integer) {
                   if (field.word && *integer == field.word_value)
                     add(field, std::string(field.word));
                   else
                     add(field, *integer);
                 },
                 [&](double* number) { add(field, *number); },
                 [&](bool* flag) { add(field, *flag); },
                 [&](std::string* text) { add(field, *text); },
                 [&](Choice* choice) { add(field, field.choices[choice->index]); },
                 [&](std::vector<int64_t>* integers) { add_list(field, scalars_of(*integers)); },
                 [&](std::vector<double>* numbers) {
                   if (numbers->size() > kMostListed)
                     add(field, digest({*numbers}));
                   else
                     add_list(field, scalars_of(*numbers));
                 },
                 [&](std::vector<std::vector<double>>* lists) { add_lists(field, *lists); },
                 [&](std::vector<std::string>* texts) { add_list(field, scalars_of(*texts)); },
                 [&](std::vector<Choice>* choices) {
                   std::vector<SettingTree> items;
                   for (const Choice choice : *choices)
                     items.push_back(scalar_setting("", field.choices[choice.index]));
                   add_list(field, std::move(items));
                 },
             },
             value);
}

void SettingWriter::add_lists(const FieldInfo& field,
                              const std::vector<std::vector<double>>& lists) {
  size_t count = 0;
  for (const std::vector<double>& values : lists) count += values.size();
  if (count > kMostListed) return add(field, digest(lists));
  std::vector<SettingTree> items;
  for (const std::vector<double>& values : lists) items.push_back(list_of("", scalars_of(values)));
  add_list(field, std::move(items));
}

void SettingWriter::on_section(const FieldInfo& section, const Contents& contents) {
  open(section.key, SettingTree::Kind::map);
  contents();
  close();
}

void SettingWriter::on_list(const FieldInfo& list, const ListOfMaps& items) {
  open(list.key, SettingTree::Kind::list);
  for (size_t item = 0; item < items.size; ++item) {
    open("", SettingTree::Kind::map);
    items.visit_item(item);
    close();
  }
  close();
}

SettingTree setting_tree(const Scenario& scenario) {
  SettingTree all = SettingWriter().write(scenario);
  SettingTree sections;
  for (const char* key : {"workload", "platform", "plan", "routing", "batch"})
    sections.items.push_back(*all.find(key));
  std::erase_if(sections.items[0].items,
                [](const SettingTree& item) { return item.key == "name"; });
  return sections;
}

}  // namespace moesim
