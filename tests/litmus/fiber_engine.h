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
#include "tests/litmus/footprints.h"

namespace hvo {

/// Picks who goes on. Alternatives are numbered from 0: the current CPU first if it can go on.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// One of n. `can_stay`: alternative 0 is the current CPU, so any other is a preemption. Not when all that it did in
  /// its turn was to serve an interrupt: it is where it was preempted, and to leave it there costs nothing.
  virtual u32 pick(u32 n, bool can_stay) = 0;
  /// The CPU picked last has taken its step and met nobody (footprints.h): had it been another one's turn, that one
  /// could as well have had it now.
  virtual void met_nobody() {}
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
  void met_nobody() override;
  /// Goes to the next schedule; false when all are done.
  bool next();
  /// Of the schedule that was just run: its preemptions, and what was picked, for a ReplaySchedule.
  u32 nr_preemptions() const { return nr_preemptions_; }
  std::vector<u32> picks() const;

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

/// One schedule again.
class ReplaySchedule : public Schedule {
 public:
  explicit ReplaySchedule(std::vector<u32> picks) : picks_(std::move(picks)) {}
  u32 pick(u32 /*n*/, bool /*can_stay*/) override { return next_ < picks_.size() ? picks_[next_++] : 0; }

 private:
  std::vector<u32> picks_;
  std::size_t next_ = 0;
};

/// What a CPU handed back: a line of a recording.
struct Moment {
  u32 cpu = 0;
  HandBack said;
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

  /// Leaves out schedules that differ in nothing. `footprints` outlives the runs, and learns from them.
  void skip_what_meets_nobody(Footprints& footprints) { footprints_ = &footprints; }
  /// Every run appends all that its CPUs do.
  void record(std::vector<Moment>& moments) { moments_ = &moments; }
  /// Every run tells all that its CPUs do, as they do it: nobody has gone on meanwhile.
  void listen(std::function<void(const Moment&)> listener) { listener_ = std::move(listener); }

  void before(Cpu& cpu, const Access& access) override;
  u64 perform(Cpu& cpu, const Access& access, void* word) override;
  void wait(Cpu& cpu, WaitFor why, const void* word) override;
  u32 choose(Cpu& /*cpu*/, Choice /*choice*/, u32 /*n*/) override { return 0; }
  void report(Cpu& cpu, const Violation& violation) override;

 protected:
  /// Does the access, on the fiber. An engine with another memory than the machine's gives other values.
  virtual u64 do_access(Cpu& cpu, const Access& access, void* word) { return cpu.perform(access, word); }

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
    u32 rcu_depth = 0;  ///< at its last step
  };
  static void act(void* actor);
  Fiber& fiber_of(const Cpu& cpu) { return *actors_[cpu.id()].fiber; }
  bool can_run(u32 i) const;
  /// Picks who is next, kNobody when nobody can go on.
  u32 pick(u32 current);
  /// Goes on in fiber `current` until it hands back; who is next, kNobody when nobody can go on.
  u32 go_on(u32 current);
  void did(u32 current, const HandBack& said);
  /// A request in a mailbox: posted or served as part of another step.
  bool is_request(const void* word) const;
  void note_turn(const HandBack& said, bool request);

  static constexpr u32 kNobody = ~u32{0};
  std::vector<Actor> actors_;
  std::vector<Task> tasks_;
  Schedule* schedule_ = nullptr;
  bool stop_at_violation_ = false;
  Footprints* footprints_ = nullptr;
  std::vector<Moment>* moments_ = nullptr;
  std::function<void(const Moment&)> listener_;
  bool was_picked_ = false;       ///< the current CPU could stay, stayed, and another could have gone on
  bool has_met_ = false;          ///< it has met another one since
  bool is_new_turn_ = true;       ///< it has done nothing yet in its turn
  bool has_only_served_ = false;  ///< in its turn it has served interrupts and not gone on
  Result result_;
};

}  // namespace hvo
