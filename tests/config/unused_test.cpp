#include "config/unused.hpp"

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

namespace {

std::string routing(const std::string& keys) { return kScenario + "routing: {" + keys + "}\n"; }

}  // namespace

TEST_CASE("a parameter of another kind of routing is an error") {
  CHECK(errors_of(routing("exponent: 0.5")) ==
        "s.yaml:4:21: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(routing("kind: dirichlet, exponent: 0.5")) ==
        "s.yaml:4:38: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(routing("kind: zipf, concentration: 0.1")) ==
        "s.yaml:4:38: routing.concentration: has no effect without kind: dirichlet");
  CHECK(errors_of(routing("kind: uniform"), {"routing.exponent=0.5"}) ==
        "--set routing.exponent=0.5: routing.exponent: has no effect without kind: zipf");
  CHECK(errors_of(kScenario, {"routing={kind: uniform, exponent: 0.5}"}) ==
        "--set routing={kind: uniform, exponent: 0.5}: routing.exponent: has no effect without "
        "kind: zipf");
}

TEST_CASE("a parameter that has its effect, or its default, is none") {
  CHECK(errors_of(routing("kind: zipf, exponent: 0.5")) == "");
  CHECK(errors_of(routing("kind: dirichlet, concentration: 0.1")) == "");
  CHECK(errors_of(routing("exponent: 0")) == "");
}

TEST_CASE("another kind laid over a scenario sets the parameter back") {
  const ResolvedScenario r =
      load_text(routing("kind: zipf, exponent: 0.5"), {"routing.kind=balanced"});
  CHECK(r.scenario.routing.exponent == RoutingSpec().exponent);
  CHECK(r.sources.at("routing.exponent").origin == "default");
  CHECK(errors_of(check_text(r)) == "");
  CHECK(errors_of(kScenario,
                  {"routing.kind=zipf", "routing.exponent=0.5", "routing.kind=balanced"}) == "");
  const std::map<std::string, std::string> base = {
      {"b.yaml", routing("kind: zipf, exponent: 0.5")}};
  CHECK(load_text("base: b.yaml\nrouting: {kind: uniform}\n", {}, base).scenario.routing.exponent ==
        RoutingSpec().exponent);
  CHECK(errors_of("base: b.yaml\nrouting: {concentration: 0.5}\n", {}, base) ==
        "s.yaml:2:26: routing.concentration: has no effect without kind: dirichlet");
}
