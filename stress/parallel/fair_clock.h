// FairClock: time in which this process could run. On a host that gives its threads no core for half a minute, nothing
// hangs; the watchdog asks this clock.
#pragma once

#include <chrono>
#include <map>

#include "core/base/types.h"

namespace hvo::stress {

/// Seconds since it was made, without those that a thread of this process spent waiting for a core (run_delay of
/// /proc/self/task/*/schedstat; of several threads the one that waited longest). Where the host does not tell, all time
/// counts. One user.
class FairClock {
 public:
  static constexpr std::chrono::milliseconds kBetweenLooks{100};
  /// Whoever looks every now and then and did not for so long was stopped itself (Ctrl-Z), and so were all.
  static constexpr std::chrono::seconds kLongestGap{1};

  FairClock();
  /// Moves on every kBetweenLooks.
  double now();

 private:
  using Clock = std::chrono::steady_clock;
  /// The longest that any thread waited since the last look, in seconds.
  double longest_wait();

  Clock::time_point start_;
  Clock::time_point looked_;
  double waited_ = 0;
  double fair_ = 0;
  std::map<i64, u64> waited_ns_;  ///< of each thread, till the last look
};

/// The second number of a schedstat file, nanoseconds; 0 when it is none.
u64 run_delay_of(const char* schedstat);

}  // namespace hvo::stress
