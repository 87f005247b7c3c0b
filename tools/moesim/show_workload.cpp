#include "show_workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.hpp"
#include "model/layer_ops.hpp"
#include "model/parameters.hpp"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

struct LayerFigures {
  int first = 0, last = 0;  // of equal layers that follow one another
  Mixer mixer;
  Ffn ffn;
  bool mtp = false;
  double parameters = 0, active = 0;  // of one layer
  double flops_per_token = 0;         // forward and backward, of one layer

  bool equals(const LayerFigures& other) const {
    return mixer == other.mixer && ffn == other.ffn && mtp == other.mtp &&
           parameters == other.parameters;
  }
};

LayerFigures figures_of(const ModelShape& shape, int layer, int64_t length) {
  const LayerParameters parts = layer_parameters(shape, layer);
  const bool mtp = layer >= shape.layers;
  const double beyond = mtp ? mtp_extra_parameters(shape) : 0;
  const double used = shape.experts > 0 ? static_cast<double>(shape.top_k) / shape.experts : 0;
  // Forward and backward, two FLOPs a multiply-add, as in model_flops.
  return {layer,
          layer,
          mixer_of(shape, layer),
          ffn_of(shape, layer),
          mtp,
          parts.total() + beyond,
          parts.total() + beyond - parts.experts * (1 - used),
          6 * layer_macs(shape, layer, length)};
}

std::vector<LayerFigures> layers_of(const ModelShape& shape, int64_t length) {
  std::vector<LayerFigures> layers;
  for (int layer = 0; layer < shape.layers + shape.mtp_layers; ++layer)
    layers.push_back(figures_of(shape, layer, length));
  return layers;
}

double flops_per_token(const ModelShape& shape, int64_t length) {
  return model_flops(shape, 1, length) / static_cast<double>(length);
}

double mtp_parameters(const ModelShape& shape) {
  double sum = 0;
  for (int layer = shape.layers; layer < shape.layers + shape.mtp_layers; ++layer)
    sum += layer_parameters(shape, layer).total() + mtp_extra_parameters(shape);
  return sum;
}

// Publishers count active parameters with the embedding and the logits' matrix, with the latter
// alone, or without both; a tied matrix is the logits'.
double active_without(const ModelShape& shape, int matrices) {
  const int held = shape.tied_embeddings ? 1 : 2;
  const int left = std::max(0, matrices - (2 - held));
  return active_parameters(shape) - left * embedding_parameters(shape);
}

std::string billions(double count) { return fmt::format("{:.4g}B", count / 1e9); }

}  // namespace

std::string model_line(const ModelShape& shape, int64_t sequence_length) {
  return fmt::format("{} parameters, {} active, {:.4g} GFLOP per token at {} tokens",
                     billions(total_parameters(shape)), billions(active_parameters(shape)),
                     flops_per_token(shape, sequence_length) / 1e9, sequence_length);
}

std::string workload_json(const ModelShape& shape, int64_t sequence_length) {
  Json layers = Json::array();
  for (const LayerFigures& layer : layers_of(shape, sequence_length))
    layers.push_back({{"layer", layer.first},
                      {"mixer", spelling(layer.mixer)},
                      {"ffn", spelling(layer.ffn)},
                      {"multi_token_prediction", layer.mtp},
                      {"parameters_total", layer.parameters},
                      {"parameters_active", layer.active},
                      {"flops_per_token", layer.flops_per_token}});
  const Json json = {{"name", shape.name},
                     {"parameters_total", total_parameters(shape)},
                     {"parameters_active", active_parameters(shape)},
                     {"parameters_active_without_input_embedding", active_without(shape, 1)},
                     {"parameters_active_without_embeddings", active_without(shape, 2)},
                     {"parameters_embedding", embedding_parameters(shape)},
                     {"parameters_mtp", mtp_parameters(shape)},
                     {"sequence_length", sequence_length},
                     {"flops_per_token", flops_per_token(shape, sequence_length)},
                     {"layers", layers}};
  return json.dump(2) + "\n";
}

std::string workload_table(const ModelShape& shape, int64_t sequence_length) {
  std::string text =
      fold(fmt::format("{}: {}", shape.name, model_line(shape, sequence_length)), 0, 2) + "\n";
  const std::string active =
      fmt::format("active without the input embedding {}, without the logits' matrix too {}",
                  billions(active_without(shape, 1)), billions(active_without(shape, 2)));
  text += fold(active, 0, 2) + "\n";
  const std::string embedding = fmt::format(
      "embedding {}{}; multi-token prediction, beyond the total, {}",
      billions(embedding_parameters(shape)),
      shape.tied_embeddings ? ", which is the logits' matrix too" : ", and the logits' the same",
      billions(mtp_parameters(shape)));
  text += fold(embedding, 0, 2) + "\n";
  text += fmt::format("{:<10} {:<20} {:<8} {:>12} {:>12} {:>13}\n", "layers", "mixer", "ffn",
                      "parameters", "active", "GFLOP/token");
  std::vector<LayerFigures> runs;
  for (const LayerFigures& layer : layers_of(shape, sequence_length)) {
    if (!runs.empty() && runs.back().equals(layer)) {
      runs.back().last = layer.last;
    } else {
      runs.push_back(layer);
    }
  }
  for (const LayerFigures& run : runs) {
    const std::string numbers = run.first == run.last ? fmt::format("{}", run.first)
                                                      : fmt::format("{}-{}", run.first, run.last);
    text += fmt::format("{:<10} {:<20} {:<8} {:>12} {:>12} {:>13.4g}\n",
                        numbers + (run.mtp ? " mtp" : ""), spelling(run.mixer), spelling(run.ffn),
                        billions(run.parameters), billions(run.active), run.flops_per_token / 1e9);
  }
  return text;
}

}  // namespace moesim
