#include "foreign/shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.hpp"

namespace moesim {
namespace {

constexpr int kMostSteps = 200'000;  // commands, loops and calls of one script
constexpr int kMostDepth = 50;

// The length of NAME in "NAME=...", "NAME+=..." or "NAME[i]=..."; 0 without an assignment.
size_t assigned_name(std::string_view word) {
  size_t at = 0;
  while (at < word.size() &&
         (std::isalnum(static_cast<unsigned char>(word[at])) || word[at] == '_'))
    ++at;
  if (at == 0 || std::isdigit(static_cast<unsigned char>(word[0]))) return 0;
  const std::string_view rest = word.substr(at);
  return rest.starts_with("=") || rest.starts_with("+=") ? at : 0;
}

bool declares(std::string_view word) {
  return word == "export" || word == "declare" || word == "local" || word == "readonly" ||
         word == "typeset";
}

}  // namespace

Shell::Shell(std::string file, std::map<std::string, std::string> given, Problems& problems)
    : file_(std::move(file)), problems_(problems) {
  Values arguments;
  for (const auto& [name, value] : given) {
    if (!name.empty() &&
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); }) &&
        name.size() < 4) {
      const auto number = static_cast<size_t>(std::stoi(name));
      while (arguments.size() < number)
        arguments.push_back(unknown_value(std::to_string(arguments.size() + 1), 0));
      if (number > 0) arguments[number - 1] = {value, 0};
      continue;
    }
    variables_[name] = {{value, 0}};
    fixed_[name] = true;
  }
  arguments_.push_back(std::move(arguments));
}

void Shell::run(const MarkedText& text) {
  if (++depth_ <= kMostDepth) run_list(parse_shell(text, file_, problems_));
  --depth_;
}

std::string Shell::variable(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() || found->second.empty() ? "" : found->second[0].text;
}

bool Shell::tick(int line) {
  if (++steps_ == kMostSteps)
    problems_.add({file_, line, 1}, "",
                  fmt::format("the script takes more than {} steps", kMostSteps));
  return steps_ < kMostSteps && !exited_;
}

void Shell::set(const std::string& name, Values values, bool append) {
  if (fixed_.count(name)) return;
  Values& variable = variables_[name];
  if (!append) {
    variable = std::move(values);
    return;
  }
  variable.insert(variable.end(), values.begin(), values.end());
}

bool Shell::assign(const MarkedText& word) {
  const size_t length = assigned_name(word.text);
  if (length == 0) return false;
  const std::string name = word.text.substr(0, length);
  const bool append = word.text[length] == '+';
  const size_t begin = length + 1 + append;
  const MarkedText raw = word.part(begin, word.size());
  if (raw.text.starts_with('(') && raw.text.ends_with(')')) {
    Values values;
    Problems ignored;
    // The inside of an array is words: those of a command.
    MarkedText inside = raw.part(1, raw.size() - 1);
    bool start = true;
    MarkedText element;
    for (size_t at = 0; at <= inside.size();) {
      const bool end = at == inside.size();
      const char c = end ? ' ' : inside.text[at];
      if (c == '#' && start) {
        at = std::min(inside.text.find('\n', at), inside.size());
        continue;
      }
      const bool blank =
          std::isspace(static_cast<unsigned char>(c)) || inside.text.compare(at, 2, "\\\n") == 0;
      if (blank) {
        for (MarkedText& value : expand(element)) values.push_back(std::move(value));
        element = {};
        start = true;
        at += c == '\\' ? 2 : 1;
        continue;
      }
      const size_t behind = std::min(behind_unit(inside, at), inside.size());
      element.add(inside.part(at, behind));
      start = false;
      at = behind;
    }
    const auto before = variables_.find(name);
    const bool empty =
        before == variables_.end() || (before->second.size() == 1 && before->second[0].empty());
    set(name, std::move(values), append && !empty);
    return true;
  }
  MarkedText value = expand(raw, false)[0];
  if (append) {
    const auto before = variables_.find(name);
    MarkedText all =
        before == variables_.end() || before->second.empty() ? MarkedText{} : before->second[0];
    all.add(value);
    value = std::move(all);
  }
  set(name, {std::move(value)}, false);
  return true;
}

