// A scenario runs on a platform: a pod of GPUs, or a wafer-scale system.
#pragma once

#include <string>
#include <variant>

#include "base/check.hpp"
#include "cluster/pod.hpp"
#include "wafer/system.hpp"

namespace moesim {

struct Platform {
  std::variant<Pod, WaferSystem> system;

  bool is_wafer_system() const { return std::holds_alternative<WaferSystem>(system); }
  const std::string& name() const { return is_wafer_system() ? wafers().name : pod().name; }
  // Each is a programming error on a platform of the other kind.
  const Pod& pod() const { return get<Pod>(); }
  Pod& pod() { return const_cast<Pod&>(get<Pod>()); }
  const WaferSystem& wafers() const { return get<WaferSystem>(); }
  WaferSystem& wafers() { return const_cast<WaferSystem&>(get<WaferSystem>()); }

 private:
  template <class Kind>
  const Kind& get() const {
    const Kind* found = std::get_if<Kind>(&system);
    MOESIM_CHECK(found != nullptr, "platform kind {} is not the one asked for", system.index());
    return *found;
  }
};

}  // namespace moesim
