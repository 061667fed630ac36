// The strategies that draw lots.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "stress/explore/engine/strategy_spec.h"
#include "tests/stress/explore/bodies.h"

namespace hvo::stress {
namespace {

using test::Meeting;

constexpr std::array kKinds{StrategySpec{StrategySpec::Kind::random, 4}, StrategySpec{StrategySpec::Kind::urw, 0},
                            StrategySpec{StrategySpec::Kind::pct, 3}};

std::vector<std::string> decisions_of(Meeting& meeting, const StrategySpec& spec, const Indices& indices, u32 n) {
  const auto strategy = make_random_strategy(spec, indices, meeting.baseline());
  std::vector<std::string> all;
  for (u32 i = 0; i < n; ++i) {
    EXPECT_TRUE(strategy->begin());
    EXPECT_EQ(strategy->index(), indices.first + i * indices.stride);
    meeting.run(*strategy);
    all.push_back(meeting.decisions());
  }
  return all;
}

TEST(RandomStrategies, AScheduleIsNamedBySeedAndIndexWhateverWasRunBefore) {
  Meeting meeting(8);
  for (const StrategySpec& spec : kKinds) {
    SCOPED_TRACE(strategy_text(spec));
    const auto all = decisions_of(meeting, spec, {.seed = 7}, 12);
    EXPECT_EQ(decisions_of(meeting, spec, {.seed = 7}, 12), all);
    EXPECT_EQ(decisions_of(meeting, spec, {.seed = 7, .first = 11}, 1).front(), all[11]);
    const auto second_worker = decisions_of(meeting, spec, {.seed = 7, .first = 1, .stride = 3}, 3);
    EXPECT_EQ(second_worker, (std::vector{all[1], all[4], all[7]}));
    EXPECT_NE(decisions_of(meeting, spec, {.seed = 8}, 12), all);
  }
}

TEST(RandomStrategies, EachDecidesInItsOwnWay) {
  Meeting meeting(8);
  std::set<std::vector<std::string>> different;
  for (const StrategySpec& spec : kKinds) different.insert(decisions_of(meeting, spec, {.seed = 7}, 12));
  EXPECT_EQ(different.size(), kKinds.size());
}

TEST(RandomStrategies, TheUniformWalkTakesAllInterleavingsEquallyOften) {
  constexpr u32 kTimes = 500;  // each: the standard deviation is 22
  constexpr u32 kInterleavings = 20;
  Meeting meeting(3);
  UniformRandomWalk walk({.seed = 1}, meeting.baseline());
  std::map<std::string, u32> seen;
  for (u32 i = 0; i < kTimes * kInterleavings; ++i) {
    walk.begin();
    ++seen[meeting.run(walk)];
  }
  EXPECT_EQ(seen.size(), kInterleavings);
  double chi_square = 0;
  for (const auto& [order, n] : seen) {
    const double off = n - double{kTimes};
    chi_square += off * off / kTimes;
    EXPECT_NEAR(n, kTimes, 120) << order;
  }
  EXPECT_LT(chi_square, 50) << "of 19 degrees of freedom: one in ten thousand seeds has more than 48";
}

TEST(RandomStrategies, TheUniformWalkMindsWhoHasMoreLeft) {
  // A CPU of one step among one of many comes last as often as it comes first.
  Meeting meeting(8, 2);
  Baseline lopsided = meeting.baseline();
  lopsided.steps[1] = 1;
  UniformRandomWalk walk({.seed = 1}, lopsided);
  u32 nr_first = 0;
  for (u32 i = 0; i < 1000; ++i) {
    walk.begin();
    if (meeting.run(walk).front() == '1') ++nr_first;
  }
  EXPECT_NEAR(nr_first, 111, 40) << "it is the first of nine, of eight, and so on";
}

TEST(RandomStrategies, PctPreemptsAtMostOneTimeLessThanItsDepth) {
  Meeting meeting(8);
  for (const u32 depth : {1U, 2U, 4U}) {
    PctStrategy pct({.seed = 3}, depth, meeting.baseline());
    u32 most = 0;
    for (u32 i = 0; i < 200; ++i) {
      pct.begin();
      meeting.run(pct);
      // One switch more: the first has come to its end.
      most = std::max(most, meeting.engine().nr_switches());
    }
    EXPECT_LE(most, depth - 1) << depth;
    EXPECT_EQ(most, depth - 1) << depth;
  }
}

TEST(RandomStrategies, ARandomWalkSwitchesAsSeldomAsItIsTold) {
  Meeting meeting(16);
  std::array<u32, 2> nr_switches{};
  constexpr std::array kOneIn{2U, 16U};
  for (std::size_t k = 0; k < 2; ++k) {
    RandomWalk walk({.seed = 3}, kOneIn[k]);
    for (u32 i = 0; i < 200; ++i) {
      walk.begin();
      meeting.run(walk);
      nr_switches[k] += meeting.engine().nr_switches();
    }
  }
  EXPECT_GT(nr_switches[0], 3 * nr_switches[1]);
}

}  // namespace
}  // namespace hvo::stress
