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
  void on_integer(const FieldInfo& field, int64_t& value) override;
  void on_number(const FieldInfo& field, double& value) override;
  void on_flag(const FieldInfo& field, bool& value) override;
  void on_text(const FieldInfo& field, std::string& value) override;
  void on_choice(const FieldInfo& field, size_t& index) override;
  void on_integers(const FieldInfo& field, std::vector<int64_t>& values) override;
  void on_numbers(const FieldInfo& field, std::vector<double>& values) override;
  void on_number_lists(const FieldInfo& field, std::vector<std::vector<double>>& lists) override;
  void on_texts(const FieldInfo& field, std::vector<std::string>& values) override;
  void on_choices(const FieldInfo& field, std::vector<size_t>& indices) override;
  void enter(const FieldInfo& section) override;
  void leave() override;
  size_t enter_list(const FieldInfo& list, size_t count) override;
  void enter_item(size_t index) override;
  void leave_list() override;

 private:
  struct Row {
    std::string key, type, fallback, doc;
  };
  void add(const FieldInfo& field, const std::string& type, const std::string& fallback);

  int depth_ = 0;
  std::vector<Row> rows_;
};

}  // namespace moesim
