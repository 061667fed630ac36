#include "core/frame/area_bits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/rng.h"

namespace hvo {
namespace {

TEST(AreaBits, LargestOrderOfOneBlockIsItsOrder) {
  EXPECT_EQ(AreaBits{}.largest_order(), AreaBits::kNoOrder);
  for (unsigned order = 0; order <= kAreaOrder; ++order) {
    for (u64 first = 0; first < kAreaUnits; first += u64{1} << order) {
      AreaBits bits;
      bits.set(static_cast<unsigned>(first), u64{1} << order);
      ASSERT_EQ(bits.largest_order(), static_cast<int>(order)) << first;
      ASSERT_EQ(bits.find(order), first);
      ASSERT_EQ(bits.find(0), first);
      ASSERT_EQ(bits.count(), u64{1} << order);
    }
  }
}

TEST(AreaBits, RunThatIsNotAlignedIsNoBlock) {
  AreaBits bits;
  bits.set(1, 2);
  EXPECT_EQ(bits.largest_order(), 0);
  bits.set(32, 64);
  EXPECT_EQ(bits.largest_order(), 5);
  bits.set(192, 128);
  EXPECT_EQ(bits.largest_order(), 6);
}

TEST(AreaBits, FindCutsTheSmallestBlockThatHasRoom) {
  AreaBits bits;
  bits.set(0, 256);
  bits.set(320, 64);
  bits.set(400, 4);
  EXPECT_EQ(bits.find(0), 400U);
  EXPECT_EQ(bits.find(2), 400U);
  EXPECT_EQ(bits.find(3), 320U);
  EXPECT_EQ(bits.find(7), 0U);
  EXPECT_EQ(bits.find(9), kAreaUnits);
}

TEST(AreaBits, AllAndAnyLookAtEveryUnitOfARange) {
  AreaBits bits;
  bits.set(60, 10);
  EXPECT_TRUE(bits.all(60, 10));
  EXPECT_FALSE(bits.all(59, 10));
  EXPECT_TRUE(bits.any(0, 61));
  EXPECT_FALSE(bits.any(0, 60));
  bits.clear(64, 1);
  EXPECT_FALSE(bits.all(60, 10));
}

using Runs = std::vector<std::pair<u64, u64>>;

Runs runs_of(const AreaBits& bits) {
  Runs runs;
  bits.for_each_run([&](u64 first, u64 n) { runs.emplace_back(first, n); });
  return runs;
}

TEST(AreaBits, RunsAreTheLongestOnesAlsoAcrossWords) {
  AreaBits bits;
  EXPECT_EQ(runs_of(bits), Runs{});
  bits.set(0, 1);
  bits.set(60, 10);
  bits.set(128, 64);
  bits.set(193, 7);
  bits.set(511, 1);
  EXPECT_EQ(runs_of(bits), (Runs{{0, 1}, {60, 10}, {128, 64}, {193, 7}, {511, 1}}));
  bits.set(0, kAreaUnits);
  EXPECT_EQ(runs_of(bits), (Runs{{0, kAreaUnits}}));
}

TEST(AreaBits, RunsTogetherAreAllThatIsSet) {
  Rng rng = Rng::seeded(1, 0);
  for (int round = 0; round < 200; ++round) {
    AreaBits bits;
    for (u64 n = rng.below(40); n > 0; --n) {
      const u64 first = rng.below(kAreaUnits);
      bits.set(static_cast<unsigned>(first), 1 + rng.below(std::min<u64>(90, kAreaUnits - first)));
    }
    AreaBits copy;
    u64 last_end = 0;
    for (const auto& [first, n] : runs_of(bits)) {
      ASSERT_TRUE(copy.count() == 0 || first > last_end) << "a run that touches the one before is not the longest";
      copy.set(static_cast<unsigned>(first), n);
      last_end = first + n;
    }
    ASSERT_EQ(copy.words, bits.words);
  }
}

}  // namespace
}  // namespace hvo
