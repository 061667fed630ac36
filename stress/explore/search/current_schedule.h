// CurrentSchedule: which schedules run right now, in a small file that outlives the process however it ends.
#pragma once

#include <string>
#include <vector>

#include "stress/explore/engine/strategy_spec.h"

namespace hvo::stress {

/// The file is mapped: a note is a few stores to memory, and the host keeps them though the process be killed. A crash
/// prints it. Removed by the destructor: what is left behind was not ended in order.
class CurrentSchedule {
 public:
  static constexpr u32 kMostWorkers = 256;
  /// `command` searches the same again. Where no file can be made it notes nothing. One at a time.
  CurrentSchedule(const std::string& command, u32 nr_workers);
  ~CurrentSchedule();
  CurrentSchedule(const CurrentSchedule&) = delete;
  CurrentSchedule& operator=(const CurrentSchedule&) = delete;

  /// Worker `worker` begins schedule `index` of this strategy. Each worker has a line of its own.
  void note(u32 worker, const StrategySpec& strategy, u64 index);
  /// Empty: there is none.
  const std::string& path() const { return path_; }

 private:
  /// What stands in a worker's line.
  struct Line {
    StrategySpec strategy;
    char* digits = nullptr;
  };

  std::string path_;
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::size_t first_line_ = 0;  ///< offset of worker 0's
  std::vector<Line> lines_;
};

}  // namespace hvo::stress
