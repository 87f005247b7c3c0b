// A scenario after lowering, in one form for pods of GPUs and for wafer systems: the program, the
// fabric and the routed amounts that the engine executes, and what reports and timelines say of
// them. It knows nothing of engines or output formats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "graph/program.hpp"
#include "graph/record.hpp"
#include "lower/routed_work.hpp"
#include "metrics/step_report.hpp"

namespace moesim {

// The facts that a report states whatever the simulation finds.
struct ProgramFacts {
  std::string device_noun = "GPU";
  int devices = 0;                   // of the whole machine, folded ones included
  int64_t global_batch = 0;          // sequences per step
  double zero_flops_per_token = 0;   // of model FLOPs, with weights that are zero: not counted
  double peak_flops = 0;             // of one device, in the precision that its GEMMs run in
  std::string fidelity;              // how closely the step is simulated
  std::string folded;                // what is left out because it repeats; "" if nothing is
  std::vector<double> rank_weights;  // devices that each simulated rank stands for, in
                                     // proportion; empty: all alike
  double nvlink_bytes_per_s = 0;     // what a rank's port sustains; 0: it has none
  double nic_bytes_per_s = 0;
};

// Bytes that a rank holds from a moment on.
struct MemoryMoment {
  double time_s = 0, bytes = 0;
};

class LoweredProgram {
 public:
  virtual ~LoweredProgram() = default;

  virtual const Program& program() const = 0;
  virtual const Fabric& fabric() const = 0;
  virtual InstanceSource& work() = 0;
  // Returns the loads of all blocks. Draws every token matrix of the step: call it once.
  virtual LoadStatistics loads() const = 0;
  // Returns the flows of a transfer whose amounts the routing decides.
  virtual std::vector<Flow> flows(BlockId block, TaskId task) = 0;

  virtual ProgramFacts facts() const = 0;
  // Returns the scenario with what lowering chose for it.
  virtual Scenario resolved(Scenario scenario) const { return scenario; }
  // Returns a row per store of device memory: pipeline stages, or SRAM and MemoryX.
  virtual std::vector<StageMemory> memory(const LoadStatistics& loads) const = 0;
  // Returns device memory in use over the step, per simulated rank; empty: not known.
  virtual std::vector<std::vector<MemoryMoment>> memory_over_time(const Record&) const {
    return {};
  }
  // Adds to rows of memory() what the record says of them. Throws RunError if it contradicts them.
  virtual void observe_memory(const Record&, std::vector<StageMemory>&) const {}
  virtual bool has_pipeline() const = 0;

  // For timelines: the number by which users know a simulated rank, its label, the ranks that are
  // drawn when none are named, and those that are drawn whichever are named.
  virtual int rank_number(uint32_t simulated_rank) const = 0;
  virtual std::string rank_label(uint32_t simulated_rank) const = 0;
  virtual std::vector<uint32_t> sample_ranks() const = 0;
  virtual std::vector<uint32_t> drawn_always() const { return {}; }
};

// Lowers a scenario for the platform that it names. What it leaves open (plan.attention_tiles=auto
// on a wafer system) is chosen here.
std::unique_ptr<LoweredProgram> lower(const Scenario& scenario, uint64_t seed);

// The parts that do not depend on the platform. `Step` is LoweredStep or LoweredWaferStep.
template <typename Step>
class LoweredProgramOf : public LoweredProgram {
 public:
  explicit LoweredProgramOf(std::unique_ptr<Step> step) : step_(std::move(step)) {}
  const Program& program() const override { return step_->program; }
  InstanceSource& work() override { return *step_->work; }
  LoadStatistics loads() const override { return step_->work->statistics(); }
  std::vector<Flow> flows(BlockId block_id, TaskId task) override {
    const Block& block = step_->program.blocks[block_id];
    return step_->work->flows(block, step_->program.templates[block.graph].tasks[task]);
  }

 protected:
  const Step& step() const { return *step_; }

 private:
  std::unique_ptr<Step> step_;
};

}  // namespace moesim
