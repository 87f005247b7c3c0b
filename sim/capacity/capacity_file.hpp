// A question of capacity as a file states it: a model to train, how far or until when, machines
// with counts and prices, and what is known of failures and power. Takes the file, returns it with
// a loader of scenarios; knows nothing of time, money or energy. The format is in
// docs/formats/capacity.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "config/scenario.hpp"

namespace moesim {

// The price of one device for an hour lies in it, in the currency of the file.
struct PriceRange {
  double low = 0, high = 0;
  double middle() const { return (low + high) / 2; }
};

// One kind of machine, in one or several sizes.
struct Machine {
  std::string platform;
  std::vector<int> counts;          // devices
  std::optional<PriceRange> price;  // nothing: money is left out
  double node_power_w = 0;          // of a node beside its devices; 0: left out
  double network_power_w = 0;       // of switches, per device; 0: left out
  std::vector<std::string> sets;    // settings of its scenarios, as --set takes them
  bool wafers = false;
};

struct CapacitySearch {
  std::string free;     // axes as --free takes them; empty: as the command `search`
  double time_s = 300;  // for the estimates of all candidates together
  bool allow_tight = false;
};

struct CapacityFile {
  double tokens = 0;             // to train on; 0: as many as the deadline allows
  double deadline_s = 0;         // 0: none
  double pue = 1;                // energy of the building over that of the machines
  double carbon_kg_per_kwh = 0;  // 0: left out
  std::vector<Machine> machines;
  CapacitySearch search;
};

// A file with the scenarios that it stands for.
class CapacityStudy {
 public:
  // Throws InputError with every problem of the file, its scenario part included.
  explicit CapacityStudy(const std::string& path, const Files& files = disk_files());

  const CapacityFile& file() const { return file_; }
  // The scenario of so many devices of a machine, with these settings over it; throws InputError.
  Scenario scenario(const Machine& machine, int count, const std::vector<std::string>& sets) const;
  // The same before anything is searched: its sizes need not fit together.
  Scenario base(const Machine& machine, int count) const;

 private:
  std::vector<std::string> sets_of(const Machine& machine, int count,
                                   const std::vector<std::string>& sets) const;

  std::string path_;
  MemoryFiles files_;  // the file without what is no scenario, in its place
  CapacityFile file_;
};

}  // namespace moesim
