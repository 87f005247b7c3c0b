#include "foreign/shell_syntax.hpp"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/text.hpp"

namespace moesim {
namespace {

using Kind = ShellNode::Kind;
using Node = std::shared_ptr<ShellNode>;

constexpr int kMostDepth = 100;

bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

class ShellParser {
 public:
  ShellParser(const MarkedText& text, const std::string& file, Problems& problems)
      : s_(text), file_(file), problems_(problems) {}

  ShellList all() {
    ShellList list = parse_list({});
    if (!failed_ && at_ < s_.size()) fail("unexpected " + quote(s_.text.substr(at_, 1)));
    return list;
  }

 private:
  struct Heredoc {
    Node command;
    std::string end;
    bool strips_tabs;
  };

  bool done() const { return at_ >= s_.size() || failed_; }
  char here(size_t more = 0) const { return at_ + more < s_.size() ? s_.text[at_ + more] : '\0'; }
  bool starts(std::string_view with) const {
    return at_ <= s_.size() && s_.text.compare(at_, with.size(), with) == 0;
  }
  int line() const { return s_.line(at_); }
  Place here_place(size_t at) const { return {file_, s_.line(at), s_.column(at)}; }
  void fail(const std::string& message) {
    if (!failed_) problems_.add(here_place(at_), "", message);
    failed_ = true;
  }

  void skip_blanks() {
    while (!done()) {
      if (is_blank(here())) {
        ++at_;
      } else if (starts("\\\n")) {
        at_ += 2;
      } else if (here() == '#') {
        while (!done() && here() != '\n') ++at_;
      } else {
        return;
      }
    }
  }
  void end_line() {
    ++at_;
    for (const Heredoc& heredoc : std::exchange(heredocs_, {})) read_heredoc(heredoc);
  }
  void skip_separators() {
    for (skip_blanks(); !done(); skip_blanks()) {
      if (here() == '\n')
        end_line();
      else if (here() == ';' && here(1) != ';')
        ++at_;
      else if (here() == '&' && here(1) != '&')
        ++at_;
      else
        return;
    }
  }
  void skip_lines() {
    for (skip_blanks(); !done() && here() == '\n'; skip_blanks()) end_line();
  }

  // The unquoted word ahead, "" at anything else; does not move.
  std::string_view ahead() const {
    const size_t begin = std::min(at_, s_.size());  // behind the end after a failure
    size_t end = begin;
    while (end < s_.size() && !std::isspace(static_cast<unsigned char>(s_.text[end])) &&
           std::string_view(";&|<>()").find(s_.text[end]) == std::string_view::npos)
      ++end;
    return std::string_view(s_.text).substr(begin, end - begin);
  }
  bool take(std::string_view word) {
    if (ahead() != word) return false;
    at_ += word.size();
    return true;
  }
  void expect(std::string_view word) {
    skip_separators();
    if (!take(word)) fail("expected \"" + std::string(word) + "\"");
  }

  MarkedText read_word(bool in_condition = false) {
    const size_t begin = std::min(at_, s_.size());
    const std::string_view ends = in_condition ? "" : ";&|<>()";
    while (!done()) {
      const char c = here();
      if (is_blank(c) || c == '\n') break;
      const bool array = c == '(' && at_ > begin && s_.text[at_ - 1] == '=' &&
                         is_name_start(s_.text[begin]) && !in_condition;
      if (array) {
        const Place from = here_place(at_);
        at_ = behind_array();
        if (at_ > s_.size() || s_.text[at_ - 1] != ')')
          problems_.add(from, "", "an array that is not closed"), failed_ = true;
        continue;
      }
      if (ends.find(c) != std::string_view::npos) break;
      step();
    }
    return s_.part(begin, std::min(at_, s_.size()));
  }
  // Behind the bracket that closes an array, in which comments may stand.
  size_t behind_array() const {
    size_t at = at_ + 1;
    for (bool word = false; at < s_.size();) {
      const char c = s_.text[at];
      if (c == ')') return at + 1;
      if (c == '#' && !word) {
        at = std::min(s_.text.find('\n', at), s_.size());
        continue;
      }
      word = !std::isspace(static_cast<unsigned char>(c));
      at = behind_unit(s_, at);
    }
    return at;
  }
  void step() {
    const Place from = here_place(at_);
    const char c = here();
    const size_t behind = behind_unit(s_, at_);
    const bool closes = behind < s_.size() || behind == at_ + 1 ||
                        (behind <= s_.size() && (c == '\\' || is_closed(at_, behind)));
    at_ = std::min(behind, s_.size());
    if (closes) return;
    problems_.add(from, "", fmt_unclosed(c));
    failed_ = true;
  }
  bool is_closed(size_t begin, size_t behind) const {
    if (behind_mark(s_.text, begin) == behind) return true;
    const char c = s_.text[begin], last = s_.text[behind - 1];
    if (c != '$') return last == c;
    const char open = begin + 1 < s_.size() ? s_.text[begin + 1] : '\0';
    return (open != '{' || last == '}') && (open != '(' || last == ')');
  }
  static std::string fmt_unclosed(char c) { return std::string(1, c) + " is not closed"; }