Truth Shell::run_list(const ShellList& list) {
  Truth status = Truth::yes;
  for (const auto& node : list) {
    if (exited_ || returned_ || broken_ > 0 || continued_) break;
    status = run_node(*node);
  }
  return status;
}

Truth Shell::run_node(const ShellNode& node) {
  using Kind = ShellNode::Kind;
  if (!tick(node.line)) return Truth::unknown;
  switch (node.kind) {
    case Kind::command:
      return run_command(node);
    case Kind::list:
      return run_list(node.body);
    case Kind::branch:
      return run_branch(node);
    case Kind::loop:
    case Kind::count:
      return run_loop(node);
    case Kind::each:
      return run_each(node);
    case Kind::choice:
      return run_choice(node);
    case Kind::function:
      if (!node.words.empty()) functions_[node.words[0].text] = std::make_shared<ShellNode>(node);
      return Truth::yes;
    case Kind::condition: {
      std::vector<MarkedText> words;
      for (const MarkedText& raw : node.words) words.push_back(expand(raw, false)[0]);
      return test(words, true);
    }
    case Kind::arithmetic: {
      const std::string value = calculate(node.words[0]).text;
      if (is_unknown(value)) return Truth::unknown;
      return value == "0" ? Truth::no : Truth::yes;
    }
    case Kind::pipeline: {
      Truth status = Truth::yes;
      for (const auto& part : node.body) status = run_node(*part);
      if (!node.negated || status == Truth::unknown) return status;
      return status == Truth::yes ? Truth::no : Truth::yes;
    }
    case Kind::and_or: {
      Truth status = run_node(*node.body[0]);
      for (size_t i = 1; i < node.body.size(); ++i)
        if (status == (node.joins[i - 1] ? Truth::yes : Truth::no))
          status = run_node(*node.body[i]);
      return status;
    }
  }
  return Truth::unknown;
}

Truth Shell::run_branch(const ShellNode& node) {
  size_t i = 0;
  bool known = true;
  for (; i + 1 < node.body.size(); i += 2) {
    const Truth truth = run_node(*node.body[i]);
    if (truth == Truth::yes) return run_node(*node.body[i + 1]);
    if (truth == Truth::unknown && known)
      notes_.push_back(fmt::format("{}:{}: a condition that only the machine can decide", file_,
                                   node.body[i]->line));
    known = known && truth == Truth::no;
  }
  // Behind an unknown condition neither side is taken.
  if (i < node.body.size() && known) return run_node(*node.body[i]);
  return Truth::yes;
}

Truth Shell::run_loop(const ShellNode& node) {
  const bool counts = node.kind == ShellNode::Kind::count;
  const auto arithmetic = [&](const MarkedText& raw) {
    // i=0, i++ and i<N are what such loops are made of.
    const std::string text(trim(raw.text));
    const size_t length = assigned_name(text);
    if (length > 0 && text.compare(length, 2, "==") != 0) {
      set(text.substr(0, length), {calculate({text.substr(length + 1), raw.place(0)})}, false);
    } else if (text.ends_with("++") || text.starts_with("++")) {
      const std::string name(
          trim(text.ends_with("++") ? text.substr(0, text.size() - 2) : text.substr(2)));
      set(name, {calculate({name + "+1", raw.place(0)})}, false);
    } else {
      const std::string value = calculate(raw).text;
      return !is_unknown(value) && value != "0";
    }
    return true;
  };
  if (counts) arithmetic(node.words[0]);
  while (tick(node.line) && !returned_) {
    if (counts) {
      if (!arithmetic(node.words[1])) break;
    } else {
      const Truth truth = run_node(*node.body[0]);
      if (truth != (node.negated ? Truth::no : Truth::yes)) break;
    }
    run_node(*node.body.back());
    continued_ = false;
    if (broken_ > 0) {
      --broken_;
      break;
    }
    if (counts) arithmetic(node.words[2]);
  }
  return Truth::yes;
}

Truth Shell::run_each(const ShellNode& node) {
  Values values;
  if (!node.has_in) values = arguments_.back();
  for (size_t i = 1; i < node.words.size(); ++i)
    for (MarkedText& word : expand(node.words[i])) values.push_back(std::move(word));
  for (MarkedText& value : values) {
    if (!tick(node.line) || returned_) break;
    set(node.words[0].text, {std::move(value)}, false);
    run_node(*node.body[0]);
    continued_ = false;
    if (broken_ > 0) {
      --broken_;
      break;
    }
  }
  return Truth::yes;
}

