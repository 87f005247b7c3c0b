// The readers of files and texts that people write, each as a function of bytes: it may refuse them
// with an InputError, and nothing else.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace moesim {

struct FuzzTarget {
  const char* name;
  void (*read)(const std::string& text);
  // Files of the source tree that are read soundly, from which damaged ones are made; a folder
  // stands for the files in it that end so.
  const char* seeds;
  const char* ending;
};

std::span<const FuzzTarget> fuzz_targets();

}  // namespace moesim
