// The keys of every configured struct: see config/visitor.hpp.
#pragma once

#include "cluster/faults.hpp"
#include "cluster/pod.hpp"
#include "cluster/reliability.hpp"
#include "config/platform.hpp"
#include "config/visitor.hpp"
#include "model/shape.hpp"
#include "plan/plan.hpp"
#include "routing/spec.hpp"

namespace moesim {

struct Scenario;

void visit(Visitor& v, ModelShape& shape);
void visit(Visitor& v, RoutingSpec& routing);
void visit(Visitor& v, Device& device);
void visit(Visitor& v, DispatcherCost& cost);
void visit(Visitor& v, Pod& pod);
void visit(Visitor& v, Platform& platform);
void visit(Visitor& v, Wafer& wafer);
void visit(Visitor& v, MemoryX& memoryx);
void visit(Visitor& v, SwarmX& swarmx);
void visit(Visitor& v, WaferSystem& system);
void visit(Visitor& v, FrameworkMemory& memory);
void visit(Visitor& v, SoftwareCost& cost);
void visit(Visitor& v, Plan& plan);
void visit(Visitor& v, Batch& batch);
void visit(Visitor& v, DeviceFault& fault);
void visit(Visitor& v, LinkFault& fault);
void visit(Visitor& v, BranchFault& fault);
void visit(Visitor& v, StoreFault& fault);
void visit(Visitor& v, FaultSpec& faults);
void visit(Visitor& v, Reliability& reliability);
void visit(Visitor& v, Scenario& scenario);

}  // namespace moesim
