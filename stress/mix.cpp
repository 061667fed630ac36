#include "stress/mix.h"

#include <numeric>

namespace hvo::stress {

namespace {

constexpr u64 kSwarmStream = 0x73776172;  // apart from the streams of the CPUs

}  // namespace

WeightedActors::WeightedActors(std::span<const Actor> actors) : actors_(actors) {
  for (const Actor& a : actors) weights_.push_back(a.weight);
  sum_ = std::accumulate(weights_.begin(), weights_.end(), u64{0});
}

WeightedActors WeightedActors::swarm(std::span<const Actor> actors, Rng& rng) {
  WeightedActors drawn(actors);
  do {
    for (std::size_t i = 0; i < actors.size(); ++i) {
      const bool is_in = rng.one_in(2);
      const u64 factor = u64{1} << rng.below(5);  // 1/4 … 4 times the scenario's weight
      drawn.weights_[i] = is_in ? actors[i].weight * factor : 0;
    }
    drawn.sum_ = std::accumulate(drawn.weights_.begin(), drawn.weights_.end(), u64{0});
  } while (drawn.sum_ == 0);
  return drawn;
}

std::size_t WeightedActors::pick(Rng& rng) const {
  u64 n = rng.below(sum_);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (n < weights_[i]) return i;
    n -= weights_[i];
  }
  return weights_.size() - 1;
}

Mix Mix::of(const Scenario& scenario, bool swarm, u64 round_seed) {
  if (!swarm) return {WeightedActors(scenario.first), WeightedActors(scenario.others)};
  Rng rng = Rng::seeded(round_seed, kSwarmStream);
  WeightedActors first = WeightedActors::swarm(scenario.first, rng);
  return {std::move(first), WeightedActors::swarm(scenario.others, rng)};
}

}  // namespace hvo::stress
