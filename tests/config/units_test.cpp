#include "config/units.hpp"

#include <cmath>
#include <vector>

#include "catch.hpp"

using namespace moesim;

namespace {

double parse(std::string_view text, Unit unit) {
  std::string error;
  const auto value = parse_quantity(text, unit, error);
  CAPTURE(std::string(text), error);
  REQUIRE(value);
  return *value;
}

std::string error_of(std::string_view text, Unit unit) {
  std::string error;
  CHECK_FALSE(parse_quantity(text, unit, error));
  return error;
}

}  // namespace

TEST_CASE("quantities are exact SI values") {
  CHECK(parse("400 Gbps", Unit::bytes_per_s) == 50e9);
  CHECK(parse("3.35 TB/s", Unit::bytes_per_s) == 3.35e12);
  CHECK(parse("450GB/s", Unit::bytes_per_s) == 450e9);
  CHECK(parse("100 Gbit/s", Unit::bytes_per_s) == 12.5e9);
  CHECK(parse("1 GiB/s", Unit::bytes_per_s) == 1073741824);
  CHECK(parse("80 GiB", Unit::bytes) == 80.0 * 1073741824);
  CHECK(parse("64MB", Unit::bytes) == 64e6);
  CHECK(parse("8 bit", Unit::bytes) == 1);
  CHECK(parse("2 us", Unit::seconds) == 2e-6);
  CHECK(parse("2 µs", Unit::seconds) == 2e-6);
  CHECK(parse("1.1 ns", Unit::seconds) == 1.1e-9);
  CHECK(parse("2 h", Unit::seconds) == 7200);
  CHECK(parse("1 min", Unit::seconds) == 60);
  CHECK(parse("989.4 TFLOPS", Unit::flops_per_s) == 989.4e12);
  CHECK(parse("1.979 PFLOP/s", Unit::flops_per_s) == 1.979e15);
  CHECK(parse("700 W", Unit::watts) == 700);
  CHECK(parse("1.2 kW", Unit::watts) == 1200);
  CHECK(parse("671B", Unit::number) == 671e9);
  CHECK(parse("95 %", Unit::number) == 0.95);
}

TEST_CASE("plain numbers are SI") {
  CHECK(parse("5e10", Unit::bytes_per_s) == 5e10);
  CHECK(parse("+1.5E-6", Unit::seconds) == 1.5e-6);
  CHECK(parse("1e3 GB", Unit::bytes) == 1e12);
  for (const auto& [text, value] :
       {std::pair(".5", 0.5), std::pair("5.", 5.0), std::pair("0e999", 0.0),
        std::pair("1e-400", 0.0), std::pair("-3", -3.0)})
    CHECK(parse(text, Unit::number) == value);
}

TEST_CASE("what is no quantity is explained") {
  CHECK(error_of("fast", Unit::bytes_per_s) ==
        "expected a bandwidth (units: B/s, kB/s, MB/s, GB/s, TB/s, GiB/s, bps, kbps, Mbps, Gbps, "
        "Tbps), got \"fast\"");
  CHECK(error_of("", Unit::number) == "expected a number, got \"\"");
  CHECK(error_of("2 sec", Unit::seconds) ==
        "\"sec\" is not a unit of time (units: s, ms, us, ns, ps, min, h, d)");
  CHECK(error_of("80 gib", Unit::bytes) ==
        "\"gib\" is not a unit of size (units: B, kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, bit)");
  CHECK(error_of("1 TB", Unit::flops_per_s) ==
        "\"TB\" is not a unit of compute rate (units: FLOPS, GFLOPS, TFLOPS, PFLOPS, TFLOP/s)");
  CHECK(error_of("5 V", Unit::watts) == "\"V\" is not a unit of power (units: mW, W, kW, MW)");
  CHECK(error_of("1e400", Unit::number) == "\"1e400\" is too large a number");
  CHECK(error_of("1e308 PB", Unit::bytes) == "\"1e308 PB\" is too large a number");
  CHECK(error_of("1e99999999999999999999", Unit::number) ==
        "\"1e99999999999999999999\" is too large a number");
  for (const char* text :
       {"nan", ".nan", "inf", "-inf", "0x10", "1_000", "1,5", "1 2", "e5", "+", "-.", "--1"})
    CHECK_FALSE(error_of(text, Unit::number).empty());
}

TEST_CASE("quantities are written short and read back exactly") {
  CHECK(format_quantity(50e9, Unit::bytes_per_s) == "50 GB/s");
  CHECK(format_quantity(3.35e12, Unit::bytes_per_s) == "3.35 TB/s");
  CHECK(format_quantity(80.0 * 1073741824, Unit::bytes) == "80 GiB");
  CHECK(format_quantity(64e6, Unit::bytes) == "64 MB");
  CHECK(format_quantity(2.5e-6, Unit::seconds) == "2.5 us");
  CHECK(format_quantity(989.4e12, Unit::flops_per_s) == "989.4 TFLOPS");
  CHECK(format_quantity(0, Unit::seconds) == "0");
  CHECK(format_quantity(671e9, Unit::number) == "671000000000");
  CHECK(format_quantity(1e-30, Unit::seconds) == "1e-30");
  const std::vector<Unit> units = {Unit::number,  Unit::bytes,       Unit::bytes_per_s,
                                   Unit::seconds, Unit::flops_per_s, Unit::watts};
  double value = 1.2345678901234567e-18;
  for (int i = 0; i < 400; ++i, value *= 1.2718281828) {
    for (Unit unit : units) CHECK(parse(format_quantity(value, unit), unit) == value);
    CHECK(parse(format_quantity(-value, Unit::number), Unit::number) == -value);
  }
}
