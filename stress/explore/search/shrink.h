// Shrinking: from a schedule that was found to the smallest known one of the same failure.
#pragma once

#include "stress/explore/options.h"

namespace hvo::stress {

/// What a failure is, so that a smaller schedule can be held against it: another failure does not do.
struct Failure {
  std::optional<Key> key;  ///< what was searched for; else the first forbidden outcome
  Rule rule{};             ///< of the first violation, if key is about one
  Op op{};
};
Failure failure_of(const Outcomes& outcomes, const std::optional<Key>& find);
bool is_same(const Failure& failure, const Outcomes& outcomes);

struct Shrunk {
  Witness witness;
  u32 nr_ops = 1;  ///< per CPU, that are left
  u32 nr_cpus = 2;
  u64 nr_tries = 0;
  std::size_t nr_switches_before = 0;  ///< decisions that are not the default
  std::size_t nr_switches_after = 0;
};

/// First fewer operations and CPUs of a scenario, searched anew for at most `seconds` each; then fewer decisions of the
/// schedule that was found. Each step counts only if the same failure comes again. `options` are changed to what is
/// left. Error: a subject could not be made.
std::expected<Shrunk, std::string> shrink(ExploreOptions& options, const Witness& witness, double seconds);

}  // namespace hvo::stress
