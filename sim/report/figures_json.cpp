#include "report/figures_json.hpp"

#include <cmath>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>

namespace moesim {

namespace {

using nlohmann::ordered_json;

ordered_json to_json(const SettingTree& setting) {
  if (setting.kind == SettingTree::Kind::scalar)
    return std::visit([](const auto& value) { return ordered_json(value); }, setting.scalar);
  const bool map = setting.kind == SettingTree::Kind::map;
  ordered_json json = map ? ordered_json::object() : ordered_json::array();
  for (const SettingTree& item : setting.items) {
    if (map)
      json[item.key] = to_json(item);
    else
      json.push_back(to_json(item));
  }
  return json;
}

SettingTree setting_from(const std::string& key, const ordered_json& json) {
  if (json.is_boolean()) return scalar_setting(key, json.get<bool>());
  if (json.is_number_integer()) return scalar_setting(key, json.get<int64_t>());
  if (json.is_number()) return scalar_setting(key, json.get<double>());
  if (json.is_string()) return scalar_setting(key, json.get<std::string>());
  SettingTree all{
      key, json.is_array() ? SettingTree::Kind::list : SettingTree::Kind::map, false, {}};
  if (json.is_array())
    for (const ordered_json& item : json) all.items.push_back(setting_from("", item));
  if (json.is_object())
    for (const auto& [name, item] : json.items()) all.items.push_back(setting_from(name, item));
  return all;
}

constexpr const char* kInfinite = "inf";
constexpr const char* kMinusInfinite = "-inf";

// Bytes and tokens are doubles in the program but whole to the reader.
ordered_json whole(double value) {
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  if (std::fabs(value) <= kExactIntegers && value == std::floor(value))
    return static_cast<int64_t>(value);
  return value;
}

class Writer : public FigureVisitor {
 public:
  explicit Writer(const JsonOptions& options) : options_(options) { open(); }

  ordered_json close() {
    Object object = std::move(objects_.back());
    objects_.pop_back();
    object.now.update(object.later);
    return std::move(object.now);
  }

 protected:
  void on_number(const Figure& figure, double& value) override {
    if (!written(figure, value != 0)) return;
    put(figure, figure.has(kWhole) && !options_.packed ? whole(value) : number(value));
  }
  void on_integer(const Figure& figure, int64_t& value) override {
    if (written(figure, value != 0)) put(figure, value);
  }
  void on_unsigned(const Figure& figure, uint64_t& value) override {
    if (written(figure, value != 0)) put(figure, value);
  }
  void on_flag(const Figure& figure, bool& value) override {
    if (written(figure, value)) put(figure, value);
  }
  void on_text(const Figure& figure, std::string& value) override {
    if (written(figure, !value.empty())) put(figure, value);
  }
  void on_numbers(const Figure& figure, std::vector<double>& values) override {
    if (!written(figure, !values.empty())) return;
    ordered_json list = ordered_json::array();
    for (const double value : values) list.push_back(number(value));
    put(figure, std::move(list));
  }
  void on_texts(const Figure& figure, std::vector<std::string>& values) override {
    if (written(figure, !values.empty())) put(figure, values);
  }
  void on_settings(const Figure& figure, SettingTree& settings) override {
    if (written(figure, !settings.empty())) put(figure, to_json(settings));
  }
  bool enter(const Figure& figure) override {
    if (written(figure, true)) open();
    return written(figure, true);
  }
  void leave(const Figure& figure) override {
    ordered_json section = close();
    put(figure, std::move(section));
  }
  size_t enter_list(const Figure&, size_t count) override {
    lists_.push_back(ordered_json::array());
    return count;
  }
  void enter_item(size_t) override { open(); }
  void leave_item() override {
    ordered_json item = close();
    lists_.back().push_back(std::move(item));
  }
  void leave_list(const Figure& figure) override {
    ordered_json list = std::move(lists_.back());
    lists_.pop_back();
    if (written(figure, !list.empty())) put(figure, std::move(list));
  }

 private:
  struct Object {
    ordered_json now = ordered_json::object(), later = ordered_json::object();
  };

  void open() { objects_.emplace_back(); }
  bool written(const Figure& figure, bool set) const {
    return (set || !figure.has(kWhenSet)) && (options_.packed || !figure.has(kInternal));
  }
  ordered_json number(double value) const {
    if (!options_.packed || std::isfinite(value) || std::isnan(value)) return value;
    return value > 0 ? kInfinite : kMinusInfinite;
  }
  void put(const Figure& figure, ordered_json value) {
    if (figure.has(kMachine) && !options_.machine_facts) value = nullptr;
    Object& object = objects_.back();
    (figure.has(kLater) ? object.later : object.now)[figure.key] = std::move(value);
  }

