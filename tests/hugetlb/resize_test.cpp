#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

TEST(SetMaxHugePages, GrowsAndShrinksAndLeavesNothingBehind) {
  PoolMachine m;
  const u64 mapped = m.mapped();
  const u64 free_before = m->pages().nr_free(m.cpu());
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 20), 20U);
  EXPECT_EQ(m.counters(m.huge()), pool(20, 20, 0, 0, 20));
  EXPECT_EQ(mapped - m.mapped(), 20U) << "one of two vmemmap pages each";
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 5), 5U);
  EXPECT_EQ(mapped - m.mapped(), 5U);
  EXPECT_TRUE(m.is_valid());
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_EQ(m.mapped(), mapped);
  EXPECT_EQ(m->pages().nr_free(m.cpu()), free_before);
  EXPECT_TRUE(m.is_valid());
}

TEST(SetMaxHugePages, Grows512InOneBatchWhereTheDesignCan) {
  for (const Design& design : kDesigns) {
    if (!design.optimizes()) continue;
    PoolMachine m({.geometry = "x86-64", .design = design.name, .memory_pages = (u64{512} + 64) << 9});
    ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 512), 512U);
    if (design.batches_flushes) {
      EXPECT_EQ(m.count(Event::tlb_flush), 2U) << design.name;
      EXPECT_EQ(m.count(Event::grace_period), design.waits_for_rcu ? 1U : 0U) << design.name;
    } else {
      EXPECT_GE(m.count(Event::tlb_flush), 512U) << design.name << ": one each, and one for each split";
    }
    EXPECT_TRUE(m.is_valid()) << design.name;
  }
}

TEST(SetMaxHugePages, StopsWhereMemoryEnds) {
  PoolMachine m({.memory_pages = 256});
  const u64 reached = m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1000);
  EXPECT_GT(reached, 0U);
  EXPECT_LT(reached, 256 / m.huge().nr_pages() + 1);
  EXPECT_EQ(m.counters(m.huge()), pool(reached, reached, 0, 0, reached));
  EXPECT_TRUE(m.is_valid());
}

TEST(SetMaxHugePages, FoliosInUseBecomeSurplusAndGoWhenFreed) {
  PoolMachine m;
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 3);
  const auto folio = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge()), pool(1, 0, 1, 0, 0));
  EXPECT_TRUE(m.is_valid());
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_TRUE(m.is_valid());
}

TEST(SetMaxHugePages, ATemporaryFolioThatAShrunkPoolCountedAsSurplusTakesItAlong) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(folio);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge()), pool(1, 0, 1, 0, 0));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2), 2U);
  EXPECT_TRUE(m.is_valid());
}

TEST(SetMaxHugePages, TakesSurplusOverBeforeItMakesNewFolios) {
  PoolMachine m;
  m.hugetlb().set_nr_overcommit_huge_pages(m.cpu(), m.huge(), 2);
  const auto a = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  const auto b = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(a && b);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1), 1U);
  EXPECT_EQ(m.counters(m.huge()), pool(2, 0, 1, 2, 1));
  EXPECT_EQ(m.count(Event::pool_grown), 0U);
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *a));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *b));
  EXPECT_EQ(m.counters(m.huge()), pool(1, 1, 0, 2, 1));
  EXPECT_TRUE(m.is_valid());
}

TEST(SetMaxHugePages, AShrinkWithoutMemoryLeavesFreeSurplusThatItsOwnSizeMakesPersistentAgain) {
  PoolMachine m;
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 4);
  m.take_memory();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  const PoolCounters stuck = m.counters(m.huge());
  // The first folio to go brings no memory back before its own vmemmap is restored, so all four stay.
  EXPECT_EQ(stuck, pool(4, 4, 4, 0, 0));
  EXPECT_TRUE(m.is_valid());
  m.give_memory_back();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U) << "surplus is not shrunk";
  EXPECT_EQ(m.counters(m.huge()).nr_huge_pages, 4U);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 4), 4U);
  EXPECT_EQ(m.counters(m.huge()), pool(4, 4, 0, 0, 4));
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_TRUE(m.is_valid());
}

}  // namespace
}  // namespace hvo::test
