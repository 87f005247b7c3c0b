// Scripts written as text, and the commands that they would run.
#pragma once

#include <map>
#include <string>

#include "catch.hpp"
#include "foreign/shell.hpp"

namespace moesim {

// Words in brackets, marks as names, a command a line.
inline std::string commands(const std::string& text,
                            std::map<std::string, std::string> given = {}) {
  Problems problems;
  Shell shell("launch.sh", std::move(given), problems);
  shell.run(numbered(text));
  REQUIRE(problems.text() == "");
  std::string all;
  for (const ShellCommand& command : shell.commands()) {
    for (const MarkedText& word : command.words) all += "[" + with_names(word.text) + "]";
    all += "\n";
  }
  return all;
}

}  // namespace moesim