  Node make(Kind kind) const {
    auto node = std::make_shared<ShellNode>();
    node->kind = kind;
    node->line = line();
    return node;
  }
  Node list_until(std::initializer_list<std::string_view> ends) {
    Node list = make(Kind::list);
    list->body = parse_list(ends);
    return list;
  }

  ShellList parse_list(std::initializer_list<std::string_view> ends) {
    ShellList list;
    if (++depth_ > kMostDepth) fail("too deep");
    for (skip_separators(); !done(); skip_separators()) {
      const std::string_view word = ahead();
      if (std::find(ends.begin(), ends.end(), word) != ends.end()) break;
      if (here() == ')' || starts(";;")) break;
      list.push_back(parse_and_or());
    }
    --depth_;
    return list;
  }

  Node parse_and_or() {
    Node first = parse_pipeline();
    Node joined;
    for (skip_blanks(); !done() && (starts("&&") || starts("||")); skip_blanks()) {
      if (!joined) {
        joined = make(Kind::and_or);
        joined->body.push_back(first);
      }
      joined->joins.push_back(starts("&&"));
      at_ += 2;
      skip_lines();
      joined->body.push_back(parse_pipeline());
    }
    return joined ? joined : first;
  }

  Node parse_pipeline() {
    Node line = make(Kind::pipeline);
    skip_blanks();
    while (take("!")) {
      line->negated = !line->negated;
      skip_blanks();
    }
    line->body.push_back(parse_command());
    for (skip_blanks(); !done() && here() == '|' && here(1) != '|'; skip_blanks()) {
      at_ += here(1) == '&' ? 2 : 1;
      skip_lines();
      line->body.push_back(parse_command());
    }
    return line->body.size() == 1 && !line->negated ? line->body[0] : line;
  }

  Node parse_command() {
    if (++depth_ > kMostDepth) {
      fail("too deep");
      return make(Kind::command);
    }
    const Node parsed = parse_known_command();
    --depth_;
    return parsed;
  }

  Node parse_known_command() {
    Node node;
    if (starts("((")) {
      node = parse_arithmetic();
    } else if (here() == '(') {
      ++at_;
      node = list_until({});
      if (here() != ')') fail("expected \")\"");
      ++at_;
    } else if (take("{")) {
      node = list_until({"}"});
      expect("}");
    } else if (take("[[")) {
      node = parse_condition();
    } else if (take("if")) {
      node = parse_if();
    } else if (ahead() == "while" || ahead() == "until") {
      node = make(Kind::loop);
      node->negated = ahead() == "until";
      at_ += 5;
      node->body = {list_until({"do"})};
      parse_do(*node);
    } else if (take("for")) {
      node = parse_for();
    } else if (take("case")) {
      node = parse_case();
    } else if (take("function")) {
      skip_blanks();
      node = make(Kind::function);
      node->words = {read_word()};
      skip_blanks();
      if (starts("()")) at_ += 2;
      parse_function_body(*node);
    } else {
      return parse_simple();
    }
    read_redirections(node);
    return node;
  }

  void parse_do(ShellNode& node) {
    expect("do");
    node.body.push_back(list_until({"done"}));
    expect("done");
  }

  Node parse_arithmetic() {
    Node node = make(Kind::arithmetic);
    const size_t begin = at_ + 2, behind = behind_bracket(s_, at_, '(', ')');
    if (behind < begin + 2) fail("(( is not closed");
    if (failed_) return node;
    node->words = {s_.part(begin, behind - 2)};
    at_ = behind;
    return node;
  }

  Node parse_condition() {
    Node node = make(Kind::condition);
    while (true) {
      skip_blanks();
      while (!done() && here() == '\n') {
        ++at_;
        skip_blanks();
      }
      if (done()) {
        fail("expected \"]]\"");
        return node;
      }
      if (take("]]")) return node;
      const bool regex = !node->words.empty() && node->words.back().text == "=~";
      if (!regex && (starts("&&") || starts("||"))) {
        node->words.push_back(s_.part(at_, at_ + 2));
        at_ += 2;
      } else if (!regex && (here() == '(' || here() == ')')) {
        node->words.push_back(s_.part(at_, at_ + 1));
        ++at_;
      } else {
        node->words.push_back(read_word(true));
      }
    }
  }

  Node parse_if() {
    Node node = make(Kind::branch);
    node->body = {list_until({"then"})};
    expect("then");
    node->body.push_back(list_until({"elif", "else", "fi"}));
    while (take("elif")) {
      node->body.push_back(list_until({"then"}));
      expect("then");
      node->body.push_back(list_until({"elif", "else", "fi"}));
    }
    if (take("else")) node->body.push_back(list_until({"fi"}));
    expect("fi");
    return node;
  }

