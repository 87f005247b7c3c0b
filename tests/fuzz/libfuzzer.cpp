// The readers under libFuzzer, which keeps the inputs that reach code no input has reached before:
//   MOESIM_FUZZ=TARGET moesim_fuzz [libFuzzer's options] [CORPUS]...
//   MOESIM_FUZZ=TARGET moesim_fuzz --seeds        prints the file or folder of seeds
// A reader may refuse an input with an InputError; whatever else happens is libFuzzer's to report.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/diagnostics.hpp"
#include "fuzz/targets.hpp"

namespace {

const moesim::FuzzTarget* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  const char* name = std::getenv("MOESIM_FUZZ");
  for (const moesim::FuzzTarget& one : moesim::fuzz_targets())
    if (name && one.name == std::string(name)) target = &one;
  if (target && *count > 1 && (*words)[1] == std::string("--seeds")) {
    std::puts(target->seeds);
    std::exit(0);
  }
  if (target) return 0;
  std::fputs("MOESIM_FUZZ must name a reader:", stderr);
  for (const moesim::FuzzTarget& one : moesim::fuzz_targets())
    std::fprintf(stderr, " %s", one.name);
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    target->read({reinterpret_cast<const char*>(data), size});
  } catch (const moesim::InputError&) {
  }
  return 0;
}
