#include "core/base/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace hvo {
namespace {

TEST(Rng, TheSameSeedGivesTheSameNumbersInEveryBuild) {
  // splitmix64 of 0, as its authors' reference prints it.
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);
  // xorshift64* from state 1: the first output, by hand: 1 ^ 1<<25 = 0x2000001; ^ >>27 = the same; times the constant.
  Rng one{1};
  EXPECT_EQ(one.next(), u64{0x2000001} * 0x2545f4914f6cdd1d);
  Rng a = Rng::seeded(42);
  Rng b = Rng::seeded(42);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(a.next(), b.next());
}

TEST(Rng, SeedsAndStreamsGiveDifferentNumbers) {
  EXPECT_NE(Rng::seeded(1).state, Rng::seeded(2).state);
  EXPECT_NE(Rng::seeded(1, 0).state, Rng::seeded(1, 1).state);
  EXPECT_NE(Rng::seeded(1, 2).state, Rng::seeded(2, 1).state);
}

TEST(Rng, BelowStaysBelowAndIsSpreadEvenly) {
  Rng rng = Rng::seeded(7);
  std::array<u64, 10> hits{};
  for (int i = 0; i < 100000; ++i) {
    const u64 v = rng.below(hits.size());
    ASSERT_LT(v, hits.size());
    ++hits.at(v);
  }
  // Binomial: mean 10000, standard deviation 95; the run is fixed by its seed.
  for (const u64 n : hits) {
    EXPECT_GT(n, 9500U);
    EXPECT_LT(n, 10500U);
  }
  EXPECT_EQ(rng.below(1), 0U);
}

TEST(Rng, OneInNIsTrueAboutEveryNthTime) {
  Rng rng = Rng::seeded(3);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += rng.one_in(4) ? 1 : 0;
  EXPECT_GT(hits, 2300);
  EXPECT_LT(hits, 2700);
}

TEST(Rng, NoSeedGivesTheDeadStateZero) {
  for (u64 seed = 0; seed < 1000; ++seed) ASSERT_NE(Rng::seeded(seed).state, 0U);
  // mix64 is a bijection that maps minus its increment to 0: the one seed of stream 0 that would be dead.
  const u64 dead = u64{0} - 0x9e3779b97f4a7c15;
  ASSERT_EQ(mix64(dead), 0U);
  EXPECT_NE(Rng::seeded(dead ^ mix64(0)).state, 0U);
}

}  // namespace
}  // namespace hvo
