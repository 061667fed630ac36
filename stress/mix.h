// Mix: which actors a round runs, and how often.
//
// With --swarm each round leaves out about half of the actors and weighs the rest anew (swarm testing: Groce, Zhang,
// Eide, Chen, Regehr 2012): what never happens next to a frequent actor gets its chance in a round without it.
#pragma once

#include <span>
#include <vector>

#include "stress/scenario.h"

namespace hvo::stress {

/// The actors of one kind of CPU with the weights of one round.
class WeightedActors {
 public:
  WeightedActors() = default;
  /// As the scenario weighs them.
  explicit WeightedActors(std::span<const Actor> actors);
  /// A random subset, never empty, weighed anew.
  static WeightedActors swarm(std::span<const Actor> actors, Rng& rng);

  /// Index of a random actor.
  std::size_t pick(Rng& rng) const;
  std::span<const Actor> actors() const { return actors_; }
  /// 0: left out.
  u64 weight(std::size_t i) const { return weights_[i]; }

 private:
  std::span<const Actor> actors_;
  std::vector<u64> weights_;
  u64 sum_ = 0;
};

struct Mix {
  WeightedActors first;   ///< of CPU 0
  WeightedActors others;  ///< of the other CPUs

  /// Drawn from the round's seed alone.
  static Mix of(const Scenario& scenario, bool swarm, u64 round_seed);
  const WeightedActors& of_cpu(u32 cpu) const { return cpu == 0 ? first : others; }
};

}  // namespace hvo::stress
