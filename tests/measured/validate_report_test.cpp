#include "measured/validate_report.hpp"

#include "measured/validation_fixture.hpp"

using namespace moesim;

TEST_CASE("Validate: a report tells of every row, and draws those that were predicted") {
  ValidationFixture fixture;
  const Validation validation = fixture.run();
  write_validation_report(validation, (fixture.path() / "REPORT.md").string(),
                          {{MOESIM_SOURCE_DIR}});
  const std::string report = text_of(fixture.path() / "REPORT.md");
  CHECK(report.find("report-steps.svg") != std::string::npos);
  CHECK(report.find("no-such-model") != std::string::npos);
  CHECK(text_of(fixture.path() / "report-steps.svg").starts_with("<svg"));
  const std::string plot = text_of(fixture.path() / "report-steps.svg");
  size_t circles = 0;
  for (size_t at = plot.find("<circle"); at != std::string::npos; at = plot.find("<circle", at + 1))
    ++circles;
  CHECK(circles == 3 + 1);  // a row each, and one in the legend for each GPU
}

TEST_CASE("Validate: a report that cannot be written says where") {
  ValidationFixture fixture;
  CHECK_THROWS_WITH(
      write_validation_report(Validation{}, (fixture.path() / "no" / "R.md").string(), {}),
      Catch::Contains("cannot be written"));
}