  Node parse_for() {
    skip_blanks();
    if (starts("((")) {
      Node whole = parse_arithmetic();
      Node node = make(Kind::count);
      if (failed_) return node;
      MarkedText part;
      for (size_t i = 0; i < whole->words[0].size(); ++i) {
        if (whole->words[0].text[i] != ';') {
          part.add(whole->words[0].text[i], whole->words[0].places[i]);
          continue;
        }
        node->words.push_back(std::exchange(part, {}));
      }
      node->words.push_back(part);
      if (node->words.size() != 3) fail("expected for ((a; b; c))");
      parse_do(*node);
      return node;
    }
    Node node = make(Kind::each);
    node->words = {read_word()};
    skip_separators();
    if (take("in")) {
      node->has_in = true;
      for (skip_blanks(); !done() && here() != '\n' && here() != ';'; skip_blanks()) {
        const size_t before = at_;
        node->words.push_back(read_word());
        if (at_ == before) fail("unexpected " + quote(std::string(1, here())));
      }
    }
    parse_do(*node);
    return node;
  }

  Node parse_case() {
    Node node = make(Kind::choice);
    skip_blanks();
    node->words = {read_word()};
    expect("in");
    for (skip_separators(); !done() && !take("esac"); skip_separators()) {
      if (here() == '(') ++at_;
      std::vector<MarkedText> patterns;
      for (skip_blanks(); !done(); skip_blanks()) {
        const size_t before = at_;
        patterns.push_back(read_word());
        skip_blanks();
        if (here() == ')') break;
        if (here() == '|')
          ++at_;
        else if (at_ == before)
          fail("expected \")\" in case");
      }
      ++at_;
      node->patterns.push_back(std::move(patterns));
      node->body.push_back(list_until({"esac"}));
      if (starts(";;")) at_ += starts(";;&") ? 3 : 2;
    }
    return node;
  }

  void parse_function_body(ShellNode& node) {
    skip_lines();
    node.body = {parse_command()};
  }

  Node parse_simple() {
    Node node = make(Kind::command);
    for (skip_blanks(); !done(); skip_blanks()) {
      if (read_redirection(node)) continue;
      if (std::string_view("\n;&|)").find(here()) != std::string_view::npos) break;
      if (here() == '(') {
        if (node->words.size() == 1 && starts("()")) {
          at_ += 2;
          node->kind = Kind::function;
          parse_function_body(*node);
          return node;
        }
        fail("unexpected \"(\"");
        break;
      }
      const size_t before = at_;
      node->words.push_back(read_word());
      if (at_ == before) fail("unexpected " + quote(std::string(1, here())));
    }
    return node;
  }

  void read_redirections(const Node& node) {
    for (skip_blanks(); !done() && read_redirection(node);) skip_blanks();
  }

  // 2>&1, >file, <<EOF, <(command): what a launch script reads or writes is of no interest, but a
  // script that another command reads from it is.
  bool read_redirection(const Node& node) {
    size_t at = at_;
    while (at < s_.size() && std::isdigit(static_cast<unsigned char>(s_.text[at]))) ++at;
    if (at < s_.size() && s_.text[at] == '&' && at + 1 < s_.size() && s_.text[at + 1] == '>') ++at;
    if (at >= s_.size() || (s_.text[at] != '>' && s_.text[at] != '<')) return false;
    at_ = at;
    if (starts("<<<")) {
      at_ += 3;
    } else if (starts("<<")) {
      at_ += 2;
      const bool strips = here() == '-';
      if (strips) ++at_;
      skip_blanks();
      const MarkedText word = read_word();
      std::string end;
      for (const char c : word.text)
        if (c != '\'' && c != '"' && c != '\\') end += c;
      node->has_heredoc = true;
      node->quoted_heredoc = end != word.text;
      heredocs_.push_back({node, end, strips});
      return true;
    } else {
      if (here(1) == '(') {  // <(command)
        at_ = behind_bracket(s_, at_ + 1, '(', ')');
        return true;
      }
      while (here() == '>' || here() == '<' || here() == '&' || here() == '|') ++at_;
    }
    skip_blanks();
    if (here() == '<' && here(1) == '(')
      at_ = behind_bracket(s_, at_ + 1, '(', ')');
    else
      read_word();
    return true;
  }

  void read_heredoc(const Heredoc& heredoc) {
    while (at_ < s_.size()) {
      const size_t end = std::min(s_.text.find('\n', at_), s_.size());
      std::string_view text = std::string_view(s_.text).substr(at_, end - at_);
      while (heredoc.strips_tabs && text.starts_with('\t')) text.remove_prefix(1);
      const size_t begin = end - text.size();
      at_ = std::min(end + 1, s_.size());
      if (text == heredoc.end) return;
      heredoc.command->heredoc.add(s_.part(begin, at_));
    }
  }

  const MarkedText& s_;
  const std::string& file_;
  Problems& problems_;
  size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  std::vector<Heredoc> heredocs_;
};

}  // namespace

ShellList parse_shell(const MarkedText& text, const std::string& file, Problems& problems) {
  return ShellParser(text, file, problems).all();
}

}  // namespace moesim
