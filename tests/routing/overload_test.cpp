#include "routing/overload.hpp"

#include "catch.hpp"

namespace moesim {

TEST_CASE("a target overload factor is met on average") {
  for (RoutingKind kind : {RoutingKind::zipf, RoutingKind::dirichlet}) {
    for (const RoutingShape& shape :
         {RoutingShape{8, 4096, 8, 2, 1, 1, 8, 8}, {16, 4096, 128, 8, 1, 1, 16, 8}}) {
      RoutingSpec spec;
      spec.kind = kind;
      spec.target_overload = 1.4;
      const RoutingSpec found = with_target_overload(spec, shape, 5);
      REQUIRE(found.target_overload == 0);
      REQUIRE(mean_overload_factor(found, shape, 24, 2, 5) == Approx(1.4).epsilon(0.01));
      REQUIRE(mean_overload_factor(found, shape, 48, 2, 6) ==
              Approx(1.4).epsilon(0.08));  // other layers
    }
  }
}

TEST_CASE("targets out of reach end at the nearest skew") {
  RoutingSpec spec;
  spec.kind = RoutingKind::zipf;
  spec.target_overload = 1.0001;  // drawing tokens alone exceeds it
  REQUIRE(with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1).exponent < 0.05);
  spec.target_overload = 7.9;  // top-2 of 16 experts cannot load one of 8 ranks so much
  REQUIRE(with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1).exponent > 3.9);
}

TEST_CASE("kinds without skew parameter come back unchanged") {
  RoutingSpec spec;
  spec.kind = RoutingKind::uniform;
  spec.target_overload = 2;
  const RoutingSpec found = with_target_overload(spec, {4, 256, 16, 2, 1, 1, 8, 8}, 1);
  REQUIRE(found.kind == RoutingKind::uniform);
  REQUIRE(found.target_overload == 0);
}

}  // namespace moesim
