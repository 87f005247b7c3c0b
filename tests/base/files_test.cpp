#include "base/files.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.hpp"

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
  const auto error_of = [](const std::string& path) { return disk_files().read(path).error; };
  CHECK(error_of(folder.path) == "is a folder, not a file");
  CHECK(error_of(folder.path + "/none.yaml") == "no such file");
  CHECK(error_of("") == "no such file");
  const std::string large = folder.write("large.yaml", std::string(kMaxConfigBytes + 1, '#'));
  CHECK(error_of(large) == "is larger than 4 MiB");
  CHECK(error_of("/dev/zero") == "is larger than 4 MiB");
  if (geteuid() != 0) {  // root may read anything
    const std::string secret = folder.write("secret.yaml", "a: 1\n");
    std::filesystem::permissions(secret, std::filesystem::perms::none);
    CHECK(error_of(secret) == "cannot be read: Permission denied");
  }
}

TEST_CASE("a file is replaced whole, or appended to") {
  const Folder folder;
  const std::string path = folder.path + "/t.csv";
  replace_file(path, "old and long\n");
  replace_file(path, "new\n");
  append_to_file(path, "more\n");
  CHECK(disk_files().read(path).text == "new\nmore\n");
  CHECK(disk_files().list(folder.path) == std::vector<std::string>{"t.csv"});  // no temporary file
  const std::string nowhere = folder.path + "/none/t.csv";
  CHECK_THROWS_WITH(replace_file(nowhere, ""),
                    "cannot write " + folder.path + "/none/.t.csv.new: No such file or directory");
  CHECK_THROWS_WITH(append_to_file(nowhere, ""),
                    "cannot write " + nowhere + ": No such file or directory");
}
