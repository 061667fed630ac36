#include "stress/parallel/fair_clock.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace hvo::stress {

FairClock::FairClock() : start_(Clock::now()), looked_(start_) { longest_wait(); }

double FairClock::now() {
  const Clock::time_point at = Clock::now();
  if (at - looked_ < kBetweenLooks) return fair_;
  const std::chrono::duration<double> gap = at - std::exchange(looked_, at);
  const double stopped = gap > kLongestGap ? gap.count() : 0;  // no wait for a core, as the host counts
  waited_ += std::max(longest_wait(), stopped);
  // A wait is told when it is over, so there may be more of it than time has passed since the last look.
  fair_ = std::max(fair_, std::chrono::duration<double>(at - start_).count() - waited_);
  return fair_;
}

double FairClock::longest_wait() {
  std::map<i64, u64> waited;
  u64 longest = 0;
  std::error_code gone;  // a thread may end while it is looked at
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::ifstream file(task.path() / "schedstat");
    std::string line;
    if (!std::getline(file, line)) continue;
    const i64 id = std::atoll(task.path().filename().c_str());
    const u64 ns = run_delay_of(line.c_str());
    waited[id] = ns;
    const auto before = waited_ns_.find(id);  // a new thread has waited since it was made
    longest = std::max(longest, ns - (before == waited_ns_.end() ? 0 : std::min(ns, before->second)));
  }
  waited_ns_ = std::move(waited);
  return static_cast<double>(longest) / 1e9;
}

u64 run_delay_of(const char* schedstat) {
  u64 ran = 0;
  u64 waited = 0;
  return std::sscanf(schedstat, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2 ? waited : 0;
}

}  // namespace hvo::stress
