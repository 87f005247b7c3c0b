#include "measured/minimise.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/random.hpp"

namespace moesim {

namespace {

constexpr size_t kRandomDirections = 24;

class Search {
 public:
  Search(const std::function<double(const std::vector<double>&)>& loss,
         const std::vector<Bounds>& bounds, uint64_t seed)
      : loss_(loss), bounds_(bounds), random_(seed, {bounds.size()}) {}

  std::vector<double> around(const std::vector<double>& at, double width) {
    std::vector<double> moved = at;
    for (double& x : moved) x += width * random_.normal();
    return moved;
  }

  double at(const std::vector<double>& logs) const { return loss_(constants(logs)); }

  std::vector<double> constants(const std::vector<double>& logs) const {
    std::vector<double> values;
    for (size_t i = 0; i < logs.size(); ++i)
      values.push_back(std::clamp(std::exp(logs[i]), bounds_[i].least, bounds_[i].most));
    return values;
  }

  double descend(std::vector<double>& best) {
    double least = at(best);
    for (double step = 0.3; step > 1e-3;) {
      const double before = least;
      for (size_t trial = 0; trial < 2 * best.size() + kRandomDirections; ++trial) {
        std::vector<double> moved = best;
        if (trial < 2 * best.size())
          moved[trial / 2] += trial % 2 == 0 ? step : -step;
        else
          moved = around(best, step);
        const double value = at(moved);
        if (value < least) best = moved, least = value;
      }
      if (least > before * (1 - 1e-4)) step /= 1.5;
    }
    return least;
  }

 private:
  const std::function<double(const std::vector<double>&)>& loss_;
  const std::vector<Bounds>& bounds_;
  Random random_;
};

}  // namespace

std::vector<double> minimise(const std::function<double(const std::vector<double>&)>& loss,
                             const std::vector<double>& start, const std::vector<Bounds>& bounds,
                             int starts, uint64_t seed) {
  MOESIM_CHECK(start.size() == bounds.size(), "{} constants, {} bounds", start.size(),
               bounds.size());
  Search search(loss, bounds, seed);
  std::vector<double> origin;
  for (size_t i = 0; i < start.size(); ++i)
    origin.push_back(std::log(std::clamp(start[i], bounds[i].least, bounds[i].most)));
  std::vector<double> best = origin;
  double least = search.descend(best);
  for (int i = 1; i < starts; ++i) {
    std::vector<double> other = search.around(origin, 0.3);
    const double value = search.descend(other);
    if (value < least) best = other, least = value;
  }
  return search.constants(best);
}

}  // namespace moesim
