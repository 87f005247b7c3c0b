#include "page/pack.hpp"

#include <fmt/format.h>

#include <fstream>

#include "base/diagnostics.hpp"
#include "catch.hpp"

using namespace moesim;

namespace {

std::string written(const std::string& name, const std::string& bytes) {
  const std::string path = fmt::format("{}/{}", MOESIM_BINARY_DIR, name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace

TEST_CASE("base64 as RFC 4648 has it") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("what is packed reads back, packed or not, and equal input gives equal bytes") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += static_cast<char>('a' + i * i % 23);
  const std::string packed = gzipped(text);
  CHECK(packed.size() < text.size() / 10);
  CHECK(packed == gzipped(text));
  CHECK(read_packed_file(written("packed.gz", packed), text.size()) == text);
  CHECK(read_packed_file(written("plain.txt", "plain"), 5) == "plain");
}

TEST_CASE("files that are missing, too long or cut short are errors") {
  CHECK_THROWS_WITH(read_packed_file("no/such.json", 10), "no/such.json: cannot be read");
  const std::string path = written("long.txt", std::string(100, 'x'));
  CHECK_THROWS_WITH(read_packed_file(path, 99), path + ": holds more than 0 MB");
  const std::string cut = written("cut.gz", gzipped("some text to be cut").substr(0, 20));
  CHECK_THROWS_AS(read_packed_file(cut, 100), InputError);
}
