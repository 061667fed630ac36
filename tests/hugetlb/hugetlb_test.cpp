#include <thread>

#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

TEST(Hugetlb, AFolioOfThePoolIsHandedOutWithOneReferenceAndComesBackWithTheLast) {
  PoolMachine m;
  ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2), 2U);
  const auto folio = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(folio);
  const auto pages = m->vmemmap().pages(m.cpu());
  const Page head = m->vmemmap().page_of(*folio);
  EXPECT_EQ(pages.refcount(head), 1U);
  EXPECT_TRUE(PageHuge<FakeHead>(pages, head + 9));
  EXPECT_EQ(m.counters(m.huge()), pool(2, 1, 0, 0, 2));
  EXPECT_TRUE(get_page_unless_zero(m->design(), pages, head).value_or(false));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()).free_huge_pages, 1U) << "a walker still holds it";
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), pool(2, 2, 0, 0, 2));
  EXPECT_EQ(pages.refcount(head), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Hugetlb, AnEmptyPoolWithoutOvercommitIsOutOfMemory) {
  PoolMachine m;
  EXPECT_EQ(m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).error(), Errno::enomem);
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
}

TEST(Hugetlb, OvercommitMakesSurplusFoliosUpToItsLimitAndFreesThemToThePageAllocator) {
  PoolMachine m;
  const u64 free_before = m->pages().nr_free(m.cpu());
  m.hugetlb().set_nr_overcommit_huge_pages(m.cpu(), m.huge(), 1);
  const auto folio = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(folio);
  EXPECT_TRUE(m->optimizer().is_optimized(m.cpu(), *folio));
  EXPECT_FALSE(m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()));
  EXPECT_EQ(m.counters(m.huge()), pool(1, 0, 1, 1, 0));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), pool(0, 0, 0, 1, 0));
  EXPECT_EQ(m->pages().nr_free(m.cpu()), free_before);
  EXPECT_TRUE(m.is_valid());
}

TEST(Hugetlb, ATemporaryFolioIsCountedWhileItLivesAndLeavesThePoolWhenFreed) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(folio);
  EXPECT_EQ(m.counters(m.huge()), pool(1, 0, 0, 0, 0));
  EXPECT_TRUE(m.is_valid());
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *folio));
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_TRUE(m.is_valid());
}

TEST(Hugetlb, AFolioThatCannotBeRestoredStaysFreeWholeAndSurplus) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(folio);
  m.take_memory();
  EXPECT_EQ(m.hugetlb().folio_put(m.cpu(), *folio).error(), Errno::enomem);
  EXPECT_EQ(m.counters(m.huge()), pool(1, 1, 1, 0, 0));
  EXPECT_TRUE(m->optimizer().is_optimized(m.cpu(), *folio));
  EXPECT_EQ(m.count(Event::window_surplus_by_failure), 1U);
  EXPECT_TRUE(m.is_valid());
  // It can be used again, and is freed for good once there is memory.
  const auto again = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge());
  EXPECT_EQ(again, folio);
  m.give_memory_back();
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *again));
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_TRUE(m.is_valid());
}

TEST(Hugetlb, AnOrdinaryPageAndACompoundAreFreedByTheirLastReferenceToo) {
  PoolMachine m;
  const u64 free_before = m->pages().nr_free(m.cpu());
  for (const Order order : {Order{0}, Order{1}, Order{3}}) {
    const auto head = m->pages().alloc_pages(m.cpu(), order);
    ASSERT_TRUE(head);
    EXPECT_FALSE(PageHuge<FakeHead>(m->vmemmap().pages(m.cpu()), m->vmemmap().page_of(*head)));
    EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *head));
  }
  EXPECT_EQ(m->pages().nr_free(m.cpu()), free_before);
  EXPECT_TRUE(m.is_valid());
}

TEST(Hugetlb, AHugepageGivenToThePageAllocatorWithItsMarkIsABadPage) {
  PoolMachine m;
  const auto folio = m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), m.huge());
  ASSERT_TRUE(page_ref_freeze(m->vmemmap().pages(m.cpu()), m->vmemmap().page_of(*folio), 1).value_or(false));
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), *folio, m.huge()));
  m->pages().free_frozen_pages(m.cpu(), *folio, m.huge());
  EXPECT_GT(m->diagnostics(0).violations.count[static_cast<unsigned>(Rule::bad_page)], 0U);
  EXPECT_EQ(m->pages().nr_leaked(m.cpu()), m.huge().nr_pages());
}

TEST(Hugetlb, FourCpusAllocateAndFreeFromOneSmallPoolAndTheBooksBalance) {
  PoolMachine m({.geometry = "x86-64", .memory_pages = u64{1} << 16, .nr_cpus = 4});
  m.hugetlb().set_nr_overcommit_huge_pages(m.cpu(), m.huge(), 2);
  ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2), 2U);
  m.cpu().idle();
  {
    std::vector<std::jthread> threads;
    for (u32 i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        Cpu& cpu = m->cpu(i);
        cpu.run();
        Rng rng = Rng::seeded(7, i);
        std::vector<Pfn> held;
        for (int n = 0; n < 400; ++n) {
          if (held.empty() || rng.one_in(2)) {
            if (const auto folio = m.hugetlb().alloc_hugetlb_folio(cpu, m.huge())) held.push_back(*folio);
          } else {
            (void)m.hugetlb().folio_put(cpu, held.back());
            held.pop_back();
          }
        }
        for (const Pfn folio : held) (void)m.hugetlb().folio_put(cpu, folio);
        cpu.idle();
      });
    }
  }
  m.cpu().run();
  EXPECT_EQ(m.counters(m.huge()), pool(2, 2, 0, 2, 2));
  EXPECT_TRUE(m.is_valid());
}

}  // namespace
}  // namespace hvo::test
