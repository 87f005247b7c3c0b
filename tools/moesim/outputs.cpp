#include "outputs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/diagnostics.hpp"
#include "base/text.hpp"

namespace moesim {

namespace {

namespace fs = std::filesystem;

std::string writable(const fs::path& path, int how) {
  return access(path.c_str(), how) == 0
             ? ""
             : fmt::format("cannot be written: {}", std::strerror(errno));
}

fs::path folder_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

// Why no file can be created in the folder; "" when one can.
std::string folder_fault(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored))
    return fmt::format("there is no folder {}", quote(folder.string()));
  if (!fs::is_directory(folder, ignored))
    return fmt::format("{} is no folder", quote(folder.string()));
  return writable(folder, W_OK | X_OK);
}

std::string fault(const Output& output) {
  std::error_code ignored;
  fs::path path = output.path;
  if (output.kind == Output::Kind::file) {
    if (fs::is_directory(path, ignored)) return "is a folder: expected the name of a file";
    return fs::exists(path, ignored) ? writable(path, W_OK) : folder_fault(folder_of(path));
  }
  while (!fs::exists(path, ignored) && path != folder_of(path)) path = folder_of(path);
  return folder_fault(path);
}

}  // namespace

void check_outputs(std::initializer_list<Output> outputs) {
  Problems problems;
  for (const Output& output : outputs) {
    if (output.path.empty()) continue;
    const std::string message = fault(output);
    if (!message.empty())
      problems.add({fmt::format("{} {}", output.option, output.path)}, "", message);
  }
  if (!problems.empty()) throw InputError(problems);
}

}  // namespace moesim
