#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include "base/text.hpp"
#include "foreign/shell.hpp"

namespace moesim {
namespace {

constexpr size_t kMostText = size_t{1} << 20;  // of one word; no launch script comes near it
constexpr int kMostNested = 200;               // expansions in one another
constexpr int kMostSeq = 10'000;
constexpr size_t kMostFields = 100'000;

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

MarkedText joined(const std::vector<MarkedText>& values) {
  MarkedText all;
  for (const MarkedText& value : values) {
    if (&value != &values.front()) all.add(' ', value.place(0));
    all.add(value);
  }
  return all;
}

// ${X%pattern} and its kin: the part that stays.
MarkedText stripped(const MarkedText& value, const std::string& pattern, bool front, bool longest) {
  const size_t size = value.size();
  for (size_t step = 0; step <= size; ++step) {
    const size_t taken = longest ? size - step : step;
    const size_t begin = front ? 0 : size - taken;
    if (matches_pattern(std::string_view(value.text).substr(begin, taken), pattern))
      return front ? value.part(taken, size) : value.part(0, size - taken);
  }
  return value;
}

MarkedText replaced(const MarkedText& value, const std::string& what, const MarkedText& with,
                    bool every) {
  MarkedText out;
  bool done = what.empty();
  for (size_t at = 0; at < value.size();) {
    if (!done && value.text.compare(at, what.size(), what) == 0) {
      out.add(with);
      at += what.size();
      done = !every;
      continue;
    }
    out.add(value.text[at], value.places[at]);
    ++at;
  }
  return out;
}

}  // namespace

// Adds values to the word that is being built. Those of an array in quotes are words of their own
// (`apart`); a plain one is cut at blanks (`split`).
void Shell::add_values(const Values& values, bool quoted, bool split, bool apart, Expansion& out) {
  const auto finish = [&] {
    if (out.has_field) out.fields.push_back(std::exchange(out.field, {}));
    out.has_field = false;
  };
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && split && (!quoted || apart))
      finish();
    else if (i > 0)
      out.field.add(' ', values[i].place(0));
    if (quoted || !split) {
      out.field.add(values[i]);
      out.has_field = true;
      continue;
    }
    for (size_t at = 0; at < values[i].size(); ++at) {
      if (is_space(values[i].text[at])) {
        finish();
        continue;
      }
      const size_t behind = std::max(at + 1, behind_mark(values[i].text, at));
      for (; at < behind; ++at) out.field.add(values[i].text[at], values[i].places[at]);
      --at;
      out.has_field = true;
    }
  }
  if (out.fields.size() > kMostFields && !exited_) {
    problems_.add({file_, 1, 1}, "", fmt::format("a list of more than {} words", kMostFields));
    exited_ = true;
    out.fields.clear();
  }
  if (out.field.size() > kMostText) {
    problems_.add({file_, out.field.line(0), out.field.column(0)}, "",
                  "a word of more than a megabyte");
    exited_ = true;
    out.field = {};
  }
}

Shell::Values Shell::lookup(const std::string& name, int place) {
  const Values& arguments = arguments_.back();
  if (name == "@" || name == "*") return arguments;
  if (name == "#") return {{std::to_string(arguments.size()), place}};
  if (name == "?") return {{"0", place}};
  if (name == "$" || name == "!" || name == "-") return {{"1", place}};
  if (name == "0") return {{file_, place}};
  if (std::isdigit(static_cast<unsigned char>(name[0]))) {
    const size_t number = name.size() > 4 ? 0 : static_cast<size_t>(std::stoi(name));
    if (number > 0 && number <= arguments.size()) return {arguments[number - 1]};
  }
  const auto found = variables_.find(name);
  if (found != variables_.end()) return found->second;
  if (name == "PWD") return {{".", place}};
  return {unknown_value(name, place)};
}

