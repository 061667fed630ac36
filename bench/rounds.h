// Paired, interleaved rounds: how arms are compared.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "bench/arm.h"
#include "bench/stats.h"

namespace hvo::bench {

/// Arms measured side by side, and what came out: ns[i][r] nanoseconds per operation of arm i in round r.
struct Samples {
  std::vector<const Arm*> arms;
  std::vector<std::vector<double>> ns;

  const std::vector<double>& of(std::string_view name) const;
  /// Time of `a` over time of `b`, paired by round.
  Spread ratio(std::string_view a, std::string_view b) const { return ratio_of(of(a), of(b)); }
};

/// Runs one batch of each arm per round, after one round that does not count. Each round begins with another arm, every
/// second one goes backwards: no arm is always first, or always after the same one.
/// An interrupt ends them early, with one round at least.
Samples run_rounds(const std::vector<const Arm*>& arms, unsigned nr_rounds);

}  // namespace hvo::bench
