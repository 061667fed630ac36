// Which rounds a comparison runs, on a clock of the test's own.
#include "bench/compare/schedule.h"

#include <gtest/gtest.h>

namespace hvo::bench {
namespace {

using Seconds = CompareSchedule::Seconds;

struct Ran {
  u64 nr_all = 0;
  u64 nr_quick = 0;
  double seconds = 0;
  double quick_seconds = 0;
};

/// A comparison on a host where rounds take so long.
Ran run(Extent extent, double budget, double all_takes, double quick_takes) {
  Ran ran;
  CompareSchedule schedule(extent, Seconds(budget), [&ran] { return Seconds(1000 + ran.seconds); });
  while (const auto next = schedule.next()) {
    const bool is_quick = *next == Extent::quick;
    ran.seconds += is_quick ? quick_takes : all_takes;
    ran.quick_seconds += is_quick ? quick_takes : 0;
    ++(is_quick ? ran.nr_quick : ran.nr_all);
    schedule.done(*next);
  }
  EXPECT_TRUE(schedule.has_enough());
  return ran;
}

TEST(CompareSchedule, OfTheHeadlineAloneEndsWithTheBudget) {
  const Ran ran = run(Extent::quick, 20, 30, 1);
  EXPECT_EQ(ran.nr_all, 0U);
  EXPECT_EQ(ran.nr_quick, 20U);
}

TEST(CompareSchedule, ATinyBudgetStillHasEnough) {
  const Ran quick = run(Extent::quick, 1, 30, 1);
  EXPECT_EQ(quick.nr_quick, kFewestProcesses);
  const Ran all = run(Extent::all, 1, 30, 1);
  EXPECT_EQ(all.nr_all, kFewestProcesses);
  EXPECT_EQ(all.nr_quick, CompareSchedule::kFewestOfHeadline);
}

TEST(CompareSchedule, AQuarterOfTheTimeIsTheHeadlines) {
  const Ran ran = run(Extent::all, 600, 20, 1);
  EXPECT_LE(ran.seconds, 600);
  EXPECT_GT(ran.seconds, 595) << "what is left is used";
  EXPECT_NEAR(ran.quick_seconds, 150, 20);
}

TEST(CompareSchedule, WhereRoundsAreLongNoMoreThanMustBeComesBeyondTheBudget) {
  const Ran ran = run(Extent::all, 300, 60, 1);
  EXPECT_EQ(ran.nr_all, kFewestProcesses);
  EXPECT_EQ(ran.nr_quick, CompareSchedule::kFewestOfHeadline);
}

}  // namespace
}  // namespace hvo::bench
