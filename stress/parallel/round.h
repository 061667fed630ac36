// Round: one fresh machine, N operations on each of its CPUs.
//
// Synchronises-with pairs: (1) a task is done: hand-over word store release ↔ (2) the CPU's next task, on whatever host
// thread: load acquire. (3) the chain is done: fetch_add release ↔ (4) the main thread: load acquire.
#pragma once

#include "stress/parallel/tbb_pool.h"
#include "stress/scenario.h"

namespace hvo::stress {

class Round {
 public:
  Round(const Scenario& scenario, Machine& machine, u64 seed, u32 nr_threads, u32 ops_per_cpu);
  /// One task: up to kOpsPerTask operations of CPU `cpu`; true while there are more. A TaskFn.
  static bool run_task(void* round, unsigned cpu);
  void stop() { stop_.store(true, std::memory_order::relaxed); }
  bool is_done() const { return nr_done_.load(std::memory_order::acquire) == machine_.nr_cpus(); }  // (4)
  u64 nr_ops() const;
  /// Gives all back, validates, grades. After is_done().
  Outcomes finish(EventCounts& counts);

 private:
  static constexpr u32 kOpsPerTask = 64;
  struct alignas(64) HandOver {
    std::atomic<u64> nr_left{0};
  };
  bool task(u32 cpu);
  void meet();

  const Scenario& scenario_;
  Machine& machine_;
  Shared shared_;
  std::vector<HandOver> hand_over_;
  /// (5) stored, release, when all else is made ↔ loaded, acquire, before anything else is read.
  std::atomic<bool> is_made_{false};
  std::atomic<u32> nr_done_{0};
  std::atomic<bool> stop_{false};
  u32 ops_per_cpu_;
  u32 nr_meeting_;
};

}  // namespace hvo::stress
