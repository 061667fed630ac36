// watchdog: finds the CPU that no longer finishes operations, and prints what everyone is doing.
#pragma once

#include <string>
#include <vector>

#include "core/machine/machine.h"

namespace hvo::stress {

/// When each CPU last got on. One user, the thread that watches.
class Watchdog {
 public:
  /// `timeout`: seconds in which each CPU must finish an operation. `now`: seconds on any clock.
  Watchdog(u32 nr_cpus, double timeout, double now) : timeout_(timeout), cpus_(nr_cpus, {0, now}) {}

  /// CPU `cpu` has finished `nr_ops` operations so far, and is done or not. True when it is stuck.
  bool is_stuck(u32 cpu, u64 nr_ops, bool is_done, double now) {
    Progress& p = cpus_[cpu];
    if (is_done || nr_ops != p.nr_ops) p = {nr_ops, now};
    return now - p.since > timeout_;
  }

 private:
  struct Progress {
    u64 nr_ops = 0;
    double since = 0;
  };
  double timeout_;
  std::vector<Progress> cpus_;
};

/// Per CPU: operation, what it waits for, locks held, violations, last marks of its recorder. For a machine that still
/// runs: numbers may be torn.
std::string describe_hang(Machine& machine);

}  // namespace hvo::stress
