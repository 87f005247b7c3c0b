#include "config/documenter.hpp"

#include <sstream>

#include "catch.hpp"
#include "config/scenario.hpp"
#include "config/visit.hpp"

using namespace moesim;

TEST_CASE("the reference of a section lists type, default and meaning") {
  StructDocumenter documenter;
  documenter.document<Batch>();
  CHECK(documenter.text() ==
        "global_batch     auto or integer from 1 to 1000000000, required. sequences per\n"
        "                 step; auto: what the wafers take at once\n"
        "micro_batch      integer from 1 to 1000000, default 1. sequences per microbatch\n"
        "                 and data-parallel rank\n"
        "sequence_length  integer from 1 to 100000000, required. tokens per sequence\n");
}

TEST_CASE("the schema names every section and enumerator") {
  std::string text = schema_text();
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)  // unfolded
    if (const size_t end = text.find_first_not_of(' ', at + 1);
        end > at + 20 && end != std::string::npos)
      text.replace(at, end - at, " ");
    else
      ++at;
  for (const char* expected :
       {"workload  ", "  top_k  ", "platform  ", "  device  ", "    sms  ", "plan  ", "routing  ",
        "batch  ", "bf16, fp8-delayed, fp8-current, fp8-block, mxfp8 or nvfp4",
        "balanced, in_turn, uniform, zipf, dirichlet, histogram or recorded",
        "auto or integer from 0 to 1000000, default auto",
        "number in B/s above 0 and at most 1 EB/s",
        "auto, flat, port_balanced, hierarchical or closed_form"})
    CHECK(text.find(expected) != std::string::npos);
}

TEST_CASE("every key has a meaning, and one only") {
  std::istringstream lines(schema_text());
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    CHECK(line.back() != ' ');
    CHECK(line.size() <= 80);
    ++count;
  }
  CHECK(count > 90);
}

TEST_CASE("one key of the schema, and a section with all below it") {
  CHECK(schema_text_of("plan.ep").starts_with("plan.ep  integer from 1 to "));
  const std::string routing = schema_text_of("routing");
  CHECK(routing.starts_with("routing "));
  CHECK(routing.find("\nrouting.kind ") != std::string::npos);
  CHECK(routing.find("\nplan") == std::string::npos);
  CHECK(schema_text_of("platform.wafer").find("platform.wafer.sram_bytes") != std::string::npos);
  CHECK_THROWS_WITH(schema_text_of("ep"),
                    "\"ep\" is not a key of a scenario (did you mean plan.ep?)");
  CHECK_THROWS_WITH(schema_text_of("plan.eep"),
                    "\"plan.eep\" is not a key of a scenario (did you mean \"plan.ep\"?)");
}
