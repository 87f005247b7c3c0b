#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "config/framework.hpp"

namespace moesim {
namespace {

// "family-26.04.01" -> "family" and 26, 4, 1; "family-v6.0" -> "family" and 6, 0.
struct Release {
  std::string name, family;
  std::vector<int> version;  // empty: none
};

Release release_of(const std::string& name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string::npos) return {name, name, {}};
  std::string_view text = std::string_view(name).substr(dash + 1);
  if (text.starts_with('v')) text.remove_prefix(1);
  std::vector<int> version;
  for (const char *at = text.data(), *end = at + text.size(); at < end; ++at) {
    int number = 0;
    const auto [next, code] = std::from_chars(at, end, number);
    if (code != std::errc() || number < 0 || (next != end && *next != '.')) return {name, name, {}};
    version.push_back(number);
    at = next;
  }
  if (version.empty()) return {name, name, {}};
  return {name, name.substr(0, dash), version};
}

// The profile that stands for a release without its own, by the rule of find_framework.
std::optional<Release> nearest(const Release& wanted, const std::vector<std::string>& known) {
  std::optional<Release> earlier, later, family;
  for (const std::string& name : known) {
    const Release release = release_of(name);
    if (release.family != wanted.family) continue;
    if (release.version.empty()) {
      family = release;
    } else if (wanted.version.empty() || release.version < wanted.version) {
      if (!earlier || earlier->version < release.version) earlier = release;
    } else if (!later || release.version < later->version) {
      later = release;
    }
  }
  if (earlier) return earlier;
  return family ? family : later;
}

std::string note_on(const Release& wanted, const Release& taken) {
  const char* why = wanted.version.empty()           ? "its latest release"
                    : taken.version.empty()          ? "which is not of one release"
                    : taken.version < wanted.version ? "the nearest earlier release"
                                                     : "the nearest release";
  return fmt::format("framework {} has no profile of its own: {} stands in, {}", wanted.name,
                     taken.name, why);
}

}  // namespace

FoundFramework find_framework(const std::string& name, const std::string& directory,
                              const SearchPath& search, const Files& files) {
  PresetFile found = find_preset(name, SectionKind::framework, directory, search, files);
  if (found.error.empty() || name.find('/') != std::string::npos || name.ends_with(".yaml"))
    return {std::move(found), name, ""};
  const std::vector<std::string> known = list_presets(SectionKind::framework, search, files);
  const Release wanted = release_of(name);
  if (const auto taken = nearest(wanted, known)) {
    found = find_preset(taken->name, SectionKind::framework, directory, search, files);
    return {std::move(found), taken->name, note_on(wanted, *taken)};
  }
  if (!known.empty())
    found.error = fmt::format("no framework is named {}{}; known: {}", quote(name),
                              hint(name, known), fmt::join(known, ", "));
  return {std::move(found), name, ""};
}

}  // namespace moesim