// The value of ${inside}; `all` is set where it is that of a whole array, [@].
Shell::Values Shell::parameter(const MarkedText& inside, int place, bool& all) {
  const std::string& s = inside.text;
  size_t at = 0;
  const bool length = s.size() > 1 && s[0] == '#';
  const bool indirect = s.size() > 1 && s[0] == '!';
  if (length || indirect) ++at;
  const size_t begin = at;
  if (at < s.size() && std::string_view("@*#?$!-").find(s[at]) != std::string_view::npos) ++at;
  while (at < s.size() && is_name(s[at])) ++at;
  std::string name = s.substr(begin, at - begin);
  if (name.empty()) return {unknown_value(s, place)};
  if (indirect) name = without_marks(joined(lookup(name, place)).text);
  if (name.empty()) return {unknown_value(s, place)};
  Values values = lookup(name, place);
  all = name == "@";
  const bool positional = name == "@" || name == "*";
  if (at < s.size() && s[at] == '[') {
    const size_t close = s.find(']', at);
    if (close == std::string::npos) return {unknown_value(s, place)};
    const std::string index = s.substr(at + 1, close - at - 1);
    at = close + 1;
    all = index == "@";
    if (!all && index != "*") {
      const MarkedText number = calculate(inside.part(close - index.size(), close));
      const std::string& text = number.text;
      const size_t i = text.size() < 7 && !text.empty() && std::isdigit(text[0])
                           ? static_cast<size_t>(std::stoi(text))
                           : values.size();
      values = i < values.size() ? Values{values[i]} : Values{unknown_value(s, place)};
    } else if (length) {
      const bool none = values.size() == 1 && is_unknown(values[0].text);
      return {{std::to_string(none ? 0 : values.size()), place}};
    }
  } else if (!positional && values.size() > 1) {
    values.resize(1);
  }
  if (length) return {{std::to_string(without_marks(joined(values).text).size()), place}};
  if (at >= s.size()) return values;

  const auto rest = [&](size_t from) {
    return expand(inside.part(std::min(from, s.size()), s.size()), false)[0];
  };
  const bool empty = without_marks(joined(values).text).empty();
  const auto declared = variables_.find(name);
  const bool is_set = !empty || (declared != variables_.end() && !is_unknown(joined(values).text));
  const bool colon = s[at] == ':';
  const char op = colon && at + 1 < s.size() ? s[at + 1] : s[at];
  const bool there = colon ? !empty : is_set;
  if (op == '-' || op == '=') {
    if (there) return values;
    const MarkedText value = rest(at + 1 + colon);
    if (op == '=') set(name, {value}, false);
    return {value};
  }
  if (op == '+') return {there ? rest(at + 1 + colon) : MarkedText{}};
  if (op == '?') return values;
  const auto each = [&](auto change) {
    for (MarkedText& value : values) value = change(value);
    return values;
  };
  if (s[at] == '%' || s[at] == '#') {
    const bool longest = at + 1 < s.size() && s[at + 1] == s[at];
    const std::string pattern = without_marks(rest(at + 1 + longest).text);
    return each(
        [&](const MarkedText& value) { return stripped(value, pattern, s[at] == '#', longest); });
  }
  if (s[at] == '/') {
    const bool every = at + 1 < s.size() && s[at + 1] == '/';
    const size_t from = at + 1 + every, slash = s.find('/', from + 1);
    const size_t end = slash == std::string::npos ? s.size() : slash;
    Expansion what;
    expand_double(inside, std::min(from, end), end, false, what);
    const MarkedText with = end < s.size() ? rest(end + 1) : MarkedText{};
    return each([&](const MarkedText& value) {
      return replaced(value, without_marks(what.field.text), with, every);
    });
  }
  if (s[at] == ',' || s[at] == '^') {
    for (MarkedText& value : values)
      for (char& c : value.text) {
        const auto u = static_cast<unsigned char>(c);
        c = static_cast<char>(s[at] == ',' ? std::tolower(u) : std::toupper(u));
      }
    return values;
  }
  if (colon) {  // ${X:from:length}
    const size_t second = s.find(':', at + 1);
    const size_t end = second == std::string::npos ? s.size() : second;
    const auto number = [&](size_t from, size_t to, size_t otherwise) {
      const std::string text = calculate(inside.part(from, to)).text;
      return !text.empty() && text.size() < 8 && std::isdigit(text[0])
                 ? static_cast<size_t>(std::stoi(text))
                 : otherwise;
    };
    const size_t from = number(at + 1, end, kMostText);
    const size_t count = end < s.size() ? number(end + 1, s.size(), kMostText) : kMostText;
    if (all || positional) {
      const size_t skip = positional && from > 0 ? from - 1 : from;
      Values some;
      for (size_t i = skip; i < values.size() && i - skip < count; ++i) some.push_back(values[i]);
      return some;
    }
    return each([&](const MarkedText& value) {
      const size_t start = std::min(from, value.size());
      return value.part(start, start + std::min(count, value.size() - start));
    });
  }
  return {unknown_value(s, place)};
}

MarkedText Shell::calculate(const MarkedText& raw) {
  Expansion out;
  expand_double(raw, 0, raw.size(), false, out);
  const int place = raw.place(0);
  if (is_unknown(out.field.text)) return unknown_value("$((" + with_names(raw.text) + "))", place);
  std::function<Arithmetic(const std::string&)> value = [&](const std::string& name) -> Arithmetic {
    const std::string text = joined(lookup(name, place)).text;
    if (text.empty()) return {true, 0};
    if (is_unknown(text) || depth_ > 40 || !tick(raw.line(0))) return {};
    ++depth_;
    const Arithmetic inside = evaluate_arithmetic(text, value);
    --depth_;
    return inside;
  };
  const Arithmetic result = evaluate_arithmetic(out.field.text, value);
  if (!result.known) return unknown_value("$((" + with_names(raw.text) + "))", place);
  return {std::to_string(result.value), place};
}

