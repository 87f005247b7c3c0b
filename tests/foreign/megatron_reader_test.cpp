#include "foreign/megatron_reader.hpp"

#include <catch.hpp>

using namespace moesim;

TEST_CASE("lists as Python reads them") {
  const auto list = [](const char* text) {
    return python_list(text).value_or(std::vector<int>{-1});
  };
  CHECK(list("[1,0,1]") == std::vector<int>{1, 0, 1});
  CHECK(list("'([0]*2+[1]*3)'") == std::vector<int>{0, 0, 1, 1, 1});
  CHECK(list("([1]*2+[0])*2") == std::vector<int>{1, 1, 0, 1, 1, 0});
  CHECK(!python_list("4"));
  CHECK(!python_list("[1"));
  CHECK(!python_list("[1]*100000"));
  CHECK(!python_list("[1]*-1"));
  CHECK(!python_list(std::string(1000, '(')));
}
