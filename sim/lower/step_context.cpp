#include "lower/step_context.hpp"

#include <fmt/format.h>

#include "lower/token_exchange.hpp"
#include "plan/faulty_cells.hpp"
#include "plan/shard.hpp"

namespace moesim {

namespace {
Mapping mapping_with_faults(const StepInput& input) {
  const Pod& pod = input.pod;
  Mapping mapping = derive_mapping(input.plan, pod.gpus, pod.gpus_per_node, input.batch);
  choose_faulty_cells(mapping, input.plan, input.faults, pod.gpus_per_node, input.seed);
  return mapping;
}
}  // namespace

StepContext::StepContext(const StepInput& step_input)
    : input(step_input),
      model(step_input.model),
      pod(step_input.pod),
      plan(step_input.plan),
      pipeline(pipeline_shape(plan)),
      mapping(mapping_with_faults(step_input)),
      fabric(build_fabric(pod, simulated_global_ranks(plan, mapping), step_input.faults)),
      shard(derive_shard(model, plan, step_input.batch,
                         step_input.routing.extra_slots(model.experts))),
      cost(pod.device, plan),
      tensor(tensor_groups(plan, mapping)),
      context(context_groups(plan, mapping)),
      expert(expert_groups(plan, mapping)),
      expert_tensor(expert_tensor_groups(plan, mapping)),
      chunks(partition_layers(model, plan)) {
  activation_bytes = shard.local_tokens() * model.residual_streams * model.hidden * 2;
  const auto share = [this](int sms) {
    return pod.device.sms > 0 ? static_cast<double>(sms) / pod.device.sms : 0;
  };
  ep_sm_share = share(dispatch_sms());
  dp_sm_share = share(pod.collective_sms);
}

Transfer StepContext::exchange_rates(const AllToAll& group, double token_bytes, bool combine,
                                     bool waits_for_counts, bool beside_compute) const {
  const DispatcherCost& own = dispatcher_cost();
  ExchangeUse use = exchange_use(group, plan.dispatcher);
  use.sms = dispatch_sms();
  use.token_bytes = token_bytes;
  use.combine = combine;
  use.beside_compute = beside_compute;
  Transfer rates = dispatcher_rates(pod, plan.dispatcher, use);
  rates.latency_s += group.latency_s() + own.host_s + (waits_for_counts ? own.counts_s : 0);
  return rates;
}

Kernels expert_kernels(const StepContext& context, ExpertKernels list) {
  Kernels kernels;
  const auto of = [&](Pass pass) { return expert_ops(context.model, context.shard, pass); };
  switch (list) {
    case ExpertKernels::forward:
      return of(Pass::forward);
    case ExpertKernels::backward:
      append(kernels, of(Pass::backward_data));
      append(kernels, of(Pass::backward_weight));
      return kernels;
    case ExpertKernels::backward_data:
      return of(Pass::backward_data);
    case ExpertKernels::backward_weight:
      return of(Pass::backward_weight);
    case ExpertKernels::activation:
      for (const Kernel& kernel : of(Pass::forward))
        if (kernel.op == Op::expert_activation) kernels.push_back(kernel);
      return kernels;
  }
  return kernels;
}

std::string layer_class(const ModelShape& shape, int layer) {
  return fmt::format("{}{}{}{}", "den"[static_cast<int>(ffn_of(shape, layer))],
                     "aascklmvn"[static_cast<int>(mixer_of(shape, layer))],
                     attention_window(shape, layer), layer >= shape.layers ? "m" : "");
}

}  // namespace moesim
