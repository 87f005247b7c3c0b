// `moesim show workload`: a model's parameters and FLOPs, in all and by layer.
#pragma once

#include <cstdint>
#include <string>

#include "model/shape.hpp"

namespace moesim {

std::string workload_json(const ModelShape& shape, int64_t sequence_length);
std::string workload_table(const ModelShape& shape, int64_t sequence_length);
// "30.5B parameters, 3.4B active, 22.2 GFLOP per token at 4096 tokens".
std::string model_line(const ModelShape& shape, int64_t sequence_length);

}  // namespace moesim
