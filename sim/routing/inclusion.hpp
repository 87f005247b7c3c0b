// How likely a token is to pick each expert when it draws k distinct ones with given weights, and
// the way back.
//
// The draw is a race: expert e arrives after an exponential time of rate weight_e, and the first k
// to arrive are picked. That is Gumbel top-k on log weights, also known as the Plackett-Luce model
// (Yellott 1977, J. Math. Psychology 15).
#pragma once

#include <span>
#include <vector>

namespace moesim {

constexpr int max_top_k = 64;

// Time at which k arrivals are expected: sum over e of 1 - exp(-time * weight_e) = k. Requires k <
// experts.
double expected_race_time(std::span<const double> weights, int k);

// P(expert e is among the first k), to about 1e-4; sums to k. From P = integral of w e^(-w t)
// P(fewer than k others by t) dt, by the trapezoidal rule in log t. Weights are positive in any
// unit; k <= max_top_k.
std::vector<double> inclusion_probabilities(std::span<const double> weights, int k);

// Probabilities that sum to k and are proportional to `loads` up to a cap just below 1 (what is cut
// goes to the others).
std::vector<double> capped_probabilities(std::span<const double> loads, int k);

// Weights whose inclusion probabilities are these (a few fixed-point steps: within about 1 %),
// summing to 1.
std::vector<double> weights_of_inclusion(std::span<const double> probabilities, int k);

}  // namespace moesim
