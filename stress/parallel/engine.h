// The parallel engine: rounds on host threads until time or operations are used up, with a watchdog.
#pragma once

#include <expected>
#include <string>

#include "stress/scenario.h"

namespace hvo::stress {

struct RunOptions {
  const Scenario* scenario = nullptr;
  MachineConfig machine;
  u32 nr_threads = 2;
  double seconds = 10;
  u64 nr_ops = 0;  ///< total; 0: as long as `seconds`
  u64 seed = 1;
  double hang_timeout = 20;
};

struct RunResult {
  Outcomes outcomes;
  EventCounts events;
  u64 nr_ops = 0;
  u64 nr_rounds = 0;
  double seconds = 0;
  u64 frames_saved = 0;       ///< at the end of the last round's operations
  u64 frames_saved_peak = 0;  ///< most, over rounds
  bool interrupted = false;
};

/// Error: a machine can't be made, one line. A hang dumps what each CPU does and ends the process with code 6.
std::expected<RunResult, std::string> run(const RunOptions& options);

}  // namespace hvo::stress
