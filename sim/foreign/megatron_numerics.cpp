#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "foreign/megatron_reader.hpp"
#include "model/recompute.hpp"

namespace moesim {
namespace {

using Names = MegatronReader::Names;

// Bytes of an element; 0 for a word that is not known.
double bytes_of(const std::string& type) {
  if (type == "fp32") return 4;
  if (type == "bf16" || type == "fp16") return 2;
  return type == "fp8" ? 1 : 0;
}

void import_precision(MegatronReader& reader) {
  const Names fp8 = {"fp8-format", "fp8-hybrid", "fp8-e4m3"}, recipe = {"fp8-recipe"},
              fp4 = {"fp4-format"};
  const Names half = {"bf16", "fp16"};
  std::string precision = "bf16";
  if (reader.has(fp4)) {
    precision = "nvfp4";
    reader.state("plan.precision", precision, fp4);
  } else if (reader.has(fp8)) {
    const std::string word = reader.has(recipe) ? reader.text(recipe) : "delayed";
    precision = word == "tensorwise"  ? "fp8-current"
                : word == "blockwise" ? "fp8-block"
                : word == "mxfp8"     ? "mxfp8"
                                      : "fp8-delayed";
    if (word == "custom") reader.not_modelled(*reader.find(recipe), "taken as delayed scaling");
    reader.state("plan.precision", precision, reader.has(recipe) ? recipe : fp8);
  } else {
    if (!reader.has(half)) reader.assume("bf16, which a launch without --bf16 does not say");
    reader.state("plan.precision", "bf16", half);
  }
  const Names gather = {"fp8-param-gather", "fp8-param", "fp4-param-gather"};
  if (precision == "bf16") return reader.out().drop("plan.fp8_output_proj");
  if (reader.has(gather)) reader.state("plan.gather_bytes", 1, gather);
}

void import_state_bytes(MegatronReader& reader) {
  const Names reduced = {"grad-reduce-in-bf16"}, precise = {"use-precision-aware-optimizer"},
              main = {"main-grads-dtype"},
              fsdp = {"megatron-fsdp-grad-comm-dtype", "megatron-fsdp-main-grads-dtype"};
  if (reader.has(reduced))
    reader.state("plan.gradient_bytes", 2, reduced);
  else if (reader.has(precise) && reader.text(main) == "bf16")
    reader.state("plan.gradient_bytes", 2, main);
  else if (reader.has({"use-megatron-fsdp"}) && bytes_of(reader.text(fsdp)) > 0)
    reader.state("plan.gradient_bytes", static_cast<long long>(bytes_of(reader.text(fsdp))), fsdp);
  const Names first = {"exp-avg-dtype"}, second = {"exp-avg-sq-dtype"};
  if (!reader.has(precise)) return;
  const auto held = [&](Names names) {
    return reader.has(names) ? bytes_of(reader.text(names)) : 4.0;
  };
  const double bytes = (held(first) + held(second)) / 2;
  if (bytes >= 1 && bytes != 4)
    reader.out().state("plan.moment_bytes", fmt::format("{}", bytes), reader.from(first));
}

void import_buckets(MegatronReader& reader) {
  const Names size = {"ddp-bucket-size"};
  const auto parameters = reader.integer(size);
  if (!parameters || *parameters == 0) return;
  const long long bytes = reader.out().integer("plan.gradient_bytes", 4);
  reader.out().state("plan.dp_bucket_bytes",
                     fmt::format("{} MB", static_cast<double>(*parameters * bytes) / 1e6),
                     reader.from(size));
}

void import_recompute(MegatronReader& reader) {
  const Names kind = {"recompute-granularity"}, short_form = {"recompute-activations"},
              modules = {"recompute-modules"}, method = {"recompute-method"},
              layers = {"recompute-num-layers"}, whole_moe = {"moe-layer-recompute"};
  const std::string word = reader.text(kind);
  if (word == "full") {
    reader.state("plan.recompute", "full", kind);
    const long long count = reader.integer_or(layers, 0);
    if (reader.text(method) == "block" && count > 0)
      reader.state("plan.recompute_layers", count, layers);
    else if (count > 1)
      reader.not_modelled(*reader.find(layers),
                          "each layer keeps its input, not the first of several");
    return;
  }
  const Names& from = reader.has(kind) ? kind : reader.has(short_form) ? short_form : whole_moe;
  if (!reader.has(from)) return;
  std::vector<std::string> known;
  for (const std::string& module : reader.words(modules)) {
    if (spelled<RecomputeModule>(module))
      known.push_back(module);
    else
      reader.not_modelled(*reader.find(modules), "recomputing " + module);
  }
  if (!reader.has(modules)) known.emplace_back(reader.has(whole_moe) ? "moe" : "core_attn");
  const bool mla = reader.has({"multi-latent-attention"});
  std::erase_if(known, [&](const std::string& module) { return module == "mla_up_proj" && !mla; });
  if (known.empty()) return;
  reader.state("plan.recompute", "selective", from);
  reader.state("plan.recompute_modules", fmt::format("[{}]", fmt::join(known, ", ")),
               reader.has(modules) ? modules : from);
}

void import_dispatcher(MegatronReader& reader) {
  if (reader.out().integer("plan.ep", 1) < 2) return;
  const Names type = {"moe-token-dispatcher-type"}, deep = {"moe-enable-deepep"},
              backend = {"moe-flex-dispatcher-backend"};
  const std::string word = reader.has(type) ? reader.text(type) : "allgather";
  if (word == "allgather")
    reader.state("plan.dispatcher", "allgather", type);
  else if (word != "flex")
    reader.state("plan.dispatcher", "nccl", type);
  else if (reader.text(backend) == "hybridep")
    reader.state("plan.dispatcher", "hybridep", backend);
  else
    reader.state("plan.dispatcher", "deepep",
                 reader.has(backend) ? backend
                 : reader.has(deep)  ? deep
                                     : type);
  if (reader.text(backend) == "ncclep")
    reader.not_modelled(*reader.find(backend), "taken as DeepEP's way of tokens");
  const ImportedKey* chosen = reader.out().find("plan.dispatcher");
  const Names general = {"moe-flex-dispatcher-num-sms"}, deep_sms = {"moe-deepep-num-sms"},
              hybrid_sms = {"moe-hybridep-num-sms"};
  const Names& sms = reader.has(general)           ? general
                     : chosen->value == "hybridep" ? hybrid_sms
                                                   : deep_sms;
  if (word == "flex" && reader.has(sms))
    reader.state("plan.communication_sms", reader.integer_or(sms, 0), sms);
}

void import_routing(MegatronReader& reader) {
  const Names forced = {"moe-router-force-load-balancing"},
              kind = {"moe-router-load-balancing-type"};
  const Names factor = {"moe-expert-capacity-factor"}, pads = {"moe-pad-expert-input-to-capacity"};
  const Names rows = {"moe-router-padding-for-fp8", "moe-router-padding-for-quantization"};
  const bool known = reader.launch().has_section("routing");
  if (reader.has(forced)) {
    reader.state("routing.base", "uniform", forced);
  } else if (reader.text(kind) == "none") {
    reader.state("routing.base", "natural-unbalanced", kind);
    if (!known)
      reader.assume(
          "experts are as unevenly loaded as routing natural-unbalanced says: the router "
          "decides, and nothing balances it");
  } else {
    reader.state("routing.base", "natural", forced);
    if (!known)
      reader.assume("experts are as unevenly loaded as routing natural says: the router decides");
  }
  const std::string capacity = reader.text(factor);
  double value = 0;
  std::from_chars(capacity.data(), capacity.data() + capacity.size(), value);
  if (value > 0) {
    reader.out().state("routing.capacity_factor", fmt::format("{}", value), reader.from(factor));
    if (reader.has(pads)) reader.state("routing.pad_to_capacity", "true", pads);
  }
  // Rows of an expert are padded to what the recipe's GEMMs need: megatron/core/fp8_utils.py
  // get_fp8_align_size and megatron/core/fp4_utils.py get_fp4_align_size.
  const ImportedKey* precision = reader.out().find("plan.precision");
  if (reader.has(rows) && precision && precision->value != "bf16")
    reader.state("routing.pad_rows_to",
                 precision->value == "mxfp8" || precision->value == "nvfp4" ? 32 : 16, rows);
}

void import_graph(MegatronReader& reader) {
  const Names impl = {"cuda-graph-impl"}, old = {"external-cuda-graph", "enable-cuda-graph"},
              scope = {"cuda-graph-scope", "cuda-graph-modules"};
  const std::string word = reader.text(impl);
  const Names& from = reader.has(impl) ? impl : old;
  if (!reader.has(from) || word == "none") return;
  std::vector<std::string> modules = reader.words(scope);
  const auto holds = [&](const char* module) {
    return std::find(modules.begin(), modules.end(), module) != modules.end();
  };
  const bool whole = word == "full_iteration" || holds("full_iteration");
  const bool wide =
      modules.empty() || holds("attn") || holds("full") || holds("mamba") || holds("mlp");
  reader.state("plan.cuda_graph", "true", from);
  reader.state("plan.cuda_graph_scope",
               whole  ? "step"
               : wide ? "layers"
                      : "router",
               reader.has(scope) ? scope : from);
}

}  // namespace

void import_numerics(MegatronReader& reader) {
  import_precision(reader);
  import_state_bytes(reader);
  import_buckets(reader);
  import_recompute(reader);
}

void import_kernels(MegatronReader& reader) {
  import_graph(reader);
  if (reader.out().integer("workload.experts", 0) == 0) {
    for (const char* key : {"plan.fused_permutation", "plan.software.router_launch_factor"})
      reader.out().drop(key);
    return;
  }
  if (reader.out().integer("workload.shared_experts", 0) == 0)
    reader.out().drop("plan.overlap_shared_expert");
  const Names grouped = {"moe-grouped-gemm"}, legacy = {"moe-use-legacy-grouped-gemm"};
  if (reader.has(legacy))
    reader.state("plan.grouped_gemm", "single", legacy);
  else if (!reader.has(grouped))
    reader.state("plan.grouped_gemm", "per_expert", grouped);
  import_dispatcher(reader);
  import_routing(reader);
}

}  // namespace moesim
