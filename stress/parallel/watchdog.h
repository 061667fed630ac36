// watchdog: finds the CPU that no longer gets on, and prints what everyone is doing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/machine/machine.h"

namespace hvo::stress {

/// How far one CPU is.
struct CpuProgress {
  u64 nr_ops = 0;    ///< operations finished
  u64 nr_marks = 0;  ///< Activity::nr_marks: moves within an operation too
  bool is_done = false;
  /// A bit for each CPU that may hold the lock it waits for; all bits when that is free, or when it waits for a host
  /// thread. None: it waits for neither.
  u64 waits_for = 0;
};
CpuProgress progress_of(Machine& machine, u32 cpu, bool is_done);

/// Tells a CPU that hangs from one that is slow. One user, the thread that watches.
///
/// A CPU that has done nothing for `timeout` seconds hangs, unless it waits for a lock whose holder gets on, or waits
/// in turn for one who does: on a host with few cores a queue for a mutex can be long. Whoever makes steps without end
/// hangs too, after kMostTimeouts times as long.
class Watchdog {
 public:
  static constexpr double kMostTimeouts = 30;

  /// `timeout`: seconds. `now`: seconds on any clock.
  Watchdog(u32 nr_cpus, double timeout, double now) : timeout_(timeout), cpus_(nr_cpus, {{}, now, now}) {}

  /// The first CPU that hangs.
  std::optional<u32> find_hung(std::span<const CpuProgress> cpus, double now);

 private:
  struct Seen {
    CpuProgress progress;
    double since = 0;     ///< of the last step
    double op_since = 0;  ///< of the last finished operation
  };
  double timeout_;
  std::vector<Seen> cpus_;
};

/// Per CPU: operation, what it waits for, locks held, violations, last marks of its recorder. For a machine that still
/// runs: numbers may be torn.
std::string describe_hang(Machine& machine);

}  // namespace hvo::stress
