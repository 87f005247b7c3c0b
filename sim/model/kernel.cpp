#include "model/kernel.hpp"

namespace moesim {

const char* name_of(Op op) {
  switch (op) {
    case Op::embedding:
      return "embedding";
    case Op::norm:
      return "norm";
    case Op::qkv_projection:
    case Op::mla_up_projection:
      return "qkv_projection";
    case Op::rope:
      return "rope";
    case Op::attention:
      return "attention";
    case Op::linear_attention:
      return "linear_attention";
    case Op::indexer:
      return "indexer";
    case Op::output_projection:
      return "output_projection";
    case Op::residual:
      return "residual";
    case Op::router:
      return "router";
    case Op::top_k:
      return "top_k";
    case Op::permute:
      return "permute";
    case Op::expert_fc1:
      return "expert_fc1";
    case Op::expert_activation:
      return "expert_activation";
    case Op::expert_fc2:
      return "expert_fc2";
    case Op::unpermute:
      return "unpermute";
    case Op::shared_expert:
      return "shared_expert";
    case Op::dense_ffn:
      return "dense_ffn";
    case Op::cast:
      return "cast";
    case Op::logits:
      return "logits";
    case Op::cross_entropy:
      return "cross_entropy";
    case Op::optimizer:
      return "optimizer";
    case Op::other:
      return "other";
  }
  return "other";
}

}  // namespace moesim
