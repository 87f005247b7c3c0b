// Finds what a launch script would run, without running anything: variables, arrays, conditions,
// loops and functions of bash are followed, commands are written down. What only the machine knows
// (files, the output of programs, variables of its environment) is unknown: a condition on it is
// neither true nor false, and its branches are not taken.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "foreign/shell_syntax.hpp"

namespace moesim {

struct ShellCommand {
  std::vector<MarkedText> words;  // expanded
  MarkedText heredoc;             // what it reads, where that stands in the script
};

enum class Truth { no, yes, unknown };

class Shell {
 public:
  // `given`: variables that win over what the script sets; "1", "2", ... are its arguments.
  Shell(std::string file, std::map<std::string, std::string> given, Problems& problems);

  // Adds the commands that the text runs, nested scripts in words and here-documents apart.
  void run(const MarkedText& text);

  const std::vector<ShellCommand>& commands() const { return commands_; }
  // "" where nobody set it.
  std::string variable(const std::string& name) const;
  // Conditions that were left undecided: "condition of line 12".
  const std::vector<std::string>& notes() const { return notes_; }

  // The words of a text after expansion, with quotes taken off; one in double quotes where `split`
  // is false.
  std::vector<MarkedText> expand(const MarkedText& raw, bool split = true);

 private:
  using Values = std::vector<MarkedText>;
  struct Expansion {
    std::vector<MarkedText> fields;
    MarkedText field;
    bool has_field = false;  // also an empty one: ""
  };

  Truth run_list(const ShellList& list);
  Truth run_node(const ShellNode& node);
  Truth run_command(const ShellNode& node);
  Truth run_builtin(const std::vector<MarkedText>& words, const ShellNode& node);
  Truth run_branch(const ShellNode& node);
  Truth run_loop(const ShellNode& node);
  Truth run_each(const ShellNode& node);
  Truth run_choice(const ShellNode& node);
  Truth call(const ShellNode& function, const std::vector<MarkedText>& words);
  bool assign(const MarkedText& word);  // whether the word is an assignment
  void set(const std::string& name, Values values, bool append);

  void expand_unit(const MarkedText& raw, size_t& at, bool quoted, bool split, Expansion& out);
  void expand_double(const MarkedText& raw, size_t begin, size_t end, bool split, Expansion& out);
  Values parameter(const MarkedText& inside, int place, bool& all);
  Values lookup(const std::string& name, int place);
  MarkedText substitute(const MarkedText& command, int place);
  MarkedText calculate(const MarkedText& raw);
  void add_values(const Values& values, bool quoted, bool split, bool apart, Expansion& out);

  Truth test(const std::vector<MarkedText>& words, bool patterns);
  bool tick(int line);

  std::string file_;
  Problems& problems_;
  std::map<std::string, Values> variables_;
  std::map<std::string, bool> fixed_;  // given from outside
  std::vector<Values> arguments_;      // of the script, and of the functions being called
  std::map<std::string, std::shared_ptr<ShellNode>> functions_;
  std::vector<ShellCommand> commands_;
  std::vector<std::string> notes_;
  int steps_ = 0, depth_ = 0, nested_ = 0;
  bool exited_ = false, returned_ = false;
  int broken_ = 0;  // loops to leave
  bool continued_ = false;
};

// Whether `text` is what the pattern of a shell describes: * ? [abc].
bool matches_pattern(std::string_view text, std::string_view pattern);

// The value of an arithmetic expression of a shell; `value` returns that of a variable. Nothing
// where it cannot be computed.
struct Arithmetic {
  bool known = false;
  long long value = 0;
};
Arithmetic evaluate_arithmetic(std::string_view expression,
                               const std::function<Arithmetic(const std::string&)>& value);

}  // namespace moesim