// Returns what a command prints, where that follows from its words alone.
MarkedText Shell::substitute(const MarkedText& command, int place) {
  const std::string shown(trim(command.text));
  const MarkedText unknown = unknown_value("$(" + with_names(shown) + ")", place);
  Problems ignored;
  if (depth_ > 40) return unknown;
  const ShellList list = parse_shell(command, file_, ignored);
  if (!ignored.empty() || list.size() != 1 || list[0]->kind != ShellNode::Kind::command)
    return unknown;
  ++depth_;
  std::vector<MarkedText> words;
  for (const MarkedText& raw : list[0]->words)
    for (MarkedText& word : expand(raw)) words.push_back(std::move(word));
  --depth_;
  if (words.empty()) return {};
  const std::string& name = words[0].text;
  namespace fs = std::filesystem;
  if (name == "pwd") return {".", place};
  if (name == "echo") {
    words.erase(words.begin());
    while (!words.empty() && (words[0].text == "-n" || words[0].text == "-e"))
      words.erase(words.begin());
    return joined(words);
  }
  if (name == "expr" && words.size() > 1) {
    words.erase(words.begin());
    return calculate(joined(words));
  }
  if ((name == "dirname" || name == "basename" || name == "readlink" || name == "realpath") &&
      words.size() > 1 && !is_unknown(words.back().text)) {
    const fs::path path(words.back().text);
    if (name == "basename") return {path.filename().string(), place};
    if (name != "dirname") return words.back();
    return {path.parent_path().empty() ? "." : path.parent_path().string(), place};
  }
  if (name == "seq" && words.size() > 1) {
    const auto number = [&](size_t i) {
      return evaluate_arithmetic(words[i].text, [](const std::string&) { return Arithmetic{}; });
    };
    const Arithmetic first = words.size() > 2 ? number(1) : Arithmetic{true, 1};
    const Arithmetic last = number(words.size() - 1);
    if (!first.known || !last.known) return unknown;
    std::string text;
    if (last.value < first.value) return {text, place};
    // Unsigned: the distance of two 64-bit numbers.
    const auto steps =
        static_cast<unsigned long long>(last.value) - static_cast<unsigned long long>(first.value);
    if (steps > static_cast<unsigned long long>(kMostSeq)) return unknown;
    for (long long i = 0; i <= static_cast<long long>(steps); ++i)
      text += fmt::format("{}\n", first.value + i);
    return {text, place};
  }
  return unknown;
}

// One unit at `at`: a quoted text, an expansion, an escape or a character.
void Shell::expand_unit(const MarkedText& raw, size_t& at, bool quoted, bool split,
                        Expansion& out) {
  const std::string& s = raw.text;
  const size_t end = std::min(behind_unit(raw, at, quoted), s.size());
  const char c = s[at];
  const int place = raw.place(at);
  const auto plain = [&](size_t from, size_t to) {
    for (; from < to; ++from) out.field.add(s[from], raw.places[from]);
    out.has_field = true;
  };
  if (c == '\\' && end == at + 2) {
    const bool keeps =
        quoted && std::string_view("$`\"\\\n").find(s[at + 1]) == std::string_view::npos;
    if (s[at + 1] != '\n') plain(keeps ? at : at + 1, end);
  } else if (c == '\'' && !quoted && end > at + 1) {
    plain(at + 1, end - 1);
  } else if (c == '"' && !quoted && end > at + 1) {
    out.has_field = true;
    expand_double(raw, at + 1, end - 1, split, out);
  } else if (c == '`' && end > at + 1) {
    add_values({substitute(raw.part(at + 1, end - 1), place)}, quoted, split, false, out);
  } else if (c == '$' && s.compare(at, 3, "$((") == 0 && end > at + 4 && s[end - 2] == ')') {
    add_values({calculate(raw.part(at + 3, end - 2))}, quoted, split, false, out);
  } else if (c == '$' && end > at + 2 && s[at + 1] == '(') {
    add_values({substitute(raw.part(at + 2, end - 1), place)}, quoted, split, false, out);
  } else if (c == '$' && end > at + 1) {
    bool all = false;
    const bool braces = s[at + 1] == '{';
    const MarkedText inside =
        braces ? raw.part(at + 2, std::max(at + 2, end - 1)) : raw.part(at + 1, end);
    const Values values = parameter(inside, place, all);
    add_values(values, quoted, split, all, out);
  } else {
    plain(at, end);
  }
  at = end;
}

void Shell::expand_double(const MarkedText& raw, size_t begin, size_t end, bool split,
                          Expansion& out) {
  const MarkedText inside = raw.part(begin, end);
  if (++nested_ < kMostNested)
    for (size_t at = 0; at < inside.size();) expand_unit(inside, at, true, split, out);
  --nested_;
}

std::vector<MarkedText> Shell::expand(const MarkedText& raw, bool split) {
  Expansion out;
  if (++nested_ < kMostNested)
    for (size_t at = 0; at < raw.size();) expand_unit(raw, at, false, split, out);
  --nested_;
  if (out.has_field || !split) out.fields.push_back(std::move(out.field));
  return std::move(out.fields);
}

}  // namespace moesim
