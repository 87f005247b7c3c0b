#include "model/parameters.hpp"

#include <cmath>
#include <filesystem>
#include <set>

#include "base/csv.hpp"
#include "base/files.hpp"
#include "catch.hpp"
#include "model/workload_file.hpp"

using namespace moesim;

namespace {

// A row of published.csv: half a unit of the last digit printed of the total and of the active
// parameters, 0 where none are printed (Grok-1's are a quarter of the weights, no count).
// Publishers count differently, and few say how; the way that fits is taken.
struct Published {
  std::string model;
  double rounding, active_rounding;
  std::string active_counts, total_counts;
};

std::vector<Published> published() {
  Problems problems;
  std::vector<Published> rows;
  const std::string file = std::string(MOESIM_SOURCE_DIR) + "/tests/model/published.csv";
  for (const CsvRecord& cells : parse_csv(disk_files().read(file).text, file, problems))
    if (cells[0].text != "model")
      rows.push_back({cells[0].text, std::stod(cells[1].text), std::stod(cells[2].text),
                      cells[3].text, cells[4].text});
  return rows;
}

// No totals are published for these variants of llama3-70b and mixtral-8x22b.
const std::set<std::string> unpublished = {
    "llama3-8x70b", "mixtral-8x22b-g8t8",
    // Models of which a measurement took fewer layers, and small ones of tests.
    "deepseek-v2-4l", "deepseek-v2-l4", "deepseek-v3-4l", "deepseek-v3-mini-24l",
    "deepseek-v3-proxy-14l", "llama-4-scout-2l", "llama3-70b-l12", "llama3-70b-l8",
    "llama3.1-405b-l4", "qwen1.5-moe-flagperf", "moonlight-16b-a3b"};

double count(const ModelShape& shape, const std::string& counted, bool active) {
  const double everything = active ? active_parameters(shape) : total_parameters(shape);
  if (counted == "everything") return everything;
  const double embedding = shape.tied_embeddings ? 0 : embedding_parameters(shape);
  if (counted == "without_input_embedding") return everything - embedding;
  if (counted == "without_embeddings") return everything - 2 * embedding;
  const LayerParameters mtp = layer_parameters(shape, shape.layers);
  const double unused =
      active ? mtp.experts * (1 - static_cast<double>(shape.top_k) / shape.experts) : 0;
  return everything - 2 * embedding +
         shape.mtp_layers * (mtp.total() - unused + mtp_extra_parameters(shape));
}

}  // namespace

TEST_CASE(
    "total and active parameters meet the published figures within 1 % and the figures' own "
    "rounding") {
  const std::vector<Published> rows = published();
  REQUIRE(rows.size() == 27);
  for (const Published& row : rows) {
    const ModelShape shape = workload(row.model);
    const double total = count(shape, row.total_counts, false);
    const double active = count(shape, row.active_counts, true);
    INFO(row.model << " total " << total / 1e9 << " active " << active / 1e9);
    CHECK(shape.name == row.model);
    CHECK(std::abs(total - shape.published_total_parameters) <=
          0.01 * shape.published_total_parameters + row.rounding);
    if (row.active_rounding == 0) continue;
    CHECK(std::abs(active - shape.published_active_parameters) <=
          0.01 * shape.published_active_parameters + row.active_rounding);
  }
}

TEST_CASE("every workload file is in the table, or named as having no published total") {
  std::set<std::string> tested = unpublished;
  for (const Published& row : published()) tested.insert(row.model);
  std::set<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/workloads")) {
    if (entry.path().extension() == ".yaml" && entry.is_regular_file())
      files.insert(entry.path().stem().string());
  }
  CHECK(files == tested);
}

TEST_CASE("ranks hold a layer's parameters between them, replicated parts once each") {
  const ModelShape shape = workload("deepseek-v3");
  const LayerParameters layer = layer_parameters(shape, 10);
  const int tp = 4, ep = 8, etp = 2;
  const RankParameters rank = rank_parameters(layer, tp, ep, etp);
  CHECK(rank.expert * ep * etp == Approx(layer.experts));
  const double replicated = layer.router + layer.norms + layer.attention_replicated;
  CHECK(rank.dense * tp == Approx(layer.total() - layer.experts + (tp - 1) * replicated));
  const RankParameters whole = rank_parameters(layer, 1, 1, 1);
  CHECK(whole.dense + whole.expert == Approx(layer.total()));
}

TEST_CASE("tied embeddings are held once") {
  ModelShape shape = workload("llama3-8b");
  const double untied = total_parameters(shape);
  shape.tied_embeddings = true;
  CHECK(untied - total_parameters(shape) == Approx(128256.0 * 4096));
  CHECK(output_parameters(shape) == 4096);
}
