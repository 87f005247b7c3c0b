#include "foreign/megatron_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.hpp"
#include "foreign/marked_text.hpp"

namespace moesim {

namespace {
constexpr long long kMostNumber = 2'000'000'000;  // products of two stay whole
}

const LaunchArgument* MegatronReader::find(Names names) const {
  for (const char* name : names)
    if (const LaunchArgument* found = launch_.find(name)) return found;
  return nullptr;
}

std::string MegatronReader::text(Names names) {
  const LaunchArgument* argument = find(names);
  if (!argument || argument->values.empty()) return "";
  const std::string& value = argument->values[0];
  const std::vector<std::string> open = unknowns(value);
  if (open.empty()) return value;
  std::string hints;
  for (const std::string& name : open)
    if (!name.starts_with("$(")) hints += fmt::format(" --var {}=VALUE", name);
  fail(*argument, fmt::format("the value is not known: {}{}", with_names(value),
                              hints.empty() ? "" : "; say" + hints));
  return "";
}

std::optional<long long> MegatronReader::integer(Names names) {
  const std::string value = text(names);
  if (value.empty()) return std::nullopt;
  long long number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  if (whole && number >= 0 && number <= kMostNumber) return number;
  fail(*find(names), "expected a whole number, got " + quote(value));
  return std::nullopt;
}

std::vector<std::string> MegatronReader::words(Names names) {
  const LaunchArgument* argument = find(names);
  std::vector<std::string> all;
  if (!argument || text(names).empty()) return all;
  for (const std::string& value : argument->values)
    for (std::string& word : split(without_marks(value), ", \t\"'[]()"))
      all.push_back(std::move(word));
  return all;
}

std::string MegatronReader::from(const LaunchArgument& argument) {
  return argument.place.line > 0 ? fmt::format("{}, line {}", argument.text(), argument.place.line)
                                 : argument.text();
}

std::string MegatronReader::from(Names names) const {
  if (const LaunchArgument* argument = find(names)) return from(*argument);
  return fmt::format("without --{}", *names.begin());
}

void MegatronReader::fail(const LaunchArgument& argument, const std::string& message) {
  if (failed_.insert(argument.name).second)
    problems_.add(argument.place, "--" + argument.name, message);
}

void MegatronReader::fail(const std::string& message) {
  problems_.add({launch_.file, 0, 0}, "", message);
}

void MegatronReader::not_modelled(const LaunchArgument& argument, const std::string& why) {
  out_.not_modelled.push_back(fmt::format("{}: {}", from(argument), why));
}

namespace {

constexpr size_t kMostItems = 10'000;

class ListReader {
 public:
  explicit ListReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<int>> all() {
    auto list = sum();
    skip();
    return at_ == text_.size() ? list : std::nullopt;
  }

 private:
  using List = std::optional<std::vector<int>>;

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::optional<int> number() {
    skip();
    int value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }
  List sum() {
    List list = product();
    while (list && take('+')) {
      const List more = product();
      if (!more || list->size() + more->size() > kMostItems) return std::nullopt;
      list->insert(list->end(), more->begin(), more->end());
    }
    return list;
  }
  List product() {
    List list = primary();
    while (list && take('*')) {
      const std::optional<int> times = number();
      if (!times || *times < 0 || list->size() * static_cast<size_t>(*times) > kMostItems)
        return std::nullopt;
      const std::vector<int> once = *list;
      list->clear();
      for (int i = 0; i < *times; ++i) list->insert(list->end(), once.begin(), once.end());
    }
    return list;
  }
  List primary() {
    if (++depth_ > 32) return std::nullopt;
    if (take('(')) {
      List inside = sum();
      return take(')') ? inside : std::nullopt;
    }
    if (!take('[')) return std::nullopt;
    std::vector<int> items;
    while (!take(']')) {
      const std::optional<int> item = number();
      if (!item || items.size() >= kMostItems) return std::nullopt;
      items.push_back(*item);
      take(',');
    }
    return items;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::optional<std::vector<int>> python_list(std::string_view text) {
  while (text.size() > 1 && (text.front() == '\'' || text.front() == '"') &&
         text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  return ListReader(text).all();
}

}  // namespace moesim
