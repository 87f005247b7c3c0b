#include "base/text.hpp"

#include <fmt/format.h>

#include "catch.hpp"

using namespace moesim;

TEST_CASE("hints name what was probably meant") {
  const std::vector<std::string> keys = {"tp", "experts", "top_k", "recompute_modules"};
  CHECK(hint("exprets", keys) == " (did you mean \"experts\"?)");
  CHECK(hint("topk", keys) == " (did you mean \"top_k\"?)");
  CHECK(hint("tpp", keys) == " (did you mean \"tp\"?)");
  CHECK(hint("recompute_module", keys) == " (did you mean \"recompute_modules\"?)");
  CHECK(hint("colour", keys) == "");
  CHECK(hint("", keys) == "");
  CHECK(hint("xy", keys) == "");
  CHECK(hint(std::string(1000, 'x'), keys) == "");
}

TEST_CASE("text faults have a place") {
  CHECK(find_text_fault("a: \xc3\xa9\n\tb\r\n").what == "");
  const TextFault control = find_text_fault("ab\nc\x01");
  CHECK(control.what == "holds a control character (0x01)");
  CHECK(control.line == 2);
  CHECK(control.column == 2);
  // Overlong, surrogate, beyond Unicode, cut off, stray tail.
  for (const char* text : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5",
                           "\xe2\x82", "\x80"}) {
    CAPTURE(text);
    CHECK_FALSE(find_text_fault(text).what.empty());
  }
  CHECK(find_text_fault("\xe2\x82\xac \xf0\x9f\x98\x80").what == "");
}

TEST_CASE("long texts are folded at blanks") {
  CHECK(fold("short", 0, 2) == "short");
  CHECK(fold("one two three", 0, 2, 8) == "one two\n  three");
  CHECK(fold("one two three", 5, 2, 8) == "one\n  two\n  three");
  CHECK(fold("one two", 7, 2, 8) == "\n  one\n  two");
  CHECK(fold("one\ntwo  three\n", 0, 2, 80) == "one\n  two  three");
  CHECK(fold("a longerthaneight b", 0, 1, 8) == "a\n longerthaneight\n b");
  CHECK(fold("ééé ééé", 0, 1, 7) == "ééé ééé");
  CHECK(fold("", 0, 2) == "");
}

TEST_CASE("of a long path the end is kept") {
  CHECK(end_of("a/b.yaml", 8) == "a/b.yaml");
  CHECK(end_of("a/b.yaml", 7) == "…b.yaml");
  CHECK(end_of("éé", 1) == "…");
}

TEST_CASE("columns, cuts and blanks") {
  CHECK(columns_of("2 µs · ×3") == 9);
  CHECK(fit("ab", 4) == "ab  ");
  CHECK(fit("ab", 4, Align::right) == "  ab");
  CHECK(fit("écoles", 4) == "éco…");
  CHECK(fit_end("écoles", 4) == "…les");
  CHECK(fit_end("a", 3, Align::right) == "  a");
  CHECK(trim(" \t a b\t") == "a b");
  CHECK(trim(" ") == "");
  CHECK(lowercase("BF16 Ä") == "bf16 Ä");
}

TEST_CASE("names and quotes") {
  CHECK(join_path("plan", "tp") == "plan.tp");
  CHECK(join_path("", "tp") == "tp");
  CHECK(join_path("plan", "") == "plan");
  CHECK(join_or({"a", "b", "c"}) == "a, b or c");
  CHECK(join_or({"a"}) == "a");
  CHECK(quote("a") == "\"a\"");
  const auto repeated = [](int count) { return fmt::format("{:x>{}}", "", count); };
  CHECK(quote(repeated(100)) == fmt::format("\"{}...\"", repeated(60)));
  // Never cut inside a character.
  CHECK(quote(repeated(59) + "\xe2\x82\xac") == fmt::format("\"{}...\"", repeated(59)));
}
