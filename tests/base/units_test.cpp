#include "core/base/units.h"

#include <gtest/gtest.h>

#include <concepts>

namespace hvo {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
template <class A, class B>
concept Subtractable = requires(A a, B b) { a - b; };

TEST(Units, OnlyLegalArithmeticCompiles) {
  EXPECT_FALSE((Addable<Pfn, Pfn>)) << "the sum of two positions means nothing";
  EXPECT_FALSE((Subtractable<Pfn, FrameNo>)) << "two number spaces don't mix";
  EXPECT_FALSE((std::equality_comparable_with<Pfn, FrameNo>));
  EXPECT_FALSE((std::convertible_to<u64, Pfn>));
  EXPECT_TRUE((std::same_as<decltype(Pfn{} - Pfn{}), u64>)) << "the difference of two positions is a count";
  EXPECT_TRUE((std::same_as<decltype(Pfn{} + 1), Pfn>));
}

TEST(Units, PositionsCompareAndMoveByCounts) {
  EXPECT_EQ(Pfn{5} + 3, Pfn{8});
  EXPECT_EQ(Pfn{8} - 3, Pfn{5});
  EXPECT_EQ(Pfn{8} - Pfn{5}, 3U);
  EXPECT_LT(Pfn{5}, Pfn{6});
  Pfn p{1};
  EXPECT_EQ(++p, Pfn{2});
  EXPECT_EQ(FrameNo{7} + 1, FrameNo{8});
}

TEST(Units, NoFrameAndNoPfnAreNoRealNumbers) {
  EXPECT_GT(kNoFrame, FrameNo{1} + 0xfffffff0);
  EXPECT_GT(kNoPfn, Pfn{u64{1} << 52});
}

TEST(Units, AnOrderIsAPowerOfTwoOfPages) {
  EXPECT_EQ(Order{0}.nr_pages(), 1U);
  EXPECT_EQ(Order{9}.nr_pages(), 512U);
  EXPECT_EQ(Order{18}.nr_pages(), 262144U);
  EXPECT_LT(Order{9}, Order{18});
}

TEST(Units, AlignmentRoundsToMultiplesOfAPowerOfTwo) {
  for (const u64 alignment : {u64{1}, u64{2}, u64{64}, u64{4096}}) {
    for (u64 value = 0; value < 9000; value += 7) {
      const u64 down = align_down(value, alignment);
      const u64 up = align_up(value, alignment);
      ASSERT_EQ(down, value / alignment * alignment);
      ASSERT_EQ(up, (value + alignment - 1) / alignment * alignment);
      ASSERT_EQ(is_aligned(value, alignment), value % alignment == 0);
    }
  }
  EXPECT_EQ(align_down(Pfn{1023}, Order{9}), Pfn{512});
  EXPECT_TRUE(is_aligned(Pfn{512}, Order{9}));
  EXPECT_FALSE(is_aligned(Pfn{513}, Order{1}));
}

}  // namespace
}  // namespace hvo
