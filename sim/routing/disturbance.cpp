#include "routing/disturbance.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "routing/variates.hpp"

namespace moesim {
namespace {

enum Stream : uint64_t { jitter_stream = 121, source_stream = 122 };

}  // namespace

void fill_microbatch_factor(const RoutingSpec& spec, int experts, uint64_t seed, int layer,
                            int microbatch, int cell, std::vector<float>& factor) {
  factor.assign(experts, 1.0f);
  if (spec.jitter <= 0) return;
  Random random(seed, {jitter_stream, static_cast<uint64_t>(layer),
                       static_cast<uint64_t>(microbatch), static_cast<uint64_t>(cell)});
  for (float& f : factor) f = static_cast<float>(std::exp(spec.jitter * random.normal()));
}

void multiply_source_factor(const RoutingSpec& spec, uint64_t seed, int layer, int cell, int source,
                            std::vector<float>& factor) {
  if (spec.source_correlation <= 0) return;
  Random random(seed, {source_stream, static_cast<uint64_t>(layer), static_cast<uint64_t>(cell),
                       static_cast<uint64_t>(source)});
  const VariateTable& exponential = exponential_table();
  const float own = static_cast<float>(spec.source_correlation), shared = 1 - own;
  uint64_t hash = 0;
  for (size_t e = 0; e < factor.size(); ++e) {
    if (e % 4 == 0) hash = random.next();
    factor[e] *= shared + own * variate(exponential, hash, static_cast<int>(e % 4));
  }
}

void amplify_groups(std::span<const float> rates, int group_size, double gain,
                    std::span<float> factor) {
  const auto mean_factor = [&](size_t first, size_t end) {
    float weight = 0, sum = 0;
    for (size_t e = first; e < end; ++e) weight += rates[e], sum += rates[e] * factor[e];
    return std::max(sum / weight, 1e-6f);
  };
  const float all = mean_factor(0, rates.size());
  for (size_t first = 0; first < rates.size(); first += group_size) {
    const float ratio = mean_factor(first, first + group_size) / all;
    const float more = std::pow(ratio, static_cast<float>(gain - 1));
    for (size_t e = first; e < first + group_size; ++e) factor[e] *= more;
  }
}

void disturb_rates(std::span<const float> rates, std::span<const float> factor, int k,
                   std::vector<float>& out) {
  const size_t experts = rates.size();
  out.resize(experts);
  for (size_t e = 0; e < experts; ++e) out[e] = rates[e] * factor[e];
  const float wanted =
      static_cast<float>(std::min<double>(k, static_cast<double>(experts) * (1 - 1e-6)));
  float scale = 1;
  for (int i = 0; i < 8; ++i) {  // Newton on a concave function
    float picked[4] = {0, 0, 0, 0}, slope[4] = {0, 0, 0, 0};
    const auto add = [&](size_t e, int lane) {
      const float away = exp_of_minus(scale * out[e]);
      picked[lane] += 1 - away;
      slope[lane] += out[e] * away;
    };
    size_t e = 0;
    for (; e + 4 <= experts; e += 4) {
      for (int lane = 0; lane < 4; ++lane) add(e + lane, lane);
    }
    for (; e < experts; ++e) add(e, 0);
    const float off = wanted - (picked[0] + picked[1] + picked[2] + picked[3]);
    const float steepness = std::max(slope[0] + slope[1] + slope[2] + slope[3], 1e-12f);
    scale = std::clamp(scale + off / steepness, 0.25f * scale, 4 * scale);
    if (std::abs(off) < 0.01f * static_cast<float>(k))
      break;  // the step leaves about the square of this
  }
  for (float& rate : out) rate *= scale;
}

}  // namespace moesim
