// Whether outputs can be written, asked before anything is simulated for them.
#pragma once

#include <initializer_list>
#include <string>

namespace moesim {

struct Output {
  enum class Kind {
    file,
    folder
  };  // a folder is created where it is missing, that of a file is not
  Kind kind;
  const char* option;  // as the user gives it: "--trace"
  std::string path;    // empty: not asked for
};

// Throws InputError with all that cannot be written. Creates nothing.
void check_outputs(std::initializer_list<Output> outputs);

}  // namespace moesim
