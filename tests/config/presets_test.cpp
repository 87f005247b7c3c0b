#include "config/presets.hpp"

#include <cstdlib>
#include <filesystem>

#include "catch.hpp"
#include "config/fixture.hpp"

using namespace moesim;

TEST_CASE("presets are listed by kind, each once") {
  const MemoryFiles files({{"a/workloads/x.yaml", ""},
                           {"a/workloads/notes.txt", ""},
                           {"b/workloads/x.yaml", ""},
                           {"b/workloads/y.yaml", ""},
                           {"b/platforms/p.yaml", ""},
                           {"b/platforms/devices/d.yaml", ""}});
  const SearchPath search{{"a", "b"}};
  CHECK(list_presets(SectionKind::workload, search, files) == std::vector<std::string>{"x", "y"});
  CHECK(list_presets(SectionKind::platform, search, files) == std::vector<std::string>{"p"});
  CHECK(list_presets(SectionKind::device, search, files) == std::vector<std::string>{"d"});
  CHECK(list_presets(SectionKind::plan, search, files).empty());
}

TEST_CASE("the first directory that has a preset wins") {
  const MemoryFiles files(
      {{"a/workloads/x.yaml", ""}, {"b/workloads/x.yaml", ""}, {"here/m/x.yaml", ""}});
  const auto find = [&](const std::string& name) {
    return find_preset(name, SectionKind::workload, "here", {{"a", "b"}}, files);
  };
  CHECK(find("x").path == "a/workloads/x.yaml");
  CHECK(find("x").label == "workloads/x.yaml");
  CHECK(find("m/x.yaml").path == "here/m/x.yaml");
  CHECK(find("../b/workloads/x.yaml").path == "b/workloads/x.yaml");
  CHECK(find("workloads/x.yaml").path == "a/workloads/x.yaml");
  CHECK(find("").error == "is not the name of a workload: \"\"");
  CHECK(find("y").error == "no workload is named \"y\" (known: x)");
}

TEST_CASE("the default search path starts with $MOESIM_DATA and the scenario's directory") {
  REQUIRE(setenv("MOESIM_DATA", "/some/data", 1) == 0);
  const SearchPath with = default_search_path("scenarios");
  REQUIRE(with.directories.size() >= 2);
  CHECK(with.directories[0] == "/some/data");
  CHECK(with.directories[1] == "scenarios");
  REQUIRE(unsetenv("MOESIM_DATA") == 0);
  const SearchPath without = default_search_path("");
  CHECK(without.directories[0] == ".");
  // This test runs from a build folder inside the source tree.
  const std::filesystem::path source = MOESIM_SOURCE_DIR;
  CHECK(without.directories.back() == source.string());
}

TEST_CASE("workloads and platforms load alone") {
  std::map<std::string, std::string> texts = preset_files();
  const MemoryFiles files(texts);
  const SearchPath search{{"data"}};
  CHECK(load_workload("tiny", {"top_k=2"}, search, files).top_k == 2);
  const Pod pod = load_pod("pod", {"gpus=1024", "device.sms=100"}, search, files);
  CHECK(pod.gpus == 1024);
  CHECK(pod.device.sms == 100);
  CHECK(pod.device.name == "gpu");
  CHECK_THROWS_WITH(load_pod("pod", {"gpus=0"}, search, files),
                    "--set gpus=0: gpus: must be from 1 to 1000000, got 0");
  CHECK_THROWS_WITH(load_workload("huge", {}, search, files),
                    "no workload is named \"huge\" (known: dense, tiny)");
}
