#include "base/diagnostics.hpp"

#include <utility>

namespace moesim {

std::string to_string(const Problem& problem) {
  std::string text;
  if (!problem.place.file.empty()) {
    text += problem.place.file + ":";
    if (problem.place.line > 0) {
      text += std::to_string(problem.place.line) + ":" + std::to_string(problem.place.column) + ":";
    }
    text += " ";
  }
  if (!problem.path.empty()) text += problem.path + ": ";
  return text + problem.message;
}

void Problems::add(Place place, std::string path, std::string message) {
  items_.push_back({std::move(place), std::move(path), std::move(message)});
}

std::string Problems::text() const {
  std::string text;
  for (const Problem& problem : items_) {
    if (!text.empty()) text += "\n";
    text += to_string(problem);
  }
  return text;
}

InputError::InputError(Problems problems)
    : problems_(std::move(problems)), text_(problems_.text()) {}

InputError::InputError(const std::string& message) {
  problems_.add({}, "", message);
  text_ = problems_.text();
}

}  // namespace moesim
