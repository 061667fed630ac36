// Shrinking: from a schedule that was found to the smallest known one of the same failure.
#pragma once

#include <functional>

#include "stress/explore/options.h"

namespace hvo::stress {

/// What a failure is, so that a smaller schedule can be held against it: another failure does not do.
struct Failure {
  std::optional<Key> key;  ///< what was searched for; else the first forbidden outcome
  Rule rule{};             ///< of the first violation, if key is about one
  Op op{};
  std::size_t hole = 0;  ///< of the design's, if key is about one
  End end{};             ///< if key is about schedules that come to none
};
Failure failure_of(const Outcomes& outcomes, End end, const std::optional<Key>& find);
bool is_same(const Failure& failure, const Outcomes& outcomes, End end);

/// What a program is made of.
struct ProgramSize {
  u32 nr_cpus = 0;
  u32 nr_ops = 0;     ///< of each CPU
  u64 nr_folios = 0;  ///< in the pools of a scenario at the start
  friend bool operator==(const ProgramSize&, const ProgramSize&) = default;
};
ProgramSize size_of(const ExploreOptions& options);

struct Shrunk {
  Witness witness;
  ProgramSize before{}, after{};
  u64 nr_tries = 0;                    ///< smaller programs searched, and schedules of fewer decisions run
  std::size_t nr_switches_before = 0;  ///< decisions that are not the default
  std::size_t nr_switches_after = 0;
};

struct ShrinkLimits {
  double seconds_each = 0;  ///< that a smaller program is searched
  u64 schedules_each = 0;   ///< likewise; 0: any number
  double seconds = 0;       ///< in which all ends, but for a search that is under way
};

/// Called with each program before it is searched.
using WatchShrinking = std::function<void(const ExploreOptions& smaller)>;

/// First fewer CPUs, operations and folios, each searched anew; then fewer decisions of the schedule that was found.
/// Each step counts only if the same failure comes again. What is found till the limit, or an interrupt, counts.
/// `options` are changed to what is left. Error: a subject could not be made.
std::expected<Shrunk, std::string> shrink(ExploreOptions& options, const Witness& witness, const ShrinkLimits& limits,
                                          const WatchShrinking& watch = {});

}  // namespace hvo::stress
