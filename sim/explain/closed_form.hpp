// The step as textbooks add it up: kernels, all-to-all, tensor and context parallelism, pipeline
// bubble, data parallelism, optimizer, one after the other, on uniform stages with balanced
// routing. What it leaves out (overlap, contention, imbalance, uneven stages) is what the
// simulation is for; `moesim explain` holds the two side by side.
#pragma once

#include <vector>

#include "config/scenario.hpp"
#include "metrics/explanation.hpp"

namespace moesim {

// In the order of reading; terms that are not there are left out.
std::vector<MathTerm> closed_form(const Scenario& scenario);

// Expected number of distinct places that k of them drawn with equal chances hit: n (1 - (1 -
// 1/n)^k).
double distinct_places(double places, double draws);

// Seconds that a stage of a pipeline stands still, by the schedule's formula; 0 where the formula
// turns negative.
MathTerm bubble_term(const Plan& plan, const PassSeconds& pass);

}  // namespace moesim
