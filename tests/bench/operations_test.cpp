#include "bench/operations/operations.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hvo::bench {
namespace {

TEST(Operations, EveryDesignHasAnArmForEachOperationThatItKnows) {
  const auto bench = OperationBench::make(4, 2);
  ASSERT_TRUE(bench) << bench.error();
  for (const Design& design : kDesigns) {
    for (const Operation operation : kOperations) {
      const bool there = std::ranges::any_of(
          (*bench)->arms(), [&](const Arm& arm) { return arm.name == operation_arm(operation, design.name); });
      EXPECT_EQ(there, design.optimizes() || has_baseline(operation)) << operation_arm(operation, design.name);
    }
  }
}

TEST(Operations, EachArmRunsAndTakesTime) {
  const auto bench = OperationBench::make(4, 2);
  ASSERT_TRUE(bench) << bench.error();
  for (const Arm& arm : (*bench)->arms()) {
    if (arm.name.starts_with("demote")) continue;  // seconds with the checks of a test build
    EXPECT_GT(arm.run(arm.batch), 0) << arm.name;
    EXPECT_GT(arm.run(arm.batch), 0) << arm.name << ", again";
  }
}

TEST(Operations, PublishedRatiosAreOfOperationsWithABaseline) {
  EXPECT_FALSE(published_ratios().empty());
  for (const Published& p : published_ratios()) {
    EXPECT_TRUE(has_baseline(p.operation)) << p.what;
    EXPECT_NE(find_design(p.design), nullptr) << p.what;
    EXPECT_GT(p.ratio, 1) << p.what;
  }
}

}  // namespace
}  // namespace hvo::bench
