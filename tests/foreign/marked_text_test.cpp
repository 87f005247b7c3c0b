#include "foreign/marked_text.hpp"

#include <catch.hpp>

using namespace moesim;

TEST_CASE("every character knows its place, and carriage returns are left out") {
  const MarkedText text = numbered("a\r\nbc\n");
  CHECK(text.text == "a\nbc\n");
  const auto at = [&](size_t i) { return std::pair(text.line(i), text.column(i)); };
  CHECK(at(0) == std::pair(1, 1));
  CHECK(at(1) == std::pair(1, 2));
  CHECK(at(3) == std::pair(2, 2));
  CHECK(at(100) == std::pair(2, 3));
  CHECK(numbered(std::string(5000, 'x')).column(4999) == 4095);
}

TEST_CASE("a mark is nothing to the shell, and says what is missing") {
  MarkedText text("--nnodes ", 3);
  text.add(unknown_value("NNODES", 3));
  CHECK(is_unknown(text.text));
  CHECK(without_marks(text.text) == "--nnodes ");
  CHECK(unknowns(text.text) == std::vector<std::string>{"NNODES"});
  CHECK(with_names(text.text) == "--nnodes ${NNODES}");
  CHECK(with_names(unknown_value("$(nproc)", 1).text) == "$(nproc)");
}

TEST_CASE("a mark ends behind its name") {
  const std::string text = "a" + unknown_value("B C", 1).text + "d";
  CHECK(behind_mark(text, 0) == 0);
  CHECK(behind_mark(text, 1) == 6);
  CHECK(behind_mark("\x01x", 0) == 0);
}

TEST_CASE("a file cannot forge a mark") { CHECK(!is_unknown(numbered("a\x01name\x02").text)); }
