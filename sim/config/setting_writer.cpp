#include "config/setting_writer.hpp"

#include <fmt/format.h>

#include <bit>

#include "config/visit.hpp"

namespace moesim {

namespace {

SettingTree list_of(std::string key, std::vector<SettingTree> items) {
  return {std::move(key), SettingTree::Kind::list, false, std::move(items)};
}

std::vector<SettingTree> numbers_of(const std::vector<double>& values) {
  std::vector<SettingTree> items;
  for (const double value : values) items.push_back(scalar_setting("", value));
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

void SettingWriter::on_integer(const FieldInfo& field, int64_t& value) {
  if (field.word && value == field.word_value)
    add(field, std::string(field.word));
  else
    add(field, value);
}
void SettingWriter::on_number(const FieldInfo& field, double& value) { add(field, value); }
void SettingWriter::on_flag(const FieldInfo& field, bool& value) { add(field, value); }
void SettingWriter::on_text(const FieldInfo& field, std::string& value) { add(field, value); }
void SettingWriter::on_choice(const FieldInfo& field, size_t& index) {
  add(field, field.choices[index]);
}
void SettingWriter::on_integers(const FieldInfo& field, std::vector<int64_t>& values) {
  std::vector<SettingTree> items;
  for (const int64_t value : values) items.push_back(scalar_setting("", value));
  add_list(field, std::move(items));
}
void SettingWriter::on_numbers(const FieldInfo& field, std::vector<double>& values) {
  if (values.size() > kMostListed)
    add(field, digest({values}));
  else
    add_list(field, numbers_of(values));
}
void SettingWriter::on_number_lists(const FieldInfo& field,
                                    std::vector<std::vector<double>>& lists) {
  size_t count = 0;
  for (const std::vector<double>& values : lists) count += values.size();
  if (count > kMostListed) return add(field, digest(lists));
  std::vector<SettingTree> items;
  for (const std::vector<double>& values : lists) items.push_back(list_of("", numbers_of(values)));
  add_list(field, std::move(items));
}
void SettingWriter::on_texts(const FieldInfo& field, std::vector<std::string>& values) {
  std::vector<SettingTree> items;
  for (const std::string& value : values) items.push_back(scalar_setting("", value));
  add_list(field, std::move(items));
}
void SettingWriter::on_choices(const FieldInfo& field, std::vector<size_t>& indices) {
  std::vector<SettingTree> items;
  for (const size_t index : indices) items.push_back(scalar_setting("", field.choices[index]));
  add_list(field, std::move(items));
}

void SettingWriter::enter(const FieldInfo& section) { open(section.key, SettingTree::Kind::map); }
void SettingWriter::leave() {
  SettingTree done = std::move(open_.back());
  open_.pop_back();
  open_.back().items.push_back(std::move(done));
}
size_t SettingWriter::enter_list(const FieldInfo& list, size_t count) {
  open(list.key, SettingTree::Kind::list);
  return count;
}
void SettingWriter::enter_item(size_t) { open("", SettingTree::Kind::map); }
void SettingWriter::leave_list() { leave(); }

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
