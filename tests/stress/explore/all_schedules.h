// AllSchedules: what a depth-first search of one subject comes to, kept so that two searches can be compared.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "stress/explore/engine/footprints.h"
#include "stress/explore/subjects/small_ops.h"

namespace hvo::test {

/// What came out of some schedules.
struct Seen {
  u64 nr_schedules = 0;
  std::set<std::string> outcomes;      ///< how each ended, what was graded, what was reported
  std::set<u64> states;                ///< of the machine where each ended
  std::set<std::pair<u64, u64>> ends;  ///< trace, and the state that it ended in
  std::set<u64> traces() const;
  /// The same traces, but for where between its own steps a CPU served the requests of others: an interrupt handler
  /// that meets none of its CPU's steps could as well have run one step later.
  std::set<u64> traces_but_for_interrupts;
};

/// Small operations on the tiny geometry.
struct SmallRace {
  std::string_view ops;  ///< joined by '+'
  std::string_view design = "fake-head";
  FlushBy flush_by = FlushBy::ipi;
  bool ll_sc = false;
  Safeguards safeguards{};
};
MachineConfig config_of(const SmallRace& race);
std::unique_ptr<stress::Subject> make_subject(const SmallRace& race);
stress::MakeSubject maker_of(const SmallRace& race);

/// Each schedule with at most so many preemptions; `reduced`: without those that differ in nothing.
Seen all_schedules(stress::Subject& subject, u32 preemptions, bool reduced, const stress::EngineOptions& options = {});

}  // namespace hvo::test
