// Input errors are values with a place. A reader adds every problem it meets and goes on, so that a
// user sees all of them at once; whoever needs a sound result then throws the collection as one
// InputError (exit code 2).
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace moesim {

// Where in an input something stands. Lines and columns count from 1; 0 means "the file as a
// whole".
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Problem {
  Place place;
  std::string path;  // dotted key, e.g. "plan.tp"; empty when no key is concerned
  std::string message;
};

// "file:line:column: path: message", leaving out the parts that are not known.
std::string to_string(const Problem& problem);

class Problems {
 public:
  void add(Place place, std::string path, std::string message);
  bool empty() const { return items_.empty(); }
  const std::vector<Problem>& items() const { return items_; }
  // One problem a line, in the order found.
  std::string text() const;

 private:
  std::vector<Problem> items_;
};

// Bad usage or input: the program prints what() and exits with code 2.
class InputError : public std::exception {
 public:
  explicit InputError(Problems problems);
  explicit InputError(const std::string& message);
  const char* what() const noexcept override { return text_.c_str(); }
  const Problems& problems() const { return problems_; }

 private:
  Problems problems_;
  std::string text_;
};

// The run itself failed (a graph that cannot progress, a simulator that gave up): exit code 1.
class RunError : public std::exception {
 public:
  explicit RunError(std::string message) : text_(std::move(message)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace moesim
