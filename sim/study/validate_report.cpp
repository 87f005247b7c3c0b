#include "study/validate_report.hpp"

namespace moesim {
void write_validation_report(const Validation&, const std::string&) {}
}  // namespace moesim
