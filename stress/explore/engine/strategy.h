// Strategy: who decides in an exploration. It picks which CPU takes the next step, and answers the choices.
#pragma once

#include <optional>

#include "core/cpu/access.h"

namespace hvo::stress {

/// A place where one of several CPUs may go on.
struct Turn {
  u32 current = 0;           ///< the CPU that went last
  bool can_stay = false;     ///< alternative 0 is that CPU and goes on where it is, so that any other is a preemption
  u32 nr = 0;                ///< alternatives, 2 or more
  const u8* cpus = nullptr;  ///< which CPU each is
};

/// A choice that is none of the schedule: an eviction, a failing allocation, an old value.
struct Question {
  enum class About : u8 { tlb_evict, alloc_fails, old_value };
  About about{};
  u32 cpu = 0;
  u32 nr = 2;  ///< alternatives; 0 is what a plain run does
};

/// Decides all of one schedule after the other. Not thread-safe: each worker has its own.
class Strategy {
 public:
  virtual ~Strategy() = default;
  /// The next schedule begins. False when there is none left.
  virtual bool begin() = 0;
  virtual u32 pick(const Turn& turn) = 0;
  virtual u32 choose(const Question& question) = 0;
  /// The CPU that stayed at the last turn has met nobody since then (footprints.h): had it been another one's turn,
  /// that one could as well have had it now.
  virtual void met_nobody() {}
  /// CPU `cpu` begins a step. Called for strategies that count.
  virtual void step(u32 /*cpu*/) {}
  virtual bool counts_steps() const { return false; }
  /// Which of its schedules runs, or was run last.
  virtual u64 index() const = 0;
  /// How many preemptions it allows, if that is for it to say.
  virtual std::optional<u32> bound() const { return std::nullopt; }
  /// Of the schedule that has begun: as many of its first decisions are those of the one before. Nothing: checkpoints
  /// (checkpoints.h) are not for this strategy.
  virtual std::optional<u32> nr_common() const { return std::nullopt; }
  /// Before a pick: more than one schedule may go on from here.
  virtual bool wants_checkpoint() const { return false; }
  /// So many decisions of the schedule that has begun have been taken.
  virtual void go_on_behind(u32 /*nr_decisions*/) {}
  /// The schedule has come to its end.
  virtual void end() {}
};

}  // namespace hvo::stress
