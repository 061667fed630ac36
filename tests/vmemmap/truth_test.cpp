#include "core/vmemmap/truth.h"

#include <gtest/gtest.h>

namespace hvo {
namespace {

constexpr Order kBlock{4};

struct TruthTest : testing::Test {
  Arena arena = Arena::create(u64{1} << 20).value();
  Truth truth{arena, 128, kBlock};

  void change(u64 first, u8 order, u8 each) {
    truth.begin_change({first}, Order{order});
    truth.end_change({first}, Order{order}, Order{each});
  }
  void expect(u64 first, u64 end, u8 order) {
    for (Pfn pfn{first}; pfn.v < end; ++pfn) {
      const Truth::Answer a = truth.about(pfn);
      EXPECT_EQ(a.order, Order{order}) << pfn.v;
      EXPECT_EQ(a.head, align_down(pfn, Order{order})) << pfn.v;
      EXPECT_TRUE(a.is_stable()) << pfn.v;
    }
  }
};

TEST_F(TruthTest, EveryPageIsSingleAtFirst) { expect(0, 128, 0); }

TEST_F(TruthTest, ACompoundOfOneBlockOrMoreIsTheTruthOfItsPagesAndOfNoOthers) {
  change(16, 4, 4);
  change(64, 6, 6);
  expect(0, 16, 0);
  expect(16, 32, 4);
  expect(32, 64, 0);
  expect(64, 128, 6);
}

TEST_F(TruthTest, ABlockOfMixedUseIsToldPageByPage) {
  change(4, 2, 2);
  change(8, 1, 1);
  expect(0, 4, 0);
  expect(4, 8, 2);
  expect(8, 10, 1);
  expect(10, 16, 0);
}

TEST_F(TruthTest, ABlockThatWasOneCompoundCanBeMixedAgainAndBack) {
  change(16, 4, 4);
  change(16, 4, 0);
  expect(16, 32, 0);
  change(20, 2, 2);
  expect(20, 24, 2);
  change(20, 2, 0);
  change(16, 4, 4);
  expect(16, 32, 4);
}

TEST_F(TruthTest, ADemotedCompoundIsManySmallerOnes) {
  change(64, 6, 6);
  change(64, 6, 4);
  expect(64, 128, 4);
  change(64, 4, 2);
  expect(64, 80, 2);
  expect(80, 128, 4);
}

TEST_F(TruthTest, AChangeInProgressIsNoStableAnswerInAnyBlockItTouches) {
  truth.begin_change({64}, Order{6});
  for (u64 pfn = 64; pfn < 128; pfn += 16) EXPECT_FALSE(truth.about({pfn}).is_stable());
  EXPECT_TRUE(truth.about({63}).is_stable());
  truth.end_change({64}, Order{6}, Order{6});
  for (u64 pfn = 64; pfn < 128; pfn += 16) EXPECT_TRUE(truth.about({pfn}).is_stable());
}

TEST_F(TruthTest, TwoChangesOfOneBlockAreInProgressUntilBothHaveEnded) {
  truth.begin_change({0}, Order{2});
  truth.begin_change({4}, Order{2});
  truth.end_change({0}, Order{2}, Order{2});
  EXPECT_FALSE(truth.about({12}).is_stable());
  truth.end_change({4}, Order{2}, Order{2});
  EXPECT_TRUE(truth.about({12}).is_stable());
  expect(0, 8, 2);
}

TEST_F(TruthTest, TheWordMovesWithEveryChangeAlsoWithOneThatChangesNothing) {
  const u64 before = truth.about({5}).word;
  change(0, 2, 2);
  const u64 between = truth.about({5}).word;
  EXPECT_NE(before, between) << "another page of the same block";
  change(0, 2, 0);
  EXPECT_NE(truth.about({5}).word, between);
  EXPECT_NE(truth.about({5}).word, before) << "there and back is not the same moment";
}

TEST_F(TruthTest, TheWordOfOneBlockStandsStillWhenAnotherChanges) {
  const u64 before = truth.about({5}).word;
  change(16, 4, 4);
  EXPECT_EQ(truth.about({5}).word, before);
}

TEST(Truth, ALastBlockThatIsNotWholeHasTruthToo) {
  Arena arena = Arena::create(u64{1} << 20).value();
  Truth truth(arena, 24, kBlock);
  truth.begin_change({20}, Order{2});
  truth.end_change({20}, Order{2}, Order{2});
  EXPECT_EQ(truth.about({23}).head, Pfn{20});
}

}  // namespace
}  // namespace hvo
