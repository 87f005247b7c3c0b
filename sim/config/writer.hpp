// Struct -> YAML text that reads back to the same struct.
#pragma once

#include <string>
#include <vector>

#include "config/reader.hpp"
#include "config/visitor.hpp"

namespace moesim {

class StructWriter : public Visitor {
 public:
  struct Line {
    std::string text;  // indented, without a comment
    std::string path;  // of the key; empty for a section's first line
  };

  template <class Struct>
  void write(Struct value) {  // a copy: visitors see mutable structs
    visit(*this, value);
  }
  // With `sources`, each value's origin stands in an aligned comment.
  std::string text(const ValueSources* sources = nullptr) const;

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
  void add(const FieldInfo& field, const std::string& value);

  std::vector<std::string> path_;
  std::vector<std::string> lists_;  // keys of the lists being written
  std::vector<Line> lines_;
};

// As a YAML scalar, quoted where a plain one would read back as something else.
std::string yaml_text(const std::string& text);

}  // namespace moesim
