// Launches written as text, imported with the presets of the source tree.
#pragma once

#include <string>
#include <vector>

#include "catch.hpp"
#include "config/scenario.hpp"
#include "foreign/megatron_import.hpp"

namespace moesim {

// A dense model of eight layers, its vocabulary a multiple of everything.
inline const std::string kModel =
    "train.py --num-layers 8 --hidden-size 1024 --num-attention-heads 16 --seq-length 4096 "
    "--swiglu --ffn-hidden-size 4096 --disable-bias-linear --untie-embeddings-and-output-weights "
    "--vocab-size 32768 --bf16 --micro-batch-size 1 --global-batch-size 64 --sequence-parallel "
    "--use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather "
    "--cross-entropy-loss-fusion ";
// What makes experts of it.
inline const std::string kExperts =
    "--num-experts 16 --moe-router-topk 2 --moe-ffn-hidden-size 512 --moe-grouped-gemm "
    "--moe-permute-fusion --moe-router-force-load-balancing --moe-token-dispatcher-type alltoall ";

inline SearchPath source_tree() { return {{MOESIM_SOURCE_DIR}}; }

inline ImportedScenario imported(const std::string& arguments, const std::string& before = "",
                                 const std::string& platform = "h100-sxm") {
  MegatronImport input;
  input.launch.path = "run.sh";
  input.platform = platform;
  input.gpus = 0;
  const std::string script =
      before + "\ntorchrun --nproc_per_node 8 --nnodes 4 " + arguments + "\n";
  const MemoryFiles files({{"run.sh", script}}, &disk_files());
  return import_megatron(input, source_tree(), files);
}

// The value of a key; "" where it is not stated.
inline std::string value(const ImportedScenario& scenario, const std::string& key) {
  const ImportedKey* found = scenario.find(key);
  return found ? found->value : "";
}

// The scenario that the file holds, read back and checked.
inline Scenario loaded(const ImportedScenario& imported) {
  const MemoryFiles files({{"made.yaml", scenario_file(imported)}}, &disk_files());
  return load_scenario("made.yaml", {}, source_tree(), files).scenario;
}

// The message, without the column, which depends on the text above.
inline std::string fault(const std::string& arguments) {
  try {
    imported(arguments);
  } catch (const InputError& error) {
    std::string text = error.what();
    if (const size_t at = text.find("run.sh:2:"); at == 0) text.erase(8, text.find(':', 9) - 8);
    return text;
  }
  return "";
}

}  // namespace moesim
