#include "config/files.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "config/scenario.hpp"

using namespace moesim;

namespace {

struct Folder {
  std::string path = "files_test." + std::to_string(getpid());
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
    return path + "/" + name;
  }
};

}  // namespace

TEST_CASE("disk and memory agree") {
  const Folder folder;
  folder.write("b.yaml", "x: 1\n");
  folder.write("a.yaml", "");
  std::filesystem::create_directory(folder.path + "/sub");
  const MemoryFiles memory(std::map<std::string, std::string>{{folder.path + "/a.yaml", ""},
                                                              {folder.path + "/b.yaml", "x: 1\n"},
                                                              {folder.path + "/sub/c.yaml", ""}});
  for (const Files* files : {&disk_files(), static_cast<const Files*>(&memory)}) {
    CHECK(files->list(folder.path) == std::vector<std::string>{"a.yaml", "b.yaml"});
    CHECK(files->list("nowhere").empty());
    CHECK(files->exists(folder.path + "/b.yaml"));
    CHECK_FALSE(files->exists(folder.path + "/c.yaml"));
    CHECK_FALSE(files->exists(folder.path + "/sub"));
    CHECK(files->read(folder.path + "/b.yaml").text == "x: 1\n");
    CHECK(files->read(folder.path + "/c.yaml").error == "no such file");
  }
}

TEST_CASE("files that cannot be read say why") {
  const Folder folder;
  const auto error_of = [](const std::string& path) -> std::string {
    try {
      load_scenario(path, {}, {});
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of(folder.path) == folder.path + ": is a folder, not a file");
  CHECK(error_of(folder.path + "/none.yaml") == folder.path + "/none.yaml: no such file");
  CHECK(error_of("") == "no such file");
  const std::string large = folder.write("large.yaml", std::string(kMaxConfigBytes + 1, '#'));
  CHECK(error_of(large) == large + ": is larger than 4 MiB");
  CHECK(error_of("/dev/zero") == "/dev/zero: is larger than 4 MiB");
  if (geteuid() != 0) {  // root may read anything
    const std::string secret = folder.write("secret.yaml", "a: 1\n");
    std::filesystem::permissions(secret, std::filesystem::perms::none);
    CHECK(error_of(secret) == secret + ": cannot be read: Permission denied");
  }
}
