// The text of a shell script as a tree of commands: what bash calls its grammar, as far as launch
// scripts use it. Words stay as they were written; expanding them is foreign/shell.hpp's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "foreign/marked_text.hpp"

namespace moesim {

struct ShellNode;
using ShellList = std::vector<std::shared_ptr<ShellNode>>;

struct ShellNode {
  enum class Kind {
    command,     // words, heredoc
    list,        // body: one after the other
    and_or,      // body, joined by `joins`: true: &&
    pipeline,    // body; `negated`
    condition,   // [[ words ]]
    arithmetic,  // (( words[0] ))
    branch,      // if body[0] then body[1] elif body[2] ... else the last
    loop,        // while body[0] do body[1]; `negated`: until
    each,        // for words[0] in the others; body[0]
    count,       // for (( words[0]; words[1]; words[2] )); body[0]
    choice,      // case words[0] in; patterns[i] then body[i]
    function,    // words[0]() body[0]
  };
  Kind kind = Kind::command;
  std::vector<MarkedText> words;
  ShellList body;
  std::vector<bool> joins;
  std::vector<std::vector<MarkedText>> patterns;
  bool negated = false;
  bool has_heredoc = false, quoted_heredoc = false;
  MarkedText heredoc;
  bool has_in = false;  // each: words were listed
  int line = 0;
};

// Every problem (a quote that is not closed, `if` without `fi`) is added with file and line; the
// result is then what came before it.
ShellList parse_shell(const MarkedText& text, const std::string& file, Problems& problems);

// Returns the first place behind the quoted text, expansion or escape that begins at `at`; the
// size of the text where it does not end. Plain characters are one long.
size_t behind_unit(const MarkedText& text, size_t at, bool in_double_quotes = false);
// Returns the place behind the bracket that closes the one at `at`.
size_t behind_bracket(const MarkedText& text, size_t at, char open, char close);

}  // namespace moesim