Truth Shell::run_choice(const ShellNode& node) {
  const std::string value = without_marks(expand(node.words[0], false)[0].text);
  for (size_t i = 0; i < node.body.size(); ++i)
    for (const MarkedText& pattern : node.patterns[i])
      if (matches_pattern(value, without_marks(expand(pattern, false)[0].text)))
        return run_node(*node.body[i]);
  return Truth::yes;
}

Truth Shell::call(const ShellNode& function, const std::vector<MarkedText>& words) {
  if (depth_ > kMostDepth) return Truth::unknown;
  const auto body = function.body[0];  // the function may be defined anew while it runs
  ++depth_;
  arguments_.emplace_back(words.begin() + 1, words.end());
  const Truth status = run_node(*body);
  arguments_.pop_back();
  returned_ = false;
  --depth_;
  return status;
}

Truth Shell::run_command(const ShellNode& node) {
  size_t first = 0;
  while (first < node.words.size() && assign(node.words[first])) ++first;
  if (first == node.words.size()) return Truth::yes;
  std::vector<MarkedText> words;
  const bool declaration = declares(node.words[first].text);
  for (size_t i = first; i < node.words.size(); ++i) {
    if (declaration && i > first && assign(node.words[i])) continue;
    for (MarkedText& word : expand(node.words[i])) words.push_back(std::move(word));
  }
  if (words.empty()) return Truth::yes;
  return run_builtin(words, node);
}

Truth Shell::run_builtin(const std::vector<MarkedText>& words, const ShellNode& node) {
  const std::string& name = words[0].text;
  const std::string second = words.size() > 1 ? without_marks(words[1].text) : "";
  if (name == "[" || name == "test") {
    std::vector<MarkedText> inside(words.begin() + 1, words.end());
    if (name == "[" && !inside.empty() && inside.back().text == "]") inside.pop_back();
    return test(inside, false);
  }
  if (const auto function = functions_.find(name); function != functions_.end())
    return call(*std::shared_ptr<ShellNode>(function->second), words);
  if (name == "true" || name == ":" || declares(name) || name == "set" || name == "cd" ||
      name == "mkdir" || name == "sleep" || name == "printf" || name == "ulimit")
    return Truth::yes;
  if (name == "echo") return Truth::yes;
  if (name == "false") return Truth::no;
  if (name == "unset") {
    for (size_t i = 1; i < words.size(); ++i)
      if (!fixed_.count(words[i].text)) variables_.erase(words[i].text);
    return Truth::yes;
  }
  if (name == "exit") {
    // A script that gives up misses something that this machine does not have either.
    if (second.empty() || second == "0")
      exited_ = true;
    else
      notes_.push_back(fmt::format("{}:{}: exit {} is passed over", file_, node.line, second));
    return Truth::yes;
  }
  if (name == "return") {
    returned_ = arguments_.size() > 1;
    return second.empty() || second == "0" ? Truth::yes : Truth::no;
  }
  if (name == "break") {
    broken_ = 1;
    return Truth::yes;
  }
  if (name == "continue") {
    continued_ = true;
    return Truth::yes;
  }
  if (name == "shift") {
    Values& arguments = arguments_.back();
    const size_t count =
        second.empty() || !std::isdigit(static_cast<unsigned char>(second[0])) || second.size() > 4
            ? 1
            : static_cast<size_t>(std::stoi(second));
    if (count > arguments.size()) return Truth::no;
    arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(count));
    return Truth::yes;
  }
  if (name == "eval") {
    MarkedText all;
    for (size_t i = 1; i < words.size(); ++i) {
      if (i > 1) all.add(' ', words[i].place(0));
      all.add(words[i]);
    }
    run(all);
    return Truth::unknown;
  }
  commands_.push_back({words, node.heredoc});
  if (!node.heredoc.empty() && !node.quoted_heredoc) {
    Expansion out;
    expand_double(node.heredoc, 0, node.heredoc.size(), false, out);
    commands_.back().heredoc = std::move(out.field);
  }
  return Truth::unknown;
}

}  // namespace moesim
