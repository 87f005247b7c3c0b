// Figures to JSON and back, for any struct that has a `visit` (metrics/figures.hpp).
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/diagnostics.hpp"
#include "metrics/figures.hpp"

namespace moesim {

using VisitFigures = std::function<void(FigureVisitor&)>;

struct JsonOptions {
  // Figures of the machine that simulated differ between two equal runs. False writes them as null,
  // so that the same input and seed give the same bytes.
  bool machine_facts = true;
  // For another process of this program rather than for scripts: internal figures as well, no line
  // breaks, and numbers that are not finite as text, so that every value reads back exactly.
  bool packed = false;
};

// Returns one object, with a line break at the end unless it is packed. Keys stand in the order of
// the visit, later ones behind. Without `packed` a number that is not finite is null. Bytes that
// are not UTF-8 are replaced in both forms.
std::string figures_json(const VisitFigures& visit_all, const JsonOptions& options = {});

struct ReadFigures {
  bool is_object = false;       // false: the text is no JSON object, and nothing was read
  std::set<std::string> given;  // dotted paths of the numbers that the object has
};
// Sets the figures that the object has; the others keep what they are. A number that is null, or no
// number at all, reads as NaN.
ReadFigures read_figures(std::string_view json, const VisitFigures& visit_all);

// Returns visit_all for a struct; a copy, because visitors see mutable structs.
template <class Struct>
VisitFigures figures_of(Struct value) {
  return [value](FigureVisitor& v) mutable { visit(v, value); };
}

// A struct as bytes for another process of this program: everything reads back exactly. unpacked()
// throws RunError for what packed() did not write.
template <class Struct>
std::string packed(const Struct& value) {
  return figures_json(figures_of(value), {.packed = true});
}
template <class Struct>
Struct unpacked(std::string_view bytes) {
  Struct value;
  if (!read_figures(bytes, [&](FigureVisitor& v) { visit(v, value); }).is_object)
    throw RunError("the result of a process cannot be read");
  return value;
}

}  // namespace moesim
