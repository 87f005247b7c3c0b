#include "config/unused.hpp"

#include <fmt/format.h>

#include <string>

#include "base/spelling.hpp"

namespace moesim {
namespace {

struct Settle {
  RoutingSpec& routing;
  ValueSources& sources;
  const std::string& file;
  Problems& problems;

  int layer(const ValueSource& source) const {
    if (source.place.file.starts_with("--set ")) return 2;
    return source.place.file == file ? 1 : 0;
  }

  // Whether `over` was laid over what held `under`. Which of two overrides, or of two bases, was
  // the later is not known here; it may have been.
  bool laid_over(const ValueSource& over, const ValueSource& under) const {
    return over.origin != "default" && over.place.file != under.place.file &&
           layer(over) >= layer(under);
  }

  // A default may stand there: a resolved scenario writes out every key.
  void needs_kind(const char* name, double RoutingSpec::*value, RoutingKind kind) {
    const double fallback = RoutingSpec().*value;
    if (routing.kind == kind || routing.*value == fallback) return;
    const std::string key = std::string("routing.") + name;
    ValueSource &source = sources[key], &kind_source = sources["routing.kind"];
    if (!source.sound || !kind_source.sound) return;
    if (laid_over(kind_source, source)) {
      routing.*value = fallback;
      source.origin = "default";
      return;
    }
    problems.add(source.place, key, fmt::format("has no effect without kind: {}", spelling(kind)));
  }
};

}  // namespace

void settle_unused(ResolvedScenario& resolved, Problems& problems) {
  Settle settle{resolved.scenario.routing, resolved.sources, resolved.file, problems};
  settle.needs_kind("exponent", &RoutingSpec::exponent, RoutingKind::zipf);
  settle.needs_kind("concentration", &RoutingSpec::concentration, RoutingKind::dirichlet);
}

}  // namespace moesim
