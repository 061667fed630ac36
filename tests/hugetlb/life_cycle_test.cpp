// Deferred frees, dissolving, memory errors.
#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

u64 flags_of(PoolMachine& m, Pfn pfn) {
  return m->vmemmap().pages(m.cpu()).read_once(m->vmemmap().page_of(pfn), page_field::flags);
}
bool is_poisoned(PoolMachine& m, Pfn pfn) { return (flags_of(m, pfn) & PG_hwpoison) != 0; }

TEST(DeferredFree, AnOptimisedFolioFreedInAtomicContextWaitsForTheWorker) {
  PoolMachine m;
  const auto a = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  const auto b = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  m.cpu().local_irq_disable();
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *a, Context::atomic));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *b, Context::atomic));
  m.cpu().local_irq_enable();
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{}) << "out of the pool";
  EXPECT_TRUE(m->optimizer().is_optimized(m.cpu(), *a)) << "and not yet restored";
  EXPECT_EQ(m.count(Event::work_scheduled), 1U) << "only when the list was empty";
  EXPECT_EQ(m.hugetlb().free_hpage_work(m.cpu()), 2U);
  EXPECT_EQ(m.hugetlb().free_hpage_work(m.cpu()), 0U);
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(DeferredFree, AFullFolioAndAFolioOfThePoolNeedNoWorker) {
  PoolMachine m;
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1);
  const auto pooled = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  m->optimizer().set_enabled(m.cpu(), false);
  const auto full = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  m.cpu().local_irq_disable();
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *pooled, Context::atomic));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *full, Context::atomic));
  m.cpu().local_irq_enable();
  EXPECT_EQ(m.counters(m.huge()), pool(1, 1, 0, 0, 1));
  EXPECT_EQ(m.count(Event::free_deferred), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(DeferredFree, ShrinkingAPoolFlushesTheWork) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  m.cpu().local_irq_disable();
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio, Context::atomic));
  m.cpu().local_irq_enable();
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0);
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Dissolve, AFreeFolioGoesToThePageAllocatorAndMaxFollows) {
  PoolMachine m;
  const u64 free_before = m->pages().nr_free(m.cpu());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 3);
  const auto folio = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  EXPECT_EQ(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), *folio).error(), Errno::ebusy);
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_TRUE(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), pool(2, 2, 0, 0, 2));
  EXPECT_TRUE(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), *folio)) << "no hugepage any more: nothing to do";
  EXPECT_EQ(free_before - m->pages().nr_free(m.cpu()), 2 * m.huge().nr_pages());
  EXPECT_TRUE(m.is_valid());
}

TEST(Dissolve, WithoutMemoryEverythingIsExactlyAsItWas) {
  for (const bool surplus : {false, true}) {
    PoolMachine m;
    Pfn head;
    if (surplus) {
      head = *m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
      m.take_memory();
      EXPECT_FALSE(m.hugetlb().folio_put(m.cpu(), head));
    } else {
      m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1);
      head = *m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
      EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), head));
      m.take_memory();
    }
    const PoolCounters before = m.counters(m.huge());
    EXPECT_EQ(before.surplus_huge_pages, surplus ? 1U : 0U);
    EXPECT_EQ(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), head).error(), Errno::enomem);
    EXPECT_EQ(m.counters(m.huge()), before);
    EXPECT_TRUE(m.is_valid());
    m.give_memory_back();
    EXPECT_TRUE(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), head));
    EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
    EXPECT_TRUE(m.is_valid());
  }
}

TEST(MemoryFailure, InAnOptimisedFolioIsNotedAndMovedToThePageWhenTheFolioIsFreed) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  const Pfn bad = *folio + 11;
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), bad));
  EXPECT_TRUE(is_poisoned(m, *folio)) << "on the head: the tail is read-only";
  EXPECT_FALSE(is_poisoned(m, bad));
  EXPECT_TRUE(m.is_valid());
  const u64 free_before = m->pages().nr_free(m.cpu());
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_FALSE(is_poisoned(m, *folio));
  EXPECT_TRUE(is_poisoned(m, bad));
  EXPECT_EQ(m->pages().nr_free(m.cpu()) - free_before, m.huge().nr_pages() - 1) << "the bad page is kept out";
  EXPECT_EQ(m->pages().nr_kept_out(m.cpu()), 1U);
  EXPECT_TRUE(m.is_valid());
}

TEST(MemoryFailure, InTheFirstPageOfAFolioSurvivesTheFolio) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *folio));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_TRUE(is_poisoned(m, *folio));
  EXPECT_EQ(m->pages().nr_kept_out(m.cpu()), 1U);
  EXPECT_TRUE(m.is_valid());
}

TEST(MemoryFailure, APoisonedFreeFolioIsNeitherHandedOutNorDemotedButCanBeDissolved) {
  PoolMachine m;
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1);
  const auto folio = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.gigantic());
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *folio + 33));
  EXPECT_EQ(m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.gigantic()).error(), Errno::enomem);
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1).error(), Errno::ebusy);
  EXPECT_EQ(m.counters(m.gigantic()), pool(1, 1, 0, 0, 1));
  EXPECT_TRUE(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), *folio));
  EXPECT_TRUE(is_poisoned(m, *folio + 33));
  EXPECT_TRUE(m.is_valid());
}

TEST(MemoryFailure, OfAnOrdinaryPageMarksIt) {
  PoolMachine m;
  const auto page = m->pages().alloc_pages(m.cpu(), Order{0});
  const auto compound = m->pages().alloc_pages(m.cpu(), Order{2});
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *page));
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *compound + 3));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *page));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *compound));
  EXPECT_EQ(m->pages().nr_kept_out(m.cpu()), 2U);
  EXPECT_EQ(m.hugetlb().memory_failure(m.cpu(), *compound).error(), Errno::ebusy) << "nobody owns it";
  EXPECT_TRUE(m.is_valid());
}

TEST(MemoryFailure, AFolioWhoseErrorsCouldNotBeNotedIsNeverFreed) {
  PoolMachine m({.geometry = "x86-64", .memory_pages = u64{1} << 16});
  const auto full = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  const auto last = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  for (u64 i = 0; i < RawErrors::kMostErrors; ++i) EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *full + i));
  EXPECT_TRUE(m.hugetlb().memory_failure(m.cpu(), *last + 5));
  const u64 free_before = m->pages().nr_free(m.cpu());
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *last));
  EXPECT_EQ(m->pages().nr_free(m.cpu()), free_before);
  EXPECT_TRUE(m->optimizer().is_optimized(m.cpu(), *last));
  EXPECT_TRUE(m.is_valid());
}

}  // namespace
}  // namespace hvo::test
