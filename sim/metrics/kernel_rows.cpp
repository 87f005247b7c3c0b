#include "metrics/kernel_rows.hpp"

#include <algorithm>

namespace moesim {

std::vector<KernelRow> kernel_rows(const Program& program) {
  std::vector<double> blocks(program.templates.size(), 0);
  for (const Block& block : program.blocks) ++blocks[block.graph];
  std::vector<KernelRow> rows(program.kernels.size());
  for (size_t graph = 0; graph < program.templates.size(); ++graph)
    for (const Task& task : program.templates[graph].tasks) {
      if (task.kind != TaskKind::compute) continue;
      for (const ChainPart& part : program.chains[task.payload].parts) {
        if (part.kernel == kNoKernel) continue;
        rows[part.kernel].count += blocks[graph];
        rows[part.kernel].seconds += blocks[graph] * part.seconds;
      }
    }
  const double ranks = std::max<uint32_t>(1, program.simulated_ranks);
  for (size_t i = 0; i < rows.size(); ++i) {
    const KernelUse& use = program.kernels[i];
    KernelRow& row = rows[i];
    row.op = program.op_names[use.op];
    row.pass = use.pass;
    row.shape = use.shape;
    row.source = use.source;
    row.flops = use.flops;
    row.bytes = use.bytes;
    row.measured = use.measured;
    if (row.seconds > 0 && use.peak_flops > 0)
      row.efficiency = row.count * use.flops / row.seconds / use.peak_flops;
    row.count /= ranks;
    row.seconds /= ranks;
  }
  std::erase_if(rows, [](const KernelRow& row) { return row.count == 0; });  // run in parts only
  std::stable_sort(rows.begin(), rows.end(),
                   [](const KernelRow& a, const KernelRow& b) { return a.seconds > b.seconds; });
  return rows;
}

void visit(FigureVisitor& v, KernelRow& row) {
  v({"op", "operator"}, row.op);
  v({"pass", "forward, or which gradient"}, row.pass);
  v({"shape", "m x n x k, or of attention"}, row.shape);
  v({"flops", "of one"}, row.flops);
  v({"bytes", "of one"}, row.bytes);
  v({"count", "in a step"}, row.count);
  v({"seconds", "of all of them"}, row.seconds);
  v({"efficiency", "of peak FLOPs"}, row.efficiency);
  v({"source", "of the efficiency"}, row.source);
  v({"measured", "whether kernels of this size were"}, row.measured);
}

}  // namespace moesim
