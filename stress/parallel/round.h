// Round: one fresh machine, N operations on each of its CPUs.
//
// Synchronises-with pairs: (1) a task is done: hand-over word store release ↔ (2) the CPU's next task, on whatever host
// thread: load acquire. (3) the chain is done: fetch_add release ↔ (4) the main thread: load acquire. (5) everything is
// made: store release ↔ the first thing that a task reads: load acquire.
#pragma once

#include <array>

#include "stress/mix.h"
#include "stress/parallel/live.h"
#include "stress/parallel/perturber.h"
#include "stress/parallel/tbb_pool.h"
#include "stress/run_options.h"

namespace hvo::stress {

struct RoundConfig {
  Mix mix;
  u64 seed = 1;
  u32 nr_threads = 1;
  u32 ops_per_cpu = 1;
  bool is_perturbed = false;  ///< CPUs are delayed in the middle of things (perturber.h)
  Plant plant = Plant::none;
  bool checks_start = false;  ///< the machine is recounted before anything runs, too
};

/// What a round gave. After a hang: what can be said without touching the machine.
struct RoundResult {
  Outcomes outcomes;
  EventCounts events;
  u64 frames_saved = 0;
  bool is_apart = false;  ///< its CPUs did not start together
};

/// Thread-safety: run_task by the pool; all else by the thread that made it.
class Round {
 public:
  static constexpr u32 kMostActors = 32;

  Round(RoundConfig config, Machine& machine);
  /// One task: up to kOpsPerTask operations of CPU `cpu`; true while there are more. A TaskFn.
  static bool run_task(void* round, unsigned cpu);
  /// Every CPU ends after the operation that it is in.
  void stop() { stop_.store(true, std::memory_order::relaxed); }
  bool is_done() const { return nr_done_.load(std::memory_order::acquire) == machine_.nr_cpus(); }  // (4)

  /// Of CPU `cpu`: operations finished, and whether it has no more to do.
  u64 nr_ops(u32 cpu) const;
  bool is_done(u32 cpu) const { return hand_over_[cpu].nr_left.load(std::memory_order::relaxed) == 0; }
  LiveNumbers live() const;
  /// Frames that the whole vmemmap takes when nothing is optimised.
  u64 nr_vmemmap_frames() const;
  Machine& machine() { return machine_; }
  const Mix& mix() const { return config_.mix; }

  /// Gives all back, validates, grades. After is_done().
  RoundResult finish();
  /// The result of a round that will never be done.
  RoundResult give_up();
  /// How often actor `actor` ran on CPU 0, or on all others. After is_done().
  u64 nr_runs(bool on_first_cpu, std::size_t actor) const;

 private:
  static constexpr u32 kOpsPerTask = 64;
  struct alignas(64) HandOver {
    std::atomic<u64> nr_left{0};
    std::array<u64, kMostActors> nr_runs{};  // passes between host threads by (1)(2)
  };
  bool task(u32 cpu);
  void run_one(Cpu& cpu, const WeightedActors& actors);
  void meet(Activity& activity);
  void hang(Cpu& cpu);
  void attach_perturbers();
  void detach_perturbers();
  u64 frames_saved() const;

  RoundConfig config_;
  Machine& machine_;
  Shared shared_;
  std::vector<HandOver> hand_over_;
  std::vector<LiveCpu> live_;
  std::vector<Perturber> perturbers_;  ///< one per CPU, or none
  u32 nr_meeting_;
  bool begins_valid_ = true;
  std::atomic<bool> is_made_{false};  // (5)
  std::atomic<u32> nr_done_{0};
  std::atomic<u32> nr_gave_up_meeting_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace hvo::stress
