#include "stress/mix.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace hvo::stress {
namespace {

std::vector<u64> weights(const WeightedActors& a) {
  std::vector<u64> w;
  for (std::size_t i = 0; i < a.actors().size(); ++i) w.push_back(a.weight(i));
  return w;
}

TEST(Mix, WithoutSwarmIsTheScenariosInEveryRound) {
  const Scenario& s = *find_scenario("mixed");
  for (u64 seed = 0; seed < 3; ++seed) {
    const Mix mix = Mix::of(s, false, seed);
    for (std::size_t i = 0; i < s.first.size(); ++i) EXPECT_EQ(mix.first.weight(i), s.first[i].weight);
  }
}

TEST(Mix, SwarmIsDrawnFromTheRoundsSeedAlone) {
  const Scenario& s = *find_scenario("mixed");
  EXPECT_EQ(weights(Mix::of(s, true, 5).first), weights(Mix::of(s, true, 5).first));
  std::set<std::vector<u64>> different;
  for (u64 seed = 0; seed < 20; ++seed) different.insert(weights(Mix::of(s, true, seed).others));
  EXPECT_GT(different.size(), 15U);
}

TEST(Mix, SwarmNeverLeavesACpuWithoutActorsAndLeavesEachOutNowAndThen) {
  for (const Scenario& s : scenarios()) {
    std::vector<unsigned> nr_out(s.others.size());
    for (u64 seed = 0; seed < 64; ++seed) {
      const std::vector<u64> w = weights(Mix::of(s, true, seed).others);
      EXPECT_GT(std::accumulate(w.begin(), w.end(), u64{0}), 0U) << s.name;
      for (std::size_t i = 0; i < w.size(); ++i) nr_out[i] += w[i] == 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < nr_out.size() && nr_out.size() > 1; ++i) {
      EXPECT_GT(nr_out[i], 5U) << s.name << " " << s.others[i].name;
    }
  }
}

TEST(WeightedActors, PickNeverGivesOneThatIsLeftOut) {
  const Scenario& s = *find_scenario("mixed");
  Rng rng = Rng::seeded(1);
  const WeightedActors drawn = WeightedActors::swarm(s.others, rng);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(drawn.weight(drawn.pick(rng)), 0U);
}

}  // namespace
}  // namespace hvo::stress
