#include "search/space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/diagnostics.hpp"
#include "base/text.hpp"
#include "plan/uneven_layout.hpp"

namespace moesim {

namespace {

constexpr int kMostChunks = 6;  // per stage; more are rare and alike

std::vector<int> divisors(int value, int most) {
  std::vector<int> found;
  for (int i = 1; i <= std::min(value, most); ++i)
    if (value % i == 0) found.push_back(i);
  return found;
}

// Less is recomputed in the first ones.
struct Recomputation {
  std::vector<std::string> sets;
  double work;  // of a layer, against none: an order, not a model
};

std::vector<Recomputation> recomputations(const ModelShape& model) {
  std::string modules = model.experts > 0 ? "moe_act, layernorm" : "layernorm";
  if (model.attention == AttentionKind::mla) modules += ", mla_up_proj";
  return {{{"plan.recompute=none", "plan.recompute_modules=[]"}, 1},
          {{"plan.recompute=selective", "plan.recompute_modules=[" + modules + "]"}, 1.02},
          {{"plan.recompute=full", "plan.recompute_modules=[]"}, 1.3}};
}

class Enumeration {
 public:
  Enumeration(const Scenario& base, const FreeAxes& free) : base_(base), free_(free) {}

  std::vector<Mapped> all() {
    const Pod& pod = base_.platform.pod();
    const Plan& plan = base_.plan;
    const ModelShape& model = base_.workload;
    for (const int pp : free_.pp ? divisors(pod.gpus, model.layers) : std::vector{plan.pp})
      for (const int tp : tensor_sizes())
        for (const int cp : free_.cp ? divisors(pod.gpus / pp, 16) : std::vector{plan.cp})
          for (const int ep : expert_sizes())
            for (const int etp : free_.etp&& ep > 1 ? divisors(tp, tp) : std::vector{fixed_etp()})
              add_ranks(pp, tp, cp, ep, etp);
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Mapped& a, const Mapped& b) { return a.prior < b.prior; });
    return std::move(found_);
  }

 private:
  std::vector<int> tensor_sizes() const {
    if (!free_.tp) return {base_.plan.tp};
    std::vector<int> sizes;
    for (const int tp : divisors(base_.platform.pod().gpus_per_node, 8))
      if (base_.workload.heads % tp == 0) sizes.push_back(tp);
    return sizes;
  }
  std::vector<int> expert_sizes() const {
    if (!free_.ep || base_.workload.experts == 0) return {base_.plan.ep};
    return divisors(base_.workload.experts, base_.platform.pod().gpus);
  }
  int fixed_etp() const { return free_.etp ? 1 : base_.plan.etp; }

  void add_ranks(int pp, int tp, int cp, int ep, int etp) {
    const int gpus = base_.platform.pod().gpus;
    if (gpus % (pp * tp * cp) != 0 || gpus % (pp * ep * etp) != 0) return;
    const int dp = gpus / (pp * tp * cp);
    const std::vector<int> sizes =
        free_.micro_batch ? std::vector{1, 2, 4, 8} : std::vector{base_.batch.micro_batch};
    for (const int micro_batch : sizes) {
      if (base_.batch.global_batch % (micro_batch * dp) != 0) continue;
      const int microbatches = base_.batch.global_batch / (micro_batch * dp);
      for (const int vpp : chunk_counts(pp, microbatches))
        for (const ScheduleKind schedule : schedules(pp, vpp))
          add_variants({pp, tp, cp, ep, etp, vpp, micro_batch, microbatches, schedule});
    }
  }

  std::vector<int> chunk_counts(int pp, int microbatches) const {
    if (!free_.vpp) return {base_.plan.vpp};
    std::vector<int> counts{1};
    if (pp == 1 || microbatches % pp != 0) return counts;
    for (int vpp = 2; vpp <= kMostChunks && vpp * pp <= base_.workload.layers; ++vpp)
      counts.push_back(vpp);
    return counts;
  }

  // Two-way schedules only where the scenario has one.
  std::vector<ScheduleKind> schedules(int pp, int vpp) const {
    const ScheduleKind own = base_.plan.schedule;
    if (vpp > 1) return {free_.vpp ? ScheduleKind::interleaved : own};
    const bool plain = own == ScheduleKind::interleaved || own == ScheduleKind::one_f_one_b;
    if (plain || pp == 1) return {ScheduleKind::one_f_one_b};
    return {own, ScheduleKind::one_f_one_b};
  }

  struct Sizes {
    int pp, tp, cp, ep, etp, vpp, micro_batch, microbatches;
    ScheduleKind schedule;
  };

  void add_variants(const Sizes& s) {
    const std::string layout = uneven_layout(base_.workload, s.pp * s.vpp);
    Mapped mapped;
    mapped.sets = {fmt::format("plan.tp={}", s.tp),
                   fmt::format("plan.cp={}", s.cp),
                   fmt::format("plan.ep={}", s.ep),
                   fmt::format("plan.etp={}", s.etp),
                   fmt::format("plan.pp={}", s.pp),
                   fmt::format("plan.vpp={}", s.vpp),
                   fmt::format("plan.schedule={}", spelling(s.schedule)),
                   fmt::format("plan.layout=\"{}\"", layout),
                   fmt::format("batch.micro_batch={}", s.micro_batch)};
    mapped.variant = fmt::format("{}", fmt::join(mapped.sets, " "));
    const double bubble = 1 + (s.pp - 1.0) / (s.microbatches * s.vpp);
    const int per_node = base_.platform.pod().gpus_per_node;
    const double across = s.ep * s.etp > per_node ? 1.2 : 1;
    const double small = 1 + 0.05 * (s.tp - 1) + 0.1 / s.micro_batch;
    mapped.prior = bubble * across * small;
    if (!free_.recompute) {
      found_.push_back(std::move(mapped));
      return;
    }
    int level = 0;
    for (const Recomputation& recompute : recomputations(base_.workload)) {
      Mapped variant = mapped;
      variant.sets.insert(variant.sets.end(), recompute.sets.begin(), recompute.sets.end());
      variant.recompute_level = level++;
      variant.prior *= recompute.work;
      found_.push_back(std::move(variant));
    }
  }

  const Scenario& base_;
  const FreeAxes& free_;
  std::vector<Mapped> found_;
};

}  // namespace

FreeAxes parse_axes(const std::string& text) {
  FreeAxes axes{false, false, false, false, false, false, false, false};
  const std::map<std::string, bool FreeAxes::*> known{{"tp", &FreeAxes::tp},
                                                      {"cp", &FreeAxes::cp},
                                                      {"ep", &FreeAxes::ep},
                                                      {"etp", &FreeAxes::etp},
                                                      {"pp", &FreeAxes::pp},
                                                      {"vpp", &FreeAxes::vpp},
                                                      {"micro_batch", &FreeAxes::micro_batch},
                                                      {"recompute", &FreeAxes::recompute}};
  std::vector<std::string> names;
  for (const auto& [name, member] : known) names.push_back(name);
  for (const std::string& word : split(text, ", ")) {
    const auto found = known.find(word);
    if (found == known.end())
      throw InputError(fmt::format("--free: {} is no axis of a search{} (axes: {})", quote(word),
                                   hint(word, names), fmt::join(names, ", ")));
    axes.*found->second = true;
  }
  return axes;
}

std::vector<Mapped> mappings(const Scenario& base, const FreeAxes& free) {
  return Enumeration(base, free).all();
}

}  // namespace moesim
