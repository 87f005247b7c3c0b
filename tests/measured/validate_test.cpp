#include "measured/validate.hpp"

#include "catch.hpp"
#include "measured/validation_fixture.hpp"

using namespace moesim;

TEST_CASE("Validate: the metric of a row is what was measured, and equal rows share a simulation") {
  ValidationFixture fixture;
  const Validation validation = fixture.run();
  REQUIRE(validation.rows.size() == 4);
  const auto& rows = validation.rows;
  CHECK(validation.simulations == 2);
  CHECK(rows[0].metric == "tokens_per_s_per_gpu");
  CHECK(rows[1].metric == "step_time_s");
  CHECK(rows[2].metric == "tflops_per_gpu");
  CHECK(rows[0].run == rows[1].run);
  CHECK(rows[0].error.error_percent == Approx(100 * (rows[0].predicted - 20000) / 20000));
  CHECK(rows[1].error.error_percent == Approx(100 * (rows[1].predicted / 0.2 - 1)));
  // 16 sequences of 2,048 tokens on 8 devices
  CHECK(rows[1].error.measured_speed == Approx(16 * 2048 / 0.2 / 8));
  CHECK(rows[0].error.predicted_speed == Approx(rows[1].error.predicted_speed));
  CHECK(rows[2].error.measured_speed ==
        Approx(rows[2].error.predicted_speed * 300 / rows[2].predicted));
  CHECK(rows[0].breakdown_s.total() == Approx(rows[0].step_time_s));
  CHECK(rows[3].reason.find("no-such-model") != std::string::npos);
  CHECK(errors_of(rows).size() == 3);
  const auto groups = group_errors(rows, "source");
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "here");
  CHECK(groups[0].summary.rows == 2);
}

TEST_CASE("Validate: a second run takes the results of the first") {
  ValidationFixture fixture;
  const Validation first = fixture.run(2);
  CHECK(first.rows.size() == 2);
  CHECK(first.simulated_before == 0);
  const Validation second = fixture.run();
  CHECK(second.simulations == 2);
  CHECK(second.simulated_before == 1);
  CHECK(second.rows[0].predicted == first.rows[0].predicted);
}
