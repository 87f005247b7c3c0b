#include "report/flat.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"
#include "report/json.hpp"
#include "sample_report.hpp"

using namespace moesim;
using namespace moesim::test;

namespace {

const FlatFigure& at(const std::vector<FlatFigure>& figures, const std::string& path) {
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [&](const FlatFigure& figure) { return figure.path == path; });
  REQUIRE(found != figures.end());
  return *found;
}

}  // namespace

TEST_CASE("figures have their dotted path, their cell and their number") {
  const auto figures = flat_figures_of(sample_report(), kCsv);
  CHECK(at(figures, "breakdown_s.exposed_ep").cell == "4.21");
  CHECK(at(figures, "breakdown_s.exposed_ep").group == "breakdown_s");
  CHECK(at(figures, "breakdown_s.exposed_ep").number == 4.21);
  CHECK(at(figures, "devices").number == 16.0);
  CHECK(at(figures, "fidelity").cell == "auto");
  CHECK_FALSE(at(figures, "fidelity").number);
  CHECK(column_of(at(figures, "model.name")) == "model");
}

TEST_CASE("the fullest stage sums up the memory") {
  const auto figures = flat_figures_of(sample_report(), kCsv);
  CHECK(at(figures, "memory_stages").cell == "4");
  CHECK(at(figures, "memory_most_bytes").number == 56.655e9);
  CHECK(at(figures, "memory_most_bytes").summary);
  CHECK_FALSE(at(figures, "mfu").summary);
  CHECK(at(flat_figures_of(StepReport{}, kCsv), "memory_most_bytes").cell == "0");
}

TEST_CASE("a trait selects, and lists are left out") {
  for (const FlatFigure& figure : flat_figures_of(full_report(), kResults))
    CHECK(figure.figure.has(kResults));
  for (const FlatFigure& figure : flat_figures_of(full_report(), ~0u)) {
    INFO(figure.path);
    CHECK(figure.path.find("critical_path.op") == std::string::npos);
    CHECK(figure.path.find("pipeline") == std::string::npos);
  }
}

TEST_CASE("settings are their leaves") {
  const auto settings = flat_figures_of(full_report(), kSetting);
  CHECK(at(settings, "plan.ep").cell == "8");
  CHECK(at(settings, "plan.ep_overlap").cell == "false");
  CHECK(at(settings, "workload.histogram").cell == "[1, 0.5]");
  CHECK(at(settings, "workload.device.sms").group == "workload.device");
}

TEST_CASE("no two columns have the same name") {
  std::set<std::string> names;
  for (const FlatFigure& figure : flat_figures_of(StepReport{}, kCsv)) {
    INFO(column_of(figure));
    CHECK(names.insert(column_of(figure)).second);
  }
  CHECK(names.size() > 40);
}
