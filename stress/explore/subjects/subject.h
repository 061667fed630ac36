// Subject: what an exploration runs again and again: a machine in the state in which each schedule begins, what its
// CPUs do, and what came out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/machine/machine.h"
#include "stress/explore/engine/engine.h"
#include "stress/explore/subjects/snapshot.h"
#include "stress/grading.h"

namespace hvo::stress {

/// Not thread-safe: a worker's own. Its machine stays where it is.
class Subject : public Program {
 public:
  virtual ~Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  Machine& machine() const { return *machine_; }
  u32 nr_cpus() const { return machine_->nr_cpus(); }
  Snapshot& snapshot() { return *snapshot_; }

  /// All is as at the beginning of each schedule. What is drawn by lot is drawn by `variant`.
  virtual void restart(u64 /*variant*/) {
    snapshot_->restore();
    for (u32 i = 0; i < nr_cpus(); ++i) seen_[i] = {};
  }
  /// Its CPUs keep nothing on the heap, and it keeps nothing to itself: schedules that begin alike may be gone on with
  /// in the middle (checkpoints.h).
  virtual bool can_keep() const { return false; }
  void keep(u32 slot) final;
  void go_back(u32 slot) final;
  bool ends_with(const Violation& violation) override;
  /// After a schedule: grades what it left, into `outcomes`, and its events into `events`.
  /// `trace`: the engine's number for what it came to, 0 if there is none.
  virtual void judge(End end, Outcomes& outcomes, EventCounts& events, u64 trace);
  /// From now on loads may be old: a lookup without a reference may give a head that was right before.
  void expect_weak_memory() { is_weak_ = true; }
  /// What schedules of the same trace come to need not be looked at twice.
  virtual bool remembers_traces() const { return true; }
  std::size_t nr_traces() const { return traces_.size(); }
  /// A number for the state at the end of the last schedule that came to one.
  u64 last_state() const { return last_state_; }
  /// All such states so far.
  const std::unordered_set<u64>& states() const { return states_; }
  std::size_t nr_states() const { return states_.size(); }

 protected:
  explicit Subject(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}
  /// The machine is now as each schedule shall find it. When it is not valid, as it can be without a safeguard, no
  /// schedule's end is.
  void begin_here();
  /// What judge() does but for validating, and for schedules that are stuck.
  void judge_without_validation(Outcomes& outcomes, EventCounts& events);
  /// True when no schedule has ended in this state before.
  bool note_state();
  /// What a CPU saw in this schedule: its own, for to a sanitizer it is a thread; taken by judge().
  Outcomes& seen(u32 cpu) { return seen_[cpu]; }

 private:
  struct Kept {
    Snapshot::Kept machine{};
    std::array<Outcomes, kMostCpus> seen{};
  };
  void validate_if_new();

  std::unique_ptr<Machine> machine_;
  std::unique_ptr<Snapshot> snapshot_;
  std::array<Outcomes, kMostCpus> seen_{};
  std::vector<Kept> kept_{};
  bool is_weak_ = false;
  bool begins_valid_ = true;
  u64 last_state_ = 0;
  std::unordered_set<u64> states_;
  std::unordered_set<u64> bad_states_;
  std::unordered_map<u64, u64> traces_;  ///< to the state in which each ends
};

/// Makes a subject: each worker has one of its own. Error: one line for the user.
using MakeSubject = std::function<std::expected<std::unique_ptr<Subject>, std::string>()>;

/// A violation that kernels of this design really had.
bool is_known_hole(const Design& design, const Violation& violation);

}  // namespace hvo::stress
