#include "base/csv.hpp"

#include "catch.hpp"

using namespace moesim;

namespace {

std::vector<std::vector<std::string>> texts(const std::string& csv) {
  Problems problems;
  std::vector<std::vector<std::string>> records;
  for (const CsvRecord& record : parse_csv(csv, "t.csv", problems)) {
    auto& texts = records.emplace_back();
    for (const CsvCell& cell : record) texts.push_back(cell.text);
  }
  CHECK(problems.text() == "");
  return records;
}

std::string problems_of(const std::string& csv) {
  Problems problems;
  parse_csv(csv, "t.csv", problems);
  return problems.text();
}

}  // namespace

TEST_CASE("CSV: quotes hold commas, quotes and line breaks") {
  using Records = std::vector<std::vector<std::string>>;
  CHECK(texts("a,b\n1,\"x, \"\"y\"\"\"\n") == Records{{"a", "b"}, {"1", "x, \"y\""}});
  CHECK(texts("\"a\nb\",c") == Records{{"a\nb", "c"}});
  CHECK(texts("a,,\n,,c\n") == Records{{"a", "", ""}, {"", "", "c"}});
}

TEST_CASE(
    "CSV: line ends of either kind, a byte order mark, blank lines and blanks do not matter") {
  using Records = std::vector<std::vector<std::string>>;
  CHECK(texts("\xEF\xBB\xBF"
              "a , b\r\n\r\n1,2") == Records{{"a", "b"}, {"1", "2"}});
  CHECK(texts("").empty());
  CHECK(texts("\n\n").empty());
}

TEST_CASE("CSV: a cell knows its place, behind quoted line breaks too") {
  Problems problems;
  const auto records = parse_csv("a,b\n\"x\ny\", 7\n8,9\n", "t.csv", problems);
  REQUIRE(records.size() == 3);
  CHECK(records[1][1].place.line == 3);
  CHECK(records[1][1].place.column == 5);
  CHECK(records[2][1].place.line == 4);
  CHECK(records[2][1].place.column == 3);
}

TEST_CASE("CSV: faults are reported with their place") {
  CHECK(problems_of("a,\"b\n1,2\n") == "t.csv:1:3: this quote is never closed");
  CHECK(problems_of("\"a\"b,c\n") ==
        "t.csv:1:4: expected a comma or the end of the line after the closing quote");
  CHECK(problems_of(std::string("a\n\x01\n")).starts_with("t.csv:2:1: "));
  CHECK(problems_of("a\n\xff\n").starts_with("t.csv:2:1: "));
}

TEST_CASE("CSV: a written field reads back") {
  for (const std::string text : {"plain", "a,b", "say \"so\"", "two\nlines", ""})
    CHECK(texts("x," + csv_field(text) + "\n") ==
          std::vector<std::vector<std::string>>{{"x", text}});
  CHECK(csv_field("a b") == "a b");
  CHECK(csv_field("a\"b") == "\"a\"\"b\"");
}

TEST_CASE("CSV: record by record") {
  Problems problems;
  CsvReader reader("a,b\n\n1\n", "t.csv", problems);
  CsvRecord record;
  REQUIRE(reader.next(record));
  CHECK(record.size() == 2);
  REQUIRE(reader.next(record));
  CHECK(record.size() == 1);
  CHECK(record[0].place.line == 3);
  CHECK_FALSE(reader.next(record));
  CHECK(reader.here().line == 4);
}
