#include "model/kernel.hpp"

#include "base/spelling.hpp"

namespace moesim {

namespace {

constexpr auto kOpNames = spell<Op::other>(
    "embedding", "norm", "qkv_projection", "qkv_projection", "rope", "attention",
    "linear_attention", "indexer", "output_projection", "residual", "router", "top_k", "permute",
    "expert_fc1", "expert_activation", "expert_fc2", "unpermute", "shared_expert", "dense_ffn",
    "cast", "logits", "cross_entropy", "optimizer", "other");
constexpr auto kPassNames =
    spell<Pass::backward_weight>("forward", "backward data", "backward weight");

}  // namespace

const char* name_of(Op op) { return kOpNames[static_cast<size_t>(op)].name; }

const char* name_of(Pass pass) { return kPassNames[static_cast<size_t>(pass)].name; }

}  // namespace moesim
