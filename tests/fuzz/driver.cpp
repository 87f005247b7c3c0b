// Damages sound inputs at random and gives them to the readers, for a number of inputs or seconds:
//   fuzz [--runs N] [--seconds S] [--seed N] [--out FOLDER] [TARGET]...
// A reader may refuse an input with an InputError. All else (another exception, a signal, a
// sanitizer, ten seconds) ends the program with exit code 1, and leaves the input in the folder.
// The same seed makes the same inputs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/random.hpp"
#include "fuzz/targets.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongest = 1 << 16;  // bytes of an input
constexpr unsigned kHang = 10;        // s

// What a process that dies leaves behind, by functions that a signal handler may call.
struct Current {
  std::string path;
  std::string input;
};
Current current;

void leave_input() {
  const int file = open(current.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  [[maybe_unused]] const auto written = write(file, current.input.data(), current.input.size());
  close(file);
}

void die(int number) {
  leave_input();
  const char message[] = "\nthe reader died or hung; its input: ";
  [[maybe_unused]] auto told = write(STDERR_FILENO, message, sizeof message - 1);
  told = write(STDERR_FILENO, current.path.data(), current.path.size());
  told = write(STDERR_FILENO, "\n", 1);
  _exit(number == SIGALRM ? 1 : 128 + number);
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> seeds_of(const FuzzTarget& target) {
  const fs::path root = fs::path(MOESIM_SOURCE_DIR) / target.seeds;
  std::vector<fs::path> files;
  if (fs::is_directory(root)) {
    for (const auto& entry : fs::directory_iterator(root))
      if (entry.is_regular_file() && entry.path().extension() == target.ending)
        files.push_back(entry.path());
  } else {
    files.push_back(root);
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const fs::path& file : files) seeds.push_back(text_of(file));
  return seeds;
}

class Damage {
 public:
  explicit Damage(uint64_t seed) : random_(seed, {}) {}

  std::string input(const std::vector<std::string>& seeds) {
    std::string text = seeds[below(seeds.size())];
    if (text.size() > 8192) text = some_lines(text);
    for (size_t times = 1 + below(6); times > 0; --times) damage(text, seeds);
    if (text.size() > kLongest) text.resize(kLongest);
    return text;
  }

 private:
  size_t below(size_t end) {
    return end == 0 ? 0 : std::min(end - 1, static_cast<size_t>(random_.uniform() * double(end)));
  }

  // The first line, and a few of the others.
  std::string some_lines(const std::string& text) {
    size_t end = text.find('\n');
    std::string some = text.substr(0, end);
    for (int i = 0; i < 4 && end != std::string::npos; ++i) {
      const size_t begin = text.find('\n', below(text.size()));
      if (begin == std::string::npos) continue;
      some += text.substr(begin, text.find('\n', begin + 1) - begin);
    }
    return some + "\n";
  }

  void damage(std::string& text, const std::vector<std::string>& seeds) {
    static const char* const tokens[] = {"0",
                                         "-1",
                                         "1e308",
                                         "1e-308",
                                         "nan",
                                         "inf",
                                         "2147483648",
                                         "18446744073709551616",
                                         "0x7f",
                                         "1.5",
                                         "null",
                                         "true",
                                         "~",
                                         "[]",
                                         "{}",
                                         "[[[[[[[[",
                                         "{a: {",
                                         "\"",
                                         "'",
                                         "\\u0000",
                                         "\xff",
                                         "\xc3",
                                         "\xed\xa0\x80",
                                         "\n",
                                         "\r\n",
                                         "\t",
                                         "&a ",
                                         "*a",
                                         "!!int ",
                                         "<<: ",
                                         "- ",
                                         ": ",
                                         "? ",
                                         "| ",
                                         ">\n",
                                         "---\n",
                                         "...\n",
                                         "#",
                                         ",",
                                         ";",
                                         "|||",
                                         "base: s.yaml\n",
                                         "value: ",
                                         "%",
                                         "GB/s",
                                         "(",
                                         ")",
                                         "*99999999"};
    const size_t at = below(text.size() + 1);
    const size_t length = std::min(text.size() - at, size_t{1} + below(below(4) == 0 ? 400 : 12));
    switch (below(9)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(below(text.size() + 1), std::string(text, at, length));
        break;
      case 4:
        text.replace(at, length, tokens[below(std::size(tokens))]);
        break;
      case 5:
        text.insert(at, tokens[below(std::size(tokens))]);
        break;
      case 6:
        replace_number(text, at);
        break;
      case 7: {
        const std::string& other = seeds[below(seeds.size())];
        const size_t from = below(other.size() + 1);
        text.replace(at, length, other, from, 1 + below(200));
        break;
      }
      case 8:
        if (below(8) == 0) text.resize(at);
        break;
    }
  }

  void replace_number(std::string& text, size_t from) {
    static const char* const numbers[] = {"0",          "1",     "-1",    "2",       "3",
                                          "7",          "64",    "65536", "1000000", "2147483647",
                                          "4294967296", "1e300", "0.5",   "1e-9"};
    const size_t begin = text.find_first_of("0123456789", from);
    if (begin == std::string::npos) return;
    const size_t end = std::min(text.find_first_not_of("0123456789.e", begin), text.size());
    text.replace(begin, end - begin, numbers[below(std::size(numbers))]);
  }

  Random random_;
};

struct Options {
  uint64_t runs = 0, seed = 1;
  double seconds = 0;
  std::string out = ".";
  std::vector<std::string> targets;
};

// Returns how many inputs were read, or nothing where one was not read as it should be.
int fuzz(const FuzzTarget& target, const Options& options) {
  const std::vector<std::string> seeds = seeds_of(target);
  current.path = options.out + "/fuzz-" + target.name + "-input";
  Damage damage(options.seed);
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  uint64_t inputs = 0, refused = 0;
  while ((options.runs > 0 && inputs < options.runs) ||
         (options.seconds > 0 && seconds() < options.seconds)) {
    // The first inputs are the seeds, as they are.
    current.input = inputs < seeds.size() ? seeds[inputs] : damage.input(seeds);
    ++inputs;
    alarm(kHang);
    try {
      target.read(current.input);
    } catch (const InputError&) {
      ++refused;
    } catch (const std::exception& error) {
      alarm(0);
      leave_input();
      fmt::print(stderr, "{}: {}: not an InputError; its input: {}\n", target.name, error.what(),
                 current.path);
      return 1;
    }
    alarm(0);
  }
  fmt::print("{:<12} {:>9} inputs, {:>9} refused, {:.1f} s\n", target.name, inputs, refused,
             seconds());
  std::fflush(stdout);
  return 0;
}

int run(const Options& options) {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM})
    std::signal(number, die);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(leave_input);
#endif
  const auto asked = [&](const FuzzTarget& target) {
    return options.targets.empty() ||
           std::count(options.targets.begin(), options.targets.end(), std::string(target.name)) > 0;
  };
  int code = 0, known = 0;
  for (const FuzzTarget& target : fuzz_targets()) {
    if (!asked(target)) continue;
    ++known;
    code = std::max(code, fuzz(target, options));
  }
  if (known == 0) fmt::print(stderr, "no such target\n");
  return known == 0 ? 2 : code;
}

}  // namespace
}  // namespace moesim

int main(int argc, char** argv) {
  moesim::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--runs")
      options.runs = std::strtoull(value, nullptr, 10), ++i;
    else if (word == "--seconds")
      options.seconds = std::strtod(value, nullptr), ++i;
    else if (word == "--seed")
      options.seed = std::strtoull(value, nullptr, 10), ++i;
    else if (word == "--out")
      options.out = value, ++i;
    else
      options.targets.push_back(word);
  }
  if (options.runs == 0 && options.seconds == 0) options.runs = 1000;
  return moesim::run(options);
}
