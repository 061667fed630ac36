// FiberEngine: CPUs as fibers on one thread, every step a place where another CPU may go on. The proof that the seam is
// enough: nothing in core knows of it.
//
// The calls of Engine run on the fibers and only hand back; who goes on is decided outside, in run(), which alone
// touches the schedule and what is known of the CPUs. So a sanitizer sees no sharing but that of the machine.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/base/rng.h"
#include "core/cpu/cpu.h"
#include "tests/litmus/fiber.h"

namespace hvo {

/// Picks who goes on. Alternatives are numbered from 0: the current CPU first if it can go on.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// One of n. `can_stay`: alternative 0 is the current CPU, so any other is a preemption.
  virtual u32 pick(u32 n, bool can_stay) = 0;
};

/// Each alternative with the same probability.
class RandomSchedule : public Schedule {
 public:
  explicit RandomSchedule(u64 seed) : rng_(Rng::seeded(seed)) {}
  u32 pick(u32 n, bool /*can_stay*/) override { return static_cast<u32>(rng_.below(n)); }

 private:
  Rng rng_;
};

/// All schedules with at most `preemptions` preemptions, depth first: run, then next() until it is false.
class DepthFirstSchedule : public Schedule {
 public:
  explicit DepthFirstSchedule(u32 preemptions) : bound_(preemptions) {}
  u32 pick(u32 n, bool can_stay) override;
  /// Goes to the next schedule; false when all are done.
  bool next();

 private:
  struct Decision {
    u32 chosen = 0;
    u32 nr_alternatives = 1;
  };
  u32 bound_;
  u32 nr_preemptions_ = 0;
  std::size_t depth_ = 0;
  std::vector<Decision> decisions_;
};

class FiberEngine : public Engine {
 public:
  using Body = std::function<void(Cpu&)>;
  struct Result {
    bool deadlock = false;
    u64 nr_steps = 0;
    std::vector<Violation> violations;
  };

  /// Runs body i on cpus[i], all from idle to idle, as the schedule says. On a deadlock, or a violation when
  /// `stop_at_violation`, the fibers are abandoned: dropped, not unwound.
  Result run(std::span<Cpu* const> cpus, const std::vector<Body>& bodies, Schedule& schedule, bool stop_at_violation);

  void before(Cpu& cpu, const Access& access) override;
  u64 perform(Cpu& cpu, const Access& access, void* word) override;
  void wait(Cpu& cpu, WaitFor why, const void* word) override;
  u32 choose(Cpu& /*cpu*/, Choice /*choice*/, u32 /*n*/) override { return 0; }
  void report(Cpu& cpu, const Violation& violation) override;

 private:
  /// What the fiber of a CPU reads: nothing of it changes while it runs.
  struct Actor {
    Cpu* cpu = nullptr;
    const Body* body = nullptr;
    std::unique_ptr<Fiber> fiber;
  };
  /// What run() knows of the CPU of that number.
  struct Task {
    const void* waits_on = nullptr;
    bool is_interruptible = false;  ///< serves interrupts while it waits
    bool done = false;
  };
  static void act(void* actor);
  Fiber& fiber_of(const Cpu& cpu) { return *actors_[cpu.id()].fiber; }
  bool can_run(u32 i) const;
  /// Picks who is next, kNobody when nobody can go on.
  u32 pick(u32 current);
  /// Goes on in fiber `current` until it hands back; who is next, kNobody when nobody can go on.
  u32 go_on(u32 current);

  static constexpr u32 kNobody = ~u32{0};
  std::vector<Actor> actors_;
  std::vector<Task> tasks_;
  Schedule* schedule_ = nullptr;
  bool stop_at_violation_ = false;
  Result result_;
};

}  // namespace hvo
