#include "plan/layout.hpp"

#include "base/diagnostics.hpp"
#include "catch.hpp"
#include "fixtures/input_error.hpp"

using namespace moesim;

namespace {

// The layout without repetitions.
std::string flat(const std::string& text) {
  std::string result;
  for (const auto& chunk : parse_layout(text)) {
    for (LayoutItem item : chunk) result += "EtmL"[static_cast<size_t>(item)];
    result += "|";
  }
  result.pop_back();
  return result;
}

std::string error_of(const std::string& text) {
  return input_error([&] { parse_layout(text); });
}

}  // namespace

TEST_CASE("layouts expand to chunks") {
  for (const auto& [text, chunks] :
       {std::pair("Ett|tt|L", "Ett|tt|L"), std::pair("Et*3|(tt|)*2L", "Ettt|tt|tt|L"),
        std::pair("E, t*2 | (t, t |) * 2, m L", "Ett|tt|tt|mL"), std::pair("E||tL", "E||tL"),
        std::pair("((t|)*2m|)*2L", "t|t|m|t|t|m|L"), std::pair("Et*0L", "EL"),
        std::pair("E|*3L", "E|||L")})
    CHECK(flat(text) == chunks);
}

TEST_CASE("DeepSeek-V3 on 16 stages") {
  const Layout layout = parse_layout("Et*4|(t*4|)*14tmL");
  REQUIRE(layout.size() == 16);
  CHECK(count_items(layout, LayoutItem::layer) == 61);
  CHECK(count_items(layout, LayoutItem::mtp) == 1);
  CHECK(layout.front().front() == LayoutItem::embedding);
  CHECK(layout[7].size() == 4);
  CHECK(layout.back() ==
        std::vector<LayoutItem>{LayoutItem::layer, LayoutItem::mtp, LayoutItem::loss});
}

TEST_CASE("bad layouts name the character at fault") {
  CHECK(error_of("Ett|x") == "pipeline layout, character 5: expected E, t, m, L, '|' or '('");
  CHECK(error_of("*2") == "pipeline layout, character 1: nothing before '*' to repeat");
  CHECK(error_of("t**2") == "pipeline layout, character 3: expected a number after '*'");
  CHECK(error_of("t*2*3") == "pipeline layout, character 4: nothing before '*' to repeat");
  CHECK(error_of("t*") == "pipeline layout, character 3: expected a number after '*'");
  CHECK(error_of("t*-1") == "pipeline layout, character 3: expected a number after '*'");
  CHECK(error_of("E(tt") == "pipeline layout, character 2: '(' is never closed");
  CHECK(error_of("Ett)L") == "pipeline layout, character 4: ')' without '('");
  CHECK(error_of("t*99999999999999999999") ==
        "pipeline layout, character 3: more than 100000 layers and stages");
  CHECK(error_of("((t*1000)*1000)*1000") ==
        "pipeline layout, character 11: more than 100000 layers and stages");
  CHECK(error_of(std::string(10'000, '(')) == "pipeline layout, character 9: too many nested '('");
}
