// Struct -> reference of its keys: type, unit, range, default, meaning.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/visitor.hpp"

namespace moesim {

class StructDocumenter : public Visitor {
 public:
  // `under`: the dotted key of the section that is documented.
  explicit StructDocumenter(std::string under = "") : path_{std::move(under)} {}
  template <class Struct>
  void document(Struct defaults = {}) {
    visit(*this, defaults);
  }
  // Aligned columns, one line a key.
  std::string text() const;
  // The rows of this dotted key and of all below it, with their dotted keys; "" where it is none.
  std::string text(const std::string& key) const;
  std::vector<std::string> keys() const;  // dotted, of all rows

 protected:
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo& list, const ListOfMaps& items) override;

 private:
  void add(const FieldInfo& field, const std::string& type, const std::string& fallback);

  struct Row {
    std::string key, path, type, fallback, doc;  // key: indented
  };
  static std::string columns(const std::vector<Row>& rows);

  std::vector<std::string> path_;  // dotted keys of the open sections
  std::vector<Row> rows_;
};

// Returns what `moesim schema KEY` prints. Throws InputError for a key that no scenario has.
std::string schema_text_of(const std::string& key);

}  // namespace moesim
