#include "commands.hpp"
namespace moesim {
void add_sweep_command(CLI::App&, int&) {}
}  // namespace moesim
