#include "bench/stats.h"

#include <gtest/gtest.h>

namespace hvo::bench {
namespace {

TEST(Stats, QuantilesLieBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.25), 7);
}

TEST(Stats, OneOutlierMovesNoMedian) {
  const Spread s = spread_of({1, 1, 1, 1, 1000});
  EXPECT_DOUBLE_EQ(s.median, 1);
  EXPECT_DOUBLE_EQ(s.upper, 1);
  EXPECT_EQ(s.nr_samples, 5U);
}

TEST(Stats, RatioIsOfPairsNotOfMedians) {
  // Each round twice as slow as the one before; a is always twice b.
  const Spread s = ratio_of({2, 4, 8}, {1, 2, 4});
  EXPECT_DOUBLE_EQ(s.lower, 2);
  EXPECT_DOUBLE_EQ(s.median, 2);
  EXPECT_DOUBLE_EQ(s.upper, 2);
}

}  // namespace
}  // namespace hvo::bench
