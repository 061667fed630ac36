#include "core/frame/area_bits.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hvo
