#include "plan/mapping.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace moesim;

namespace {

Plan plan_of(int tp, int cp, int ep, int etp, int pp) {
  Plan plan;
  plan.tp = tp, plan.cp = cp, plan.ep = ep, plan.etp = etp, plan.pp = pp;
  return plan;
}

// Groups of equal size that hold every rank of the cell exactly once.
void check_partition(const Groups& groups, int cell, int size) {
  std::vector<int> seen;
  for (const auto& group : groups) {
    CHECK(group.size() == static_cast<size_t>(size));
    seen.insert(seen.end(), group.begin(), group.end());
  }
  std::sort(seen.begin(), seen.end());
  std::vector<int> all;
  for (int rank = 0; rank < cell; ++rank) all.push_back(rank);
  CHECK(seen == all);
}

}  // namespace

TEST_CASE("Megatron's rank order: tensor, context, then data, pipeline last") {
  const Plan plan = plan_of(2, 2, 4, 1, 2);
  const Mapping mapping = derive_mapping(plan, 32, 8, {64, 1, 4096});
  CHECK(mapping.world == 32);
  CHECK(mapping.ranks_per_stage == 16);
  CHECK(mapping.dp == 4);
  CHECK(mapping.edp == 4);
  CHECK(mapping.cell == 4);
  CHECK(mapping.cells == 4);
  CHECK(mapping.simulated_cells == 1);
  CHECK(mapping.microbatches == 16);
  CHECK(tensor_groups(plan, mapping) == Groups{{0, 1}, {2, 3}});
  CHECK(context_groups(plan, mapping) == Groups{{0, 2}, {1, 3}});
  CHECK(expert_groups(plan, mapping) == Groups{{0, 1, 2, 3}});
  CHECK(global_rank(mapping, 1, 2, 3) == 16 + 2 * 4 + 3);
}

TEST_CASE("parallel folding: experts are cut differently from attention") {
  const Plan plan = plan_of(4, 1, 8, 2, 1);  // attention TP4, experts EP8 x ETP2
  const Mapping mapping = derive_mapping(plan, 32, 8, {64, 1, 4096});
  CHECK(mapping.cell == 16);
  CHECK(mapping.dp == 8);
  CHECK(mapping.edp == 2);
  CHECK(expert_tensor_groups(plan, mapping)[1] == std::vector<int>{2, 3});
  CHECK(expert_groups(plan, mapping)[0] == std::vector<int>{0, 2, 4, 6, 8, 10, 12, 14});
  CHECK(expert_groups(plan, mapping)[1] == std::vector<int>{1, 3, 5, 7, 9, 11, 13, 15});
  CHECK(tensor_groups(plan, mapping)[3] == std::vector<int>{12, 13, 14, 15});
}

TEST_CASE("groups partition the cell, whatever the sizes") {
  for (const int tp : {1, 2, 4, 8})
    for (const int cp : {1, 2, 4})
      for (const int ep : {1, 2, 8, 16})
        for (const int etp : {1, 2, 4}) {
          const Plan plan = plan_of(tp, cp, ep, etp, 2);
          const Mapping mapping = derive_mapping(plan, 128, 8, {256, 1, 4096});
          INFO("tp " << tp << " cp " << cp << " ep " << ep << " etp " << etp);
          CHECK(mapping.cell % (tp * cp) == 0);
          CHECK(mapping.cell % (ep * etp) == 0);
          CHECK(mapping.cell * mapping.cells == 64);
          CHECK(mapping.dp * tp * cp == 64);
          CHECK(mapping.edp * ep * etp == 64);
          check_partition(tensor_groups(plan, mapping), mapping.cell, tp);
          check_partition(context_groups(plan, mapping), mapping.cell, cp);
          check_partition(expert_groups(plan, mapping), mapping.cell, ep);
          check_partition(expert_tensor_groups(plan, mapping), mapping.cell, etp);
        }
}

TEST_CASE("simulated ranks count stage by stage, cell by cell") {
  Plan plan = plan_of(1, 1, 4, 1, 2);
  plan.simulated_replicas = 2;
  Mapping mapping = derive_mapping(plan, 32, 8, {64, 1, 4096});
  CHECK(mapping.simulated_cells == 2);
  CHECK(simulated_global_ranks(plan, mapping) ==
        std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23});
  CHECK(simulated_rank(mapping, 1, 0, 2) == 10);
  plan.simulated_replicas = 0;
  CHECK(derive_mapping(plan, 32, 8, {64, 1, 4096}).simulated_cells == 4);
  plan.simulated_replicas = 99;
  CHECK(derive_mapping(plan, 32, 8, {64, 1, 4096}).simulated_cells == 4);
}

TEST_CASE("data-parallel groups span the stage in strides") {
  const Plan plan = plan_of(2, 2, 8, 1, 1);
  const Mapping mapping = derive_mapping(plan, 64, 8, {64, 1, 4096});
  const SpreadGroup attention = attention_data_group(plan, mapping),
                    expert = expert_data_group(plan, mapping);
  CHECK(attention.size == 32);  // data and context parallel ranks hold the same weights
  CHECK(attention.stride == 2);
  CHECK(attention.members_per_node(8) == 4);
  CHECK(expert.size == 8);
  CHECK(expert.stride == 8);
  CHECK(expert.members_per_node(8) == 1);
  CHECK(SpreadGroup{2, 1}.members_per_node(8) == 2);
}
