#include "base/spelling.hpp"

#include "catch.hpp"

namespace moesim {
namespace {

enum class Colour { red, green, unnamed };
constexpr auto kColours = std::to_array<Spelled<Colour>>({
    {Colour::red, "red"},
    {Colour::green, "green"},
});
constexpr const auto& enum_names(Colour) { return kColours; }

enum class Size : unsigned char { small, large };
struct SizeTraits {
  const char* name;
  int metres;
};
constexpr auto kSizes = std::to_array<SizeTraits>({{"small", 1}, {"large", 100}});
constexpr auto kSizeNames = spelled_rows<Size>(kSizes);
constexpr const auto& enum_names(Size) { return kSizeNames; }

}  // namespace

TEST_CASE("an enumerator is read and written by its table") {
  CHECK(spelling(Colour::green) == std::string("green"));
  CHECK(spelled<Colour>("green") == Colour::green);
  CHECK(spelled<Colour>("Green") == std::nullopt);
  CHECK(spelling(Colour::unnamed) == std::string("?"));
  CHECK(enum_spellings<Colour>() == std::vector<std::string>{"red", "green"});
}

TEST_CASE("rows of traits are enumerators in order") {
  CHECK(spelling(Size::large) == std::string("large"));
  CHECK(spelled<Size>("small") == Size::small);
  CHECK(enum_spellings<Size>() == std::vector<std::string>{"small", "large"});
}

}  // namespace moesim
