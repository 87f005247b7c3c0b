#include "run/known_band.hpp"

#include <filesystem>

#include "config/known_errors.hpp"

namespace moesim {

std::optional<Band> known_band(const Scenario& scenario, const std::string& path, double step_s) {
  if (scenario.platform.is_wafer_system()) return std::nullopt;
  const SearchPath search = default_search_path(std::filesystem::path(path).parent_path().string());
  const auto row = known_error_of(load_known_errors(search), scenario.plan.framework,
                                  scenario.platform.pod().device.generation);
  if (!row) return std::nullopt;
  return Band{step_s / (1 + row->error), step_s * (1 + row->error), row->rows, described(*row)};
}

}  // namespace moesim
