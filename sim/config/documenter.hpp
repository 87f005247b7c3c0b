// Struct -> reference of its keys: type, unit, range, default, meaning.
#pragma once

#include <string>
#include <vector>

#include "config/visitor.hpp"

namespace moesim {

class StructDocumenter : public Visitor {
 public:
  template <class Struct>
  void document(Struct defaults = {}) {
    visit(*this, defaults);
  }
  // Aligned columns, one line a key.
  std::string text() const;

 protected:
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo& list, const ListOfMaps& items) override;

 private:
  void add(const FieldInfo& field, const std::string& type, const std::string& fallback);

  struct Row {
    std::string key, type, fallback, doc;
  };
  int depth_ = 0;
  std::vector<Row> rows_;
};

}  // namespace moesim
