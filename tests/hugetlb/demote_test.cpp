#include <algorithm>
#include <vector>

#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

TEST(Demote, OneGigantic1GiBFolioBecomes512AndCosts511FramesAtTheEndAnd4095OnTheWay) {
  PoolMachine m({.geometry = "x86-64", .memory_pages = u64{1} << 19});
  ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1), 1U);
  const u64 before = m.mapped();
  const u64 in_use_before = m->frames().frames_in_use();
  const u64 peak_before = m->frames().peak_frames();
  ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(m.gigantic()), PoolCounters{});
  EXPECT_EQ(m.counters(m.huge()), pool(512, 512, 0, 0, 512));
  EXPECT_EQ(m.mapped() - before, 511U);
  EXPECT_EQ(m->frames().frames_in_use() - in_use_before, 511U) << "no page table was needed: all PMDs were split";
  EXPECT_GE(m->frames().peak_frames(), peak_before) << "the peak of booting a machine in full";
  EXPECT_EQ(m.count(Event::frame_alloc), 8U + 4095U) << "8 page tables, then the transient 4095";
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 512U);
  EXPECT_TRUE(m.is_valid());
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Demote, OneGigantic1GiBFolioTakesAtMostTwoGracePeriodsAndThreeFlushesWhereBatched) {
  for (const Design& design : kDesigns) {
    if (!design.batches_flushes) continue;
    PoolMachine m({.geometry = "x86-64", .design = design.name, .memory_pages = u64{1} << 19});
    ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1), 1U);
    const u64 waits = m.count(Event::grace_period);
    const u64 flushes = m.count(Event::tlb_flush);
    ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).value_or(0), 1U);
    EXPECT_EQ(m.count(Event::grace_period) - waits, design.waits_for_rcu ? 2U : 0U) << design.name;
    EXPECT_LE(m.count(Event::tlb_flush) - flushes, 3U) << design.name << ": restore one, then 512 in a batch";
    EXPECT_EQ(m->optimizer().nr_optimized_folios(), 512U) << design.name;
    EXPECT_TRUE(m.is_valid()) << design.name;
  }
}

TEST(Demote, WithoutAFreeFolioItIsBusyAndWithoutASmallerSizeInvalid) {
  PoolMachine m;
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).error(), Errno::ebusy);
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1);
  const auto in_use = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.gigantic());
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).error(), Errno::ebusy);
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *in_use));
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.huge(), 1).error(), Errno::einval);
  EXPECT_TRUE(m.is_valid());
}

TEST(Demote, StopsAtTheFolioThatHasNoMemoryAndLeavesItAsItWas) {
  PoolMachine m;
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 2);
  const u64 mapped = m.mapped();
  m.take_memory();
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 2).error(), Errno::enomem);
  EXPECT_EQ(m.counters(m.gigantic()), pool(2, 2, 0, 0, 2));
  EXPECT_EQ(m.mapped(), mapped);
  EXPECT_EQ(m.count(Event::window_demote_enomem), 1U);
  EXPECT_TRUE(m.is_valid());
  m.give_memory_back();
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 2).value_or(0), 2U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Demote, ASurplusFolioStaysOutOfMaxAndIsSurplusAgainWhenItCannotBeRestored) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.gigantic());
  m.take_memory();
  EXPECT_FALSE(m.hugetlb().folio_put(m.cpu(), *folio));
  const PoolCounters before = m.counters(m.gigantic());
  EXPECT_EQ(before, pool(1, 1, 1, 0, 0));
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).error(), Errno::enomem);
  EXPECT_EQ(m.counters(m.gigantic()), before);
  m.give_memory_back();
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(m.gigantic()), PoolCounters{});
  EXPECT_EQ(m.counters(m.huge()), pool(4, 4, 0, 0, 4));
  EXPECT_TRUE(m.is_valid());
}

TEST(Demote, AFolioThatWasNeverOptimisedIsDemotedToo) {
  PoolMachine m;
  m->optimizer().set_enabled(m.cpu(), false);
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1);
  m->optimizer().set_enabled(m.cpu(), true);
  const u64 mapped = m.mapped();
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).value_or(0), 1U);
  EXPECT_EQ(mapped - m.mapped(), 4U) << "its four pieces are optimised now";
  EXPECT_TRUE(m.is_valid());
}

std::vector<Pfn> free_list(PoolMachine& m, Order order) {
  std::vector<Pfn> heads;
  m.hugetlb().for_each_free_folio(m.cpu(), order, {}, [&](Pfn head) { heads.push_back(head); });
  return heads;
}

// Seen on a real 6.1 and 6.12: tests/kernel.
TEST(Demote, TheHighestPieceIsHandedOutFirstOneByOneAndTheLowestWhereBatched) {
  for (const Design& design : kDesigns) {
    PoolMachine m({.design = design.name});
    m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 2);
    const std::vector<Pfn> from = free_list(m, m.gigantic());
    ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 2).value_or(0), 2U) << design.name;
    std::vector<Pfn> expected;
    for (const Pfn head : from) {
      for (u64 i = 0; i < 4; ++i) expected.push_back(head + i * m.huge().nr_pages());
    }
    if (!design.batches_flushes) std::ranges::reverse(expected);
    EXPECT_EQ(free_list(m, m.huge()), expected) << design.name;
    EXPECT_TRUE(m.is_valid()) << design.name;
  }
}

TEST(Demote, APieceTakesSurplusOfItsPoolAlongOneByOneAndNotWhereBatched) {
  for (const Design& design : kDesigns) {
    PoolMachine m({.design = design.name});
    m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2);
    const auto a = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
    const auto b = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
    m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0);
    ASSERT_EQ(m.counters(m.huge()), pool(2, 0, 2, 0, 0));
    m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1);
    ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).value_or(0), 1U);
    const PoolCounters expected = design.batches_flushes ? pool(6, 4, 2, 0, 4) : pool(4, 2, 0, 0, 4);
    EXPECT_EQ(m.counters(m.huge()), expected) << design.name;
    EXPECT_TRUE(m.is_valid()) << design.name;
    if (design.batches_flushes) {
      // Up to 7.0 as many persistent ones stay as are in use.
      m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1);
      const PoolCounters shrunk = design.shrinks_by_persistent ? pool(3, 1, 2, 0, 1) : pool(4, 2, 3, 0, 1);
      EXPECT_EQ(m.counters(m.huge()), shrunk) << design.name;
    }
    EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *a));
    EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *b));
    EXPECT_TRUE(m.is_valid()) << design.name;
  }
}

}  // namespace
}  // namespace hvo::test
