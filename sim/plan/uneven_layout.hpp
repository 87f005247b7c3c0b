// Cuts layers that do not divide evenly into pipeline chunks as Megatron-LM does, where nothing
// says how.
#pragma once

#include <string>

#include "model/shape.hpp"

namespace moesim {

// "" when the layers divide. Else, as plan.layout:
//  - with the embedding and the loss counted as a layer each, when layers + 2 divide (Megatron-LM
//    --account-for-embedding-in-pipeline-split and --account-for-loss-in-pipeline-split, which the
//    Megatron-Bridge recipes of Qwen3-235B and Llama-3.1-405B set);
//  - else full chunks with what remains in the last ones (the table of layouts in Megatron-Bridge
//    recipes/deepseek/deepseek_v3.py: 61 layers as 15 x 4 + 1, 7 x 8 + 5, 3 x 16 + 13).
std::string uneven_layout(const ModelShape& shape, int chunks);

}  // namespace moesim
