// RunResult: what a run saw, summed over its rounds.
#pragma once

#include <optional>
#include <vector>

#include "stress/grading.h"

namespace hvo::stress {

/// A forbidden violation, and the round in which it was seen.
struct Finding {
  Violation violation;
  u64 round = 0;
};

/// How often an actor ran. CPU 0 may have other actors than the rest.
struct ActorRuns {
  std::string_view name;
  bool on_first_cpu = false;
  u64 nr_rounds = 0;  ///< rounds in which it had a weight: with --swarm not all
  u64 nr_runs = 0;
};

struct RunResult {
  Outcomes outcomes;
  EventCounts events;
  std::vector<Finding> findings;       ///< the first of each kind
  std::optional<u64> first_bad_round;  ///< that had a forbidden outcome
  /// From the start of the run to the first forbidden outcome, as seen by who watches it: some milliseconds late.
  std::optional<double> first_bad_seconds;
  std::vector<ActorRuns> actors;
  u64 nr_ops = 0;
  u64 nr_rounds = 0;
  u64 nr_rounds_apart = 0;  ///< rounds whose CPUs did not start together within the gate's time-out
  double seconds = 0;
  u64 frames_saved = 0;       ///< vmemmap frames, at the end of the last round's operations
  u64 frames_saved_peak = 0;  ///< at least: as sampled
  u64 frames_of_vmemmap = 0;  ///< all that could be mapped
  bool is_interrupted = false;
  bool is_hung = false;

  u64 nr_lookups() const { return events[Event::lookup]; }
  /// Adds one round's outcomes.
  void add(const Outcomes& round_outcomes, u64 round);
};

}  // namespace hvo::stress
