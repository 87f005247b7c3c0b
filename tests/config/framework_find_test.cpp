// Which profile stands for a release.
#include "catch.hpp"
#include "config/framework.hpp"

using namespace moesim;

namespace {

FoundFramework find(const std::string& name, const std::vector<std::string>& known) {
  std::map<std::string, std::string> files;
  for (const std::string& profile : known)
    files["data/scenarios/frameworks/" + profile + ".yaml"] = "title: t\n";
  return find_framework(name, ".", {{"data"}}, MemoryFiles(files));
}

}  // namespace

TEST_CASE("a release takes its own profile, the nearest earlier one, or else the nearest") {
  const std::vector<std::string> known = {"b-25.09", "b-26.02", "b-26.02.01", "b-26.10", "c-1"};
  CHECK(find("b-26.02", known).name == "b-26.02");
  CHECK(find("b-26.02", known).note.empty());
  CHECK(find("b-26.02", known).file.path == "data/scenarios/frameworks/b-26.02.yaml");
  CHECK(find("b-26.01", known).name == "b-25.09");
  CHECK(find("b-26.02.00", known).name == "b-26.02");
  CHECK(find("b-26.09", known).name == "b-26.02.01");
  CHECK(find("b-27", known).name == "b-26.10");
  CHECK(find("b-25.02", known).name == "b-25.09");
  CHECK(find("b-25.02", known).note ==
        "framework b-25.02 has no profile of its own: b-25.09 stands in, the nearest release");
  CHECK(find("b", known).name == "b-26.10");
  CHECK(find("b", known).note ==
        "framework b has no profile of its own: b-26.10 stands in, its latest release");
}

TEST_CASE("a family's profile stands for releases before its others") {
  const std::vector<std::string> known = {"core", "core-0.14", "core-extra", "submission-v6.0"};
  CHECK(find("core", known).note.empty());
  CHECK(find("core-0.12", known).name == "core");
  CHECK(find("core-0.12", known).note ==
        "framework core-0.12 has no profile of its own: core stands in, which is not of one "
        "release");
  CHECK(find("core-0.16", known).name == "core-0.14");
  CHECK(find("core-extra-2", known).name == "core-extra");
  CHECK(find("submission-v6.1", known).name == "submission-v6.0");
}

TEST_CASE("names without a family are unknown") {
  CHECK(find("x-1.0", {"y-1.0", "z"}).file.error ==
        "no framework is named \"x-1.0\" (did you mean \"y-1.0\"?); known: y-1.0, z");
  CHECK(find("x", {}).file.error == "no framework is named \"x\"");
  CHECK(find("b-26.x", {"b-26.1"}).file.error.starts_with("no framework is named"));
  CHECK(find("b-", {"b"}).file.error.starts_with("no framework is named"));
  CHECK(find("b-99999999999999999999", {"b"}).file.error.starts_with("no framework is named"));
}
