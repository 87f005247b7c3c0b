#include "config/setting_writer.hpp"

#include <algorithm>

#include "catch.hpp"
#include "config/visit.hpp"

using namespace moesim;

namespace {

std::vector<std::string> keys_of(const SettingTree& map) {
  std::vector<std::string> keys(map.items.size());
  std::ranges::transform(map.items, keys.begin(), &SettingTree::key);
  return keys;
}

}  // namespace

TEST_CASE("a tree has every key of the struct, in SI units and with names of choices") {
  Plan plan;
  plan.ep = 8;
  plan.dispatcher = Dispatcher::deepep;
  plan.attention_tiles = 0;
  plan.schedule_ops = {"F0", "B0"};
  plan.recompute_modules = {RecomputeModule::moe};
  const SettingTree tree = SettingWriter().write(plan);
  CHECK(tree.find("ep")->scalar == SettingTree::Scalar(int64_t{8}));
  CHECK(tree.find("gradient_bytes")->scalar == SettingTree::Scalar(4.0));
  CHECK(tree.find("sequence_parallel")->scalar == SettingTree::Scalar(true));
  CHECK(text_at(tree, "dispatcher") == "deepep");
  CHECK(text_at(tree, "attention_tiles") == "auto");
  CHECK(tree.find("schedule_ops")->items.size() == 2);
  CHECK(tree.find("recompute_modules")->items[0].scalar == SettingTree::Scalar(std::string("moe")));
  CHECK(tree.find("nothing") == nullptr);
}

TEST_CASE("sections are maps in maps") {
  Pod pod;
  pod.name = "h100";
  pod.device.sms = 132;
  const SettingTree tree = SettingWriter().write(pod);
  CHECK(text_at(tree, "name") == "h100");
  CHECK(tree.find("device")->find("sms")->scalar == SettingTree::Scalar(int64_t{132}));
}

TEST_CASE("long lists are told apart without being listed") {
  RoutingSpec routing;
  routing.histogram.assign(kMostListed, 1);
  CHECK(SettingWriter().write(routing).find("histogram")->items.size() == kMostListed);
  routing.layer_histograms.assign(3, std::vector<double>(100, 2));
  const std::string before = text_at(SettingWriter().write(routing), "layer_histograms");
  CHECK(before.starts_with("300 numbers, "));
  routing.layer_histograms[1][5] = 2.5;
  CHECK(text_at(SettingWriter().write(routing), "layer_histograms") != before);
  routing.layer_histograms[1][5] = 2;
  CHECK(text_at(SettingWriter().write(routing), "layer_histograms") == before);
}

TEST_CASE("a scenario's tree has the sections of a report") {
  Scenario scenario;
  scenario.workload.name = "tiny";
  const SettingTree tree = setting_tree(scenario);
  CHECK(keys_of(tree) ==
        std::vector<std::string>{"workload", "platform", "plan", "routing", "batch"});
  CHECK(tree.find("workload")->find("name") == nullptr);
  CHECK(tree.find("workload")->find("layers") != nullptr);
}
