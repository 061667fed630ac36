#include "core/pgtable/break_before_make.h"

#include <gtest/gtest.h>

#include "tests/support/paged_machine.h"

namespace hvo {
namespace {

using test::PagedMachine;

struct BreakBeforeMakeTest : testing::Test {
  BreakBeforeMakeTest() {
    EXPECT_TRUE(m.populate());
    EXPECT_EQ(m.split(cpu, page(0)), SplitResult::split);
    table.forbid_make_without_break(m.arena());
  }
  u64 page(u64 i) const { return PagedMachine::kBase + i * m.geometry().page_size(); }
  void set(u64 i, Pte pte) { table.set_pte(cpu, page(i), pte); }
  Pte get(u64 i) { return table.pte_at(cpu, page(i)); }
  void flush(u64 first, u64 end) { table.flush_tlb_kernel_range(cpu, page(first), page(end)); }
  u64 found() const { return m.violations(Rule::break_before_make); }
  PagedMachine m;
  PageTable& table = m.table();
  Cpu& cpu = m.cpu();
};

TEST_F(BreakBeforeMakeTest, AValidPteOfAnotherFrameIsReportedWithBoth) {
  const Pte old = get(1);
  set(1, Pte::make(get(0).frame(), false));
  ASSERT_EQ(found(), 1U);
  EXPECT_EQ(m.first_violation().object, page(1));
  EXPECT_EQ(m.first_violation().expected, old.v);
  EXPECT_EQ(m.first_violation().seen, get(1).v);
}

TEST_F(BreakBeforeMakeTest, TheRightToWriteMayBeTakenAndGiven) {
  set(1, Pte::make(get(1).frame(), false));
  set(1, Pte::make(get(1).frame(), true));
  EXPECT_EQ(found(), 0U);
}

TEST_F(BreakBeforeMakeTest, AnInvalidPteAndAFlushInBetweenKeepTheRule) {
  const FrameNo other = get(0).frame();
  set(1, Pte{});
  flush(1, 2);
  set(1, Pte::make(other, false));
  EXPECT_EQ(found(), 0U);
}

TEST_F(BreakBeforeMakeTest, WithoutTheFlushOrWithOneOfOtherPagesTheRuleIsBroken) {
  const FrameNo other = get(0).frame();
  set(1, Pte{});
  set(1, Pte::make(other, false));
  EXPECT_EQ(found(), 1U);
  set(2, Pte{});
  flush(3, 4);
  flush(0, 2);
  set(2, Pte::make(other, false));
  EXPECT_EQ(found(), 2U);
}

TEST_F(BreakBeforeMakeTest, ASplitReplacesABlockByATable) {
  EXPECT_EQ(m.split(cpu, page(4)), SplitResult::split);
  EXPECT_EQ(found(), 1U);
  EXPECT_EQ(m.split(cpu, page(5)), SplitResult::was_table);
  EXPECT_EQ(found(), 1U);
}

TEST(BreakBeforeMake, IsNotAskedForUnlessTheMachineForbidsIt) {
  PagedMachine m;
  ASSERT_TRUE(m.populate());
  EXPECT_EQ(m.split(m.cpu(), PagedMachine::kBase), SplitResult::split);
  m.table().set_pte(m.cpu(), PagedMachine::kBase, Pte::make(FrameNo{3}, false));
  EXPECT_EQ(m.violations(), 0U);
  EXPECT_FALSE(BreakBeforeMake().is_on());
}

}  // namespace
}  // namespace hvo
