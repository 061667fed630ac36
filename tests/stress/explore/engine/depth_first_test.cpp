// Depth first: every schedule within a bound, once.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/stress/explore/bodies.h"

namespace hvo::stress {
namespace {

using test::Meeting;

u64 choose(u64 n, u64 k) {
  u64 c = 1;
  for (u64 i = 0; i < k; ++i) c = c * (n - i) / (i + 1);
  return c;
}

/// Two CPUs of n steps: one of them begins, and they are preempted in turn, each before some of its steps.
u64 schedules_within(u64 n, u64 bound) {
  u64 all = 0;
  for (u64 p = 0; p <= bound; ++p) all += 2 * choose(n, (p + 1) / 2) * choose(n, p / 2);
  return all;
}

std::multiset<std::string> run_all(Meeting& meeting, DepthFirst& strategy) {
  std::multiset<std::string> all;
  while (strategy.begin()) {
    meeting.run(strategy);
    all.insert(meeting.decisions());
    EXPECT_EQ(strategy.index() + 1, all.size());
  }
  EXPECT_TRUE(strategy.is_exhausted());
  return all;
}

TEST(DepthFirstSearch, RunsEveryScheduleOfABoundOnce) {
  constexpr u32 kSteps = 5;
  Meeting meeting(kSteps);
  for (const u32 bound : {0U, 1U, 2U, 3U, 4U}) {
    DepthFirst strategy(bound);
    const auto all = run_all(meeting, strategy);
    EXPECT_EQ(all.size(), schedules_within(kSteps, bound)) << bound;
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size()) << "one was run twice";
  }
}

TEST(DepthFirstSearch, WithEnoughPreemptionsTakesEveryInterleaving) {
  Meeting meeting(4);
  DepthFirst strategy(8);
  std::set<std::string> orders;
  while (strategy.begin()) orders.insert(meeting.run(strategy));
  EXPECT_EQ(orders.size(), choose(8, 4));
}

TEST(DepthFirstSearch, CountsThePreemptionsOfASchedule) {
  Meeting meeting(4);
  DepthFirst strategy(3);
  std::array<u64, 4> nr_with{};
  while (strategy.begin()) {
    meeting.run(strategy);
    ASSERT_LE(strategy.nr_preemptions(), 3U);
    ++nr_with[strategy.nr_preemptions()];
    EXPECT_EQ(meeting.engine().nr_switches(), strategy.nr_preemptions()) << "the end of the first is no switch";
  }
  EXPECT_EQ(nr_with, (std::array<u64, 4>{2, 2 * 4, 2 * 16, 2 * 6 * 4}));
}

TEST(DepthFirstSearch, WorkersShareTheSchedulesWithoutOverlapOrGap) {
  Meeting meeting(5);
  DepthFirst alone(3);
  const auto all = run_all(meeting, alone);
  for (const u32 nr_workers : {2U, 3U}) {
    std::multiset<std::string> shared;
    for (u32 worker = 0; worker < nr_workers; ++worker) {
      DepthFirst strategy(3, worker, nr_workers);
      auto part = run_all(meeting, strategy);
      EXPECT_GT(part.size(), all.size() / nr_workers / 4) << "an idle worker";
      // All have the first schedule.
      if (worker != 0) part.erase(part.find(*all.begin()));
      shared.insert(part.begin(), part.end());
    }
    EXPECT_EQ(shared, all) << nr_workers;
  }
}

TEST(DepthFirstSearch, SaysHowManySchedulesAreLeft) {
  constexpr u32 kSteps = 10;
  Meeting meeting(kSteps);
  for (const u32 bound : {0U, 1U, 2U, 3U}) {
    DepthFirst strategy(bound);
    ASSERT_TRUE(strategy.begin());
    meeting.run(strategy);
    const auto left = static_cast<double>(schedules_within(kSteps, bound) - 1);
    if (bound <= 1) {
      EXPECT_DOUBLE_EQ(strategy.nr_left(), left) << bound;
    }
    EXPECT_LE(strategy.nr_left(), left) << bound;
    EXPECT_GE(strategy.nr_left(), left / 4) << bound;
    double last = 0;
    for (; strategy.begin(); last = strategy.nr_left()) meeting.run(strategy);
    EXPECT_EQ(last, 0) << "after the last one";
  }
}

TEST(DepthFirstSearch, WorkersLeaveAsMuchAsOneWould) {
  Meeting meeting(10);
  double left = 0;
  for (u32 worker = 0; worker < 3; ++worker) {
    DepthFirst strategy(1, worker, 3);
    ASSERT_TRUE(strategy.begin());
    meeting.run(strategy);
    left += strategy.nr_left();
  }
  EXPECT_DOUBLE_EQ(left, static_cast<double>(schedules_within(10, 1) - 1));
}

TEST(DepthFirstSearch, IsTakenUpWhereItWasLeft) {
  Meeting meeting(5);
  DepthFirst whole(3);
  const auto all = run_all(meeting, whole);
  DepthFirst first(3);
  std::multiset<std::string> parts;
  for (u32 i = 0; i < 100; ++i) {
    ASSERT_TRUE(first.begin());
    meeting.run(first);
    parts.insert(meeting.decisions());
  }
  DepthFirst second(3);
  second.resume({first.decisions().begin(), first.decisions().end()});
  while (second.begin()) {
    meeting.run(second);
    parts.insert(meeting.decisions());
  }
  EXPECT_EQ(parts, all);
}

TEST(Replay, TakesTheSameDecisionsAndNoticesThatItStrays) {
  Meeting meeting(5);
  DepthFirst strategy(3);
  for (u32 i = 0; i < 150; ++i) ASSERT_TRUE(strategy.begin() && !meeting.run(strategy).empty());
  const std::vector<u8> decisions(meeting.engine().decisions().begin(), meeting.engine().decisions().end());
  const std::string text = meeting.decisions();
  ReplayStrategy again(decisions);
  ASSERT_TRUE(again.begin());
  meeting.run(again);
  EXPECT_EQ(meeting.decisions(), text);
  EXPECT_FALSE(again.has_strayed());
  std::vector<u8> other = decisions;
  other[2] = 5;
  ReplayStrategy strayed(other);
  ASSERT_TRUE(strayed.begin());
  meeting.run(strayed);
  EXPECT_TRUE(strayed.has_strayed());
}

}  // namespace
}  // namespace hvo::stress
