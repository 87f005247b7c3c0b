#include "config/json_schema.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "config/scalars.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"
#include "config/visitor.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

// A name, "../other.yaml", {base: NAME, ...}: sections that presets exist for.
constexpr const char* kSectionsWithPresets[] = {"workload", "platform", "plan",
                                                "routing",  "batch",    "device"};

class SchemaWriter : public Visitor {
 public:
  SchemaWriter() : open_(1, Json::object()) {}

  template <class Struct>
  Json properties() {
    Struct defaults = {};
    visit(*this, defaults);
    return open_.front();
  }

 protected:
  void on_value(const FieldInfo& field, FieldValue held) override {
    const Json whole = integer(field), quantity = number(field);
    const Json words = {{"enum", field.choices}}, text = {{"type", "string"}};
    const auto list = [](const Json& items) { return Json{{"type", "array"}, {"items", items}}; };
    Json schema = std::visit(
        Overloaded{[&](int64_t*) { return whole; }, [&](double*) { return quantity; },
                   [&](bool*) {
                     return Json{{"type", "boolean"}};
                   },
                   [&](std::string*) { return text; }, [&](Choice*) { return words; },
                   [&](std::vector<int64_t>*) { return list(whole); },
                   [&](std::vector<double>*) { return list(quantity); },
                   [&](std::vector<std::vector<double>>*) { return list(list(quantity)); },
                   [&](std::vector<std::string>*) { return list(text); },
                   [&](std::vector<Choice>*) { return list(words); }},
        held);
    schema["description"] = field.doc;
    open_.back()[field.key] = std::move(schema);
  }
  void on_section(const FieldInfo& section, const Contents& contents) override {
    open_.push_back(Json::object());
    contents();
    add(section, object(take()));
  }
  void on_list(const FieldInfo& list, const ListOfMaps& items) override {
    items.resize(1);
    open_.push_back(Json::object());
    items.visit_item(0);
    add(list, {{"type", "array"}, {"items", object(take())}});
  }

 private:
  static Json object(Json properties) {
    return {{"type", "object"}, {"properties", std::move(properties)}};
  }
  static Json integer(const FieldInfo& field) {
    Json schema = {
        {"type", "integer"}, {"minimum", field.range.low}, {"maximum", field.range.high}};
    if (!field.word) return schema;
    return {{"anyOf", Json::array({schema, Json{{"const", field.word}}})}};
  }
  // A number in SI, or a text with a unit: "50 GB/s".
  static Json number(const FieldInfo& field) {
    if (field.unit != Unit::number) return {{"type", {"number", "string"}}};
    Json schema = {{"type", "number"}};
    schema[field.range.open ? "exclusiveMinimum" : "minimum"] = field.range.low;
    schema["maximum"] = field.range.high;
    return schema;
  }
  Json take() {
    Json properties = std::move(open_.back());
    open_.pop_back();
    return properties;
  }
  void add(const FieldInfo& field, Json schema) {
    for (const char* section : kSectionsWithPresets) {
      if (std::string_view(field.key) != section) continue;
      schema["properties"]["base"] = {{"type", "string"}, {"description", "a preset to build on"}};
      schema = {{"anyOf", Json::array({Json{{"type", "string"}}, schema})}};
    }
    schema["description"] = field.doc;
    open_.back()[field.key] = std::move(schema);
  }

  std::vector<Json> open_;  // properties of the open sections
};

// Pods and wafer systems have keys of their own in one section.
void add_wafers(Json& properties) {
  Json& keys = properties["platform"]["anyOf"][1]["properties"];
  const Json wafers = SchemaWriter().properties<WaferSystem>();
  for (const auto& [key, schema] : wafers.items())
    if (!keys.contains(key)) keys[key] = schema;
}

}  // namespace

std::string json_schema() {
  Json properties = SchemaWriter().properties<Scenario>();
  add_wafers(properties);
  properties["title"] = {{"type", "string"}, {"description", "what the scenario is"}};
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "a scenario of moesim"},
                       {"type", "object"},
                       {"properties", properties}};
  return schema.dump(2) + "\n";
}

}  // namespace moesim
