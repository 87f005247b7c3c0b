#include "cluster/dispatcher.hpp"

#include <set>
#include <string>

#include "catch.hpp"
#include "cluster/pod.hpp"

using namespace moesim;

TEST_CASE("names of dispatchers are unique and lead back to their rows") {
  std::set<std::string> names, titles;
  for (const Dispatcher dispatcher : all_dispatchers()) {
    const DispatcherTraits& row = traits(dispatcher);
    INFO(row.name);
    CHECK(spelled<Dispatcher>(row.name) == dispatcher);
    CHECK(spelling(dispatcher) == std::string(row.name));
    names.insert(row.name);
    titles.insert(row.title);
  }
  CHECK(names.size() == kDispatchers.size());
  CHECK(titles.size() == kDispatchers.size());
}

TEST_CASE("the enumerators are the rows of their names") {
  CHECK(traits(Dispatcher::nccl).name == std::string("nccl"));
  CHECK(traits(Dispatcher::deepep).name == std::string("deepep"));
  CHECK(traits(Dispatcher::hybridep).name == std::string("hybridep"));
  CHECK(traits(Dispatcher::allgather).name == std::string("allgather"));
}

TEST_CASE("each dispatcher has costs of its own on a platform") {
  Pod pod;
  double startup_s = 1;
  for (const Dispatcher dispatcher : all_dispatchers())
    pod.dispatchers[dispatcher].startup_s = startup_s++;
  startup_s = 1;
  for (const Dispatcher dispatcher : all_dispatchers())
    CHECK(pod.dispatchers[dispatcher].startup_s == startup_s++);
}

TEST_CASE("SMs copy tokens at a rate, or without a limit") {
  DispatcherCost cost;
  CHECK(cost.copied_bytes_per_s(8, 1000) == std::numeric_limits<double>::infinity());
  cost.sm_token_s = 1e-6;
  CHECK(cost.copied_bytes_per_s(8, 1000) == Approx(8e9));
  cost.sm_bytes_per_s = 1e9;
  CHECK(cost.copied_bytes_per_s(8, 1000) == Approx(4e9));
  CHECK(cost.copied_bytes_per_s(0, 1000) == std::numeric_limits<double>::infinity());
}
