// What tests read off the terms of a closed form.
#pragma once

#include <string>
#include <vector>

#include "metrics/explanation.hpp"

namespace moesim {

inline double sum_of(const std::vector<MathTerm>& terms) {
  double sum = 0;
  for (const MathTerm& term : terms) sum += term.seconds;
  return sum;
}

// Returns 0 for a term that is not there.
inline double seconds_of(const std::vector<MathTerm>& terms, const std::string& name) {
  for (const MathTerm& term : terms)
    if (term.name == name) return term.seconds;
  return 0;
}

}  // namespace moesim
