#include "engine/simulate.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/diagnostics.hpp"
#include "engine/simgrid_backend.hpp"

namespace moesim {

using namespace simgrid_api;

Execution execute_simgrid(const Program& program, const Fabric& fabric,
                          const InstanceSource& source, const EngineOptions& options) {
  static bool ran = false;
  if (std::exchange(ran, true) || s4u::Engine::is_initialized())
    throw RunError("SimGrid has already run in this process");
  std::string name = "moesim", log = "--log=root.threshold:error";
  char* argv[] = {name.data(), log.data(), nullptr};
  int argc = 2;
  s4u::Engine engine(&argc, argv);
  const SimgridPlatform platform = build_platform(engine, fabric);

  Execution execution;
  execution.link_bytes.assign(fabric.links.size(), 0);
  SimgridBackend backend(platform, fabric, options, execution);
  Executor executor(program, source, backend, execution);
  backend.on_complete = [&executor](TaskToken token) { executor.complete(token); };
  if (options.on_progress)
    executor.on_progress = [&options](uint64_t done, uint64_t total) {
      options.on_progress(done, total, s4u::Engine::get_clock());
    };
  backend.connect();
  executor.begin();
  backend.complete_immediate();
  engine.run();
  executor.require_done();
  return execution;
}

std::string simgrid_version() { return simgrid_api::version(); }

}  // namespace moesim