  const JsonOptions& options_;
  std::vector<Object> objects_;
  std::vector<ordered_json> lists_;
};

class Reader : public FigureVisitor {
 public:
  explicit Reader(const ordered_json& json) : stack_{&json} {}

  std::set<std::string> take_given() { return std::move(given_); }

 protected:
  void on_number(const Figure& figure, double& value) override {
    const ordered_json* found = find(figure);
    if (found == nullptr) return;
    value = number(*found);
    given_.insert(path(figure));
  }
  void on_integer(const Figure& figure, int64_t& value) override { integer(figure, value); }
  void on_unsigned(const Figure& figure, uint64_t& value) override { integer(figure, value); }
  void on_flag(const Figure& figure, bool& value) override {
    const ordered_json* found = find(figure);
    if (found && found->is_boolean()) value = found->get<bool>();
  }
  void on_text(const Figure& figure, std::string& value) override {
    const ordered_json* found = find(figure);
    if (found && found->is_string()) value = found->get<std::string>();
  }
  void on_numbers(const Figure& figure, std::vector<double>& values) override {
    const ordered_json* found = find(figure);
    if (!found || !found->is_array()) return;
    values.clear();
    for (const ordered_json& value : *found) values.push_back(number(value));
  }
  void on_texts(const Figure& figure, std::vector<std::string>& values) override {
    const ordered_json* found = find(figure);
    if (!found || !found->is_array()) return;
    values.clear();
    for (const ordered_json& value : *found)
      values.push_back(value.is_string() ? value.get<std::string>() : "");
  }
  void on_settings(const Figure& figure, SettingTree& settings) override {
    const ordered_json* found = find(figure);
    if (!found) return;
    if (found->is_object()) settings = setting_from("", *found);
    // Reports had a name alone before they had settings.
    if (found->is_string()) settings.items = {scalar_setting("name", found->get<std::string>())};
  }
  bool enter(const Figure& figure) override {
    const ordered_json* found = find(figure);
    if (found == nullptr) return false;
    if (found->is_string()) found = &names_.emplace_back(ordered_json{{"name", *found}});
    stack_.push_back(found);
    path_.push_back(path(figure) + ".");
    return true;
  }
  void leave(const Figure&) override { pop(); }
  bool has(const Figure& figure, bool) override { return find(figure) != nullptr; }
  size_t enter_list(const Figure& figure, size_t count) override {
    const ordered_json* found = find(figure);
    lists_.push_back(found && found->is_array() ? found : nullptr);
    return lists_.back() ? found->size() : count;
  }
  void enter_item(size_t index) override {
    static const ordered_json nothing = ordered_json::object();
    stack_.push_back(lists_.back() ? &(*lists_.back())[index] : &nothing);
    path_.push_back(path_.back() + "[].");
  }
  void leave_item() override { pop(); }
  void leave_list(const Figure&) override { lists_.pop_back(); }

 private:
  const ordered_json* find(const Figure& figure) const {
    const ordered_json& object = *stack_.back();
    if (!object.is_object()) return nullptr;
    const auto found = object.find(figure.key);
    return found == object.end() ? nullptr : &*found;
  }
  static double number(const ordered_json& json) {
    if (json.is_number()) return json.get<double>();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (json == kInfinite) return kInfinity;
    if (json == kMinusInfinite) return -kInfinity;
    return std::numeric_limits<double>::quiet_NaN();
  }
  template <class Int>
  void integer(const Figure& figure, Int& value) {
    const ordered_json* found = find(figure);
    if (!found || !found->is_number()) return;
    value = found->get<Int>();
    given_.insert(path(figure));
  }
  std::string path(const Figure& figure) const { return path_.back() + figure.key; }
  void pop() {
    stack_.pop_back();
    path_.pop_back();
  }

  std::vector<const ordered_json*> stack_, lists_;
  std::deque<ordered_json> names_;  // sections that older reports wrote as a name
  std::vector<std::string> path_{""};
  std::set<std::string> given_;
};

}  // namespace

std::string figures_json(const VisitFigures& visit_all, const JsonOptions& options) {
  Writer writer(options);
  visit_all(writer);
  // Names come from files; bytes that are not UTF-8 are replaced, not fatal.
  return writer.close().dump(options.packed ? -1 : 2, ' ', false,
                             ordered_json::error_handler_t::replace) +
         (options.packed ? "" : "\n");
}

ReadFigures read_figures(std::string_view text, const VisitFigures& visit_all) {
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  Reader reader(json);
  visit_all(reader);
  return {true, reader.take_given()};
}

}  // namespace moesim
