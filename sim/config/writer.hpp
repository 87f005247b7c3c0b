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
  void on_value(const FieldInfo& field, FieldValue value) override;
  void on_section(const FieldInfo& section, const Contents& contents) override;
  void on_list(const FieldInfo& list, const ListOfMaps& items) override;

 private:
  void add(const FieldInfo& field, const std::string& value);
  // The line of a section, a list or an item, above those of its keys.
  void begin(const std::string& first);

  std::vector<std::string> path_;
  std::vector<Line> lines_;
};

// As a YAML scalar, quoted where a plain one would read back as something else.
std::string yaml_text(const std::string& text);

}  // namespace moesim
