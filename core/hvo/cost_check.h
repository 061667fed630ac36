// CostCheck: an operation may not flush, or wait for a grace period, more often than its design allows.
#pragma once

#include "core/cpu/cpu.h"

namespace hvo {

/// What one call may cost at most. A PMD split that flushes at once may add its own flush.
struct CostBudget {
  u64 flushes = 0;
  u64 grace_periods = 0;
};

/// Compares this CPU's counters at the end of a scope with those at its beginning; reports Rule::cost. A detector: no
/// step. History: one grace period per folio made a demotion of 100 GiB take 8m58s instead of 0.9 s (Z6).
class CostCheck {
 public:
  CostCheck(Cpu& cpu, CostBudget budget, std::string_view what)
      : cpu_(cpu), budget_(budget), what_(what), before_(now()) {}
  /// The call may flush once more: it met a failure that it had to undo or to make room for.
  void allow_flush() { ++budget_.flushes; }
  /// There is something to restore after all.
  void allow_grace_period() { budget_.grace_periods = 1; }
  ~CostCheck() {
    const Counts after = now();
    check(budget_.flushes + after.splits - before_.splits, after.flushes - before_.flushes);
    check(budget_.grace_periods, after.grace_periods - before_.grace_periods);
  }
  CostCheck(const CostCheck&) = delete;
  CostCheck& operator=(const CostCheck&) = delete;

 private:
  struct Counts {
    u64 flushes, grace_periods, splits;
  };
  Counts now() const {
    const EventCounts& c = cpu_.diagnostics().counts;
    return {c[Event::tlb_flush], c[Event::grace_period], c[Event::pmd_split]};
  }
  void check(u64 allowed, u64 seen) {
    if (seen > allowed) cpu_.report({.rule = Rule::cost, .expected = allowed, .seen = seen, .what = what_});
  }

  Cpu& cpu_;
  CostBudget budget_;
  std::string_view what_;
  Counts before_;
};

}  // namespace hvo
