// Holds what the kernels of a lowered step compute, all ranks together, against the model's closed
// form.
#include "catch.hpp"
#include "fixtures/tiny.hpp"

using namespace moesim;

namespace {

struct GraphFlops {
  double attention = 0;  // attention kernels, forward and backward
  double rest = 0;       // everything else of forward and backward
};

// On the ideal device a kernel takes its FLOPs over the peak; attention takes longer by whole tiles
// at the mask's edge.
GraphFlops graph_flops(LoweredStep& step) {
  const double peak = step.input.pod.device.peak_bf16_flops;
  GraphFlops flops;
  for_each_task(step,
                [&](const Block&, const TaskGraph&, const Task& task, const InstanceData& data) {
                  if (task.kind != TaskKind::compute || task.phase == Phase::optimizer) return;
                  if (task.draw >= 0) {
                    flops.rest += data.seconds[task.draw] * peak;
                    return;
                  }
                  double parts = 0;
                  for (const ChainPart& part : step.program.chains[task.payload].parts) {
                    const std::string& op = step.program.op_names[part.op];
                    if (op != "router" && op != "attention") flops.rest += part.seconds * peak;
                    if (op == "attention") flops.attention += part.seconds * peak;
                    parts += part.seconds;
                  }
                  CHECK(parts == Approx(task.seconds));
                });
  // Simulated cells stand for all of them.
  const double cells =
      static_cast<double>(step.context.mapping.cells) / step.context.mapping.simulated_cells;
  return {flops.attention * cells, flops.rest * cells};
}

// Model FLOPs of attention alone: what is left when everything else is taken away is found by a
// second sequence length.
double attention_model_flops(const ModelShape& model, const Batch& batch) {
  const double pairs = attended_keys(batch.sequence_length, 0) * batch.global_batch;
  return 3 * 2 * 2.0 * model.heads * model.head_dim * pairs * (model.layers + model.mtp_layers);
}

void check_flops(const std::string& name, const ModelShape& model, const Plan& plan, int gpus,
                 const Batch& batch) {
  INFO(name);
  const auto step = lower(model, ideal_pod(gpus), plan, batch);
  const GraphFlops flops = graph_flops(*step);
  const double attention = attention_model_flops(model, batch);
  const double rest = model_flops(model, batch.global_batch, batch.sequence_length) - attention;
  CHECK(flops.rest == Approx(rest).epsilon(1e-4));
  if (plan.cp > 1) return;  // ring steps have masks of their own
  // Backward does five products where the convention counts four; a mask cuts tiles of 128
  // (device_attention.cpp).
  const double tiles = 1 + 64 / (batch.sequence_length / 2.0);
  CHECK(flops.attention == Approx(attention * 3.5 / 3 * tiles).epsilon(1e-4));
}

}  // namespace

TEST_CASE("FLOPs in the graph are the model's, however it is cut") {
  struct Cut {
    const char* name;
    int gpus, tp, cp, ep, etp, pp, vpp;
  };
  for (const Cut& cut : {Cut{"one device", 1, 1, 1, 1, 1, 1, 1},
                         {"data parallel", 8, 1, 1, 1, 1, 1, 1},
                         {"tp2", 8, 2, 1, 1, 1, 1, 1},
                         {"cp2", 8, 1, 2, 1, 1, 1, 1},
                         {"ep8", 8, 1, 1, 8, 1, 1, 1},
                         {"ep4 etp2", 16, 1, 1, 4, 2, 1, 1},
                         {"tp2 ep8", 16, 2, 1, 8, 1, 1, 1},
                         {"pp4", 16, 1, 1, 4, 1, 4, 1},
                         {"pp2 vpp2", 8, 1, 1, 4, 1, 2, 2},
                         {"tp2 cp2 ep4 pp2", 16, 2, 2, 4, 1, 2, 1}}) {
    Plan plan;
    plan.tp = cut.tp, plan.cp = cut.cp, plan.ep = cut.ep, plan.etp = cut.etp, plan.pp = cut.pp,
    plan.vpp = cut.vpp;
    if (cut.vpp > 1) plan.schedule = ScheduleKind::interleaved;
    check_flops(std::string("moe ") + cut.name, moe_model(4), plan, cut.gpus, tiny_batch(16));
    plan.ep = plan.etp = 1;
    check_flops(std::string("dense ") + cut.name, dense_model(4), plan, cut.gpus, tiny_batch(16));
  }
}

TEST_CASE("FLOPs with shared experts, dense layers first and multi-token prediction") {
  ModelShape model = moe_model(4);
  model.shared_experts = 1;
  model.shared_ffn = 512;
  Plan plan;
  plan.ep = 4;
  check_flops("shared experts", model, plan, 8, tiny_batch(16));
  model.first_dense_layers = 1;
  model.dense_ffn = 1024;
  check_flops("a dense layer first", model, plan, 8, tiny_batch(16));
  model.mtp_layers = 1;
  check_flops("multi-token prediction", model, plan, 8, tiny_batch(16));
}

TEST_CASE("full recomputation runs every forward once more") {
  const ModelShape model = dense_model(4);
  Plan plan;
  const GraphFlops once = graph_flops(*lower(model, ideal_pod(1), plan, tiny_batch(2)));
  plan.recompute = Recompute::full;
  const GraphFlops twice = graph_flops(*lower(model, ideal_pod(1), plan, tiny_batch(2)));
  CHECK(twice.attention == Approx(once.attention * 4.5 / 3.5).epsilon(1e-6));
  const double logits = 6.0 * model.hidden * model.vocab * 2 * 1024;  // not recomputed
  CHECK(twice.rest - logits == Approx((once.rest - logits) * 4 / 3).epsilon(1e-6));
}
