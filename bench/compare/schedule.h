// CompareSchedule: what the next round of a comparison measures, by how long those before took.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "bench/compare/recording.h"

namespace hvo::bench {

/// A round is a process of each design. One of all cases takes seconds, one of the headline's alone a fraction: in a
/// comparison of all cases a quarter of the time, or kFewestOfHeadline rounds, goes to these, which a narrow interval
/// needs; and what is left at the end, when no round of all cases fits any more. One thread.
class CompareSchedule {
 public:
  using Seconds = std::chrono::duration<double>;
  /// Rounds of the headline in any comparison of all cases: with so many the tests know what can be told.
  static constexpr u64 kFewestOfHeadline = 24;

  /// `now`: seconds since some moment; for tests.
  CompareSchedule(Extent extent, Seconds budget, std::function<Seconds()> now = steady_now);

  Seconds passed() const { return now_() - start_; }
  /// kFewestProcesses of each design are done.
  bool has_enough() const { return of(extent_).nr_rounds >= kFewestProcesses; }
  /// What the next round measures; it begins now. Nothing: the budget would be passed.
  std::optional<Extent> next();
  /// That round is over.
  void done(Extent extent);

 private:
  struct Kind {
    u64 nr_rounds = 0;
    Seconds spent{0};
    Seconds longest{0};
  };
  static Seconds steady_now();
  const Kind& of(Extent extent) const { return extent == Extent::quick ? quick_ : all_; }
  Kind& of(Extent extent) { return extent == Extent::quick ? quick_ : all_; }
  bool wants_headline(Seconds passed) const;

  Extent extent_;
  Seconds budget_;
  std::function<Seconds()> now_;
  Seconds start_;
  Seconds begin_;
  Kind quick_{}, all_{};
};

}  // namespace hvo::bench
