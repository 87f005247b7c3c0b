#include "cluster/faults.hpp"

#include "catch.hpp"

using namespace moesim;

TEST_CASE("a place is a rank, a node, or a device of a node") {
  CHECK(covers({.rank = 11}, 11, 8));
  CHECK_FALSE(covers({.rank = 11}, 10, 8));
  CHECK(covers({.node = 1, .gpu = 3}, 11, 8));
  CHECK_FALSE(covers({.node = 1, .gpu = 3}, 3, 8));
  CHECK(covers({.node = 1}, 8, 8));
  CHECK(covers({.node = 1}, 15, 8));
  CHECK_FALSE(covers({.node = 1}, 16, 8));
}

TEST_CASE("speeds of one device multiply") {
  FaultSpec faults;
  faults.devices = {{{.rank = 3}, 0.8}, {{.node = 0}, 0.5}};
  CHECK(device_speed(faults, 8, 3, 1) == Approx(0.4));
  CHECK(device_speed(faults, 8, 4, 1) == Approx(0.5));
  CHECK(device_speed(faults, 8, 8, 1) == 1);
}

TEST_CASE("the times of equal devices spread with mean 1 and the given coefficient of variation") {
  FaultSpec faults;
  faults.device_spread = 0.1;
  const int devices = 20000;
  double sum = 0, squares = 0;
  for (int rank = 0; rank < devices; ++rank) {
    const double time = 1 / device_speed(faults, 8, rank, 7);
    sum += time;
    squares += time * time;
  }
  const double mean = sum / devices;
  CHECK(mean == Approx(1).epsilon(0.005));
  CHECK(std::sqrt(squares / devices - mean * mean) == Approx(0.1).epsilon(0.03));
  CHECK(device_speed(faults, 8, 5, 7) == device_speed(faults, 8, 5, 7));
  CHECK(device_speed(faults, 8, 5, 7) != device_speed(faults, 8, 5, 8));
}

TEST_CASE("stragglers come as often as asked") {
  FaultSpec faults;
  faults.straggler_probability = 0.02;
  faults.straggler_speed = 0.7;
  int slow = 0;
  for (int rank = 0; rank < 20000; ++rank) {
    const double speed = device_speed(faults, 8, rank, 1);
    CHECK((speed == 1 || speed == Approx(0.7)));
    slow += speed < 1;
  }
  CHECK(slow == Approx(400).margin(70));
}

TEST_CASE("faults read as a person would say them") {
  FaultSpec faults;
  CHECK(describe(faults).empty());
  faults.devices = {{{.rank = 5}, 0.8}};
  faults.links = {{{.node = 2, .gpu = 1}, 0, 1}, {{.node = 3}, 0.5, 0.25}};
  faults.straggler_probability = 0.01;
  faults.straggler_speed = 0.9;
  faults.kernel_jitter = 0.05;
  CHECK(describe(faults) ==
        "rank 5 at 80 %, NIC of node 2 gpu 1 dead, NIC of node 3 at 50 %, NVLink of node 3 at 25 "
        "%, 1 % of devices at "
        "0.9 of their speed, kernels vary by 5 %");
}

TEST_CASE("faults of a wafer system") {
  FaultSpec faults;
  faults.devices = {{{.rank = 5}, 0}};
  faults.links = {{{.rank = 3}, 0.5}};
  faults.swarmx = {{1, 2, 0.5}};
  faults.memoryx = {{4, 0}};
  CHECK(faults.any());
  CHECK(describe(faults, true) ==
        "wafer 5 lost, I/O of wafer 3 at 50 %, SwarmX level 1 node 2 at 50 %, MemoryX node 4 lost");
}
