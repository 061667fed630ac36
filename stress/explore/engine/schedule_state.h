// ScheduleState: what the exploring engine itself knows of the schedule that runs, but for its decisions.
#pragma once

#include <array>

#include "core/cpu/cpu.h"

namespace hvo::stress {

inline constexpr u32 kMostCpus = 8;

/// Plain data: a copy of it, beside the machine's and the fibers', is enough to go on from there (checkpoints.h).
struct ScheduleState {
  /// What is known of a CPU.
  struct Task {
    Cpu* cpu = nullptr;
    const void* waits_on = nullptr;  ///< if it waits
    WaitFor wait_for{};
    Op wait_op{};
    bool is_interruptible = false;  ///< serves interrupts while it waits
    u32 rcu_depth = 0;              ///< at its last step
    u32 nr_steps = 0;
    Access access{};  ///< what it is about to do; only when that is recorded
  };
  std::array<Task, kMostCpus> tasks{};
  u32 waiting = 0;  ///< a bit for each CPU that waits
  u32 done = 0;     ///< a bit for each that is done, and for those that there are not
  u32 nr_steps = 0;
  u32 nr_switches = 0;
  u32 nr_decisions = 0;
  u32 last_cpu = 0;
  u32 evictions_left = 0;
  u32 failures_left = 0;
  bool was_picked = false;       ///< the current CPU could stay, stayed, and another could have gone on
  bool has_met = false;          ///< it has met another one since
  bool could_serve = false;      ///< where it was picked it served what it was asked
  bool is_new_turn = true;       ///< it has done nothing yet in its turn
  bool has_only_served = false;  ///< in its turn it has served interrupts and not gone on
};

}  // namespace hvo::stress
