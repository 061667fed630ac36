// Pools of many sizes: what can't be optimised stays full, and folios are demoted along a chain.
#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

constexpr Order k64K{4};
constexpr Order k2M{9};
constexpr Order k32M{13};
constexpr Order k1G{18};

TEST(Sizes, EveryGeometryHasAPoolOfEachOfItsSizesLargerFirst) {
  for (const Geometry& g : kGeometries) {
    PoolMachine m({.geometry = g.name, .memory_pages = 2 * g.memory_granule()});
    const std::span<const Hstate> pools = m.hugetlb().hstates();
    const HugeSizes sizes = g.huge_sizes();
    ASSERT_EQ(pools.size(), sizes.size()) << g.name;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      EXPECT_EQ(pools[i].order, sizes.begin()[i]) << g.name;
      const Order smaller = i + 1 < pools.size() ? pools[i + 1].order : Order{};
      EXPECT_EQ(m.hugetlb().demote_size(m.cpu(), pools[i].order), smaller) << g.name;
    }
  }
}

struct SizeOf {
  std::string_view geometry;
  Order order;
};
constexpr std::array kNotOptimizable{SizeOf{"arm64-4k", {4}}, SizeOf{"arm64-16k", {7}}, SizeOf{"arm64-64k", {5}},
                                     SizeOf{"tiny-chain", {2}}};

TEST(Sizes, AFolioThatSharesAPageOfVmemmapIsLeftWholeAndItsNeighboursAreNotTouched) {
  for (const SizeOf& size : kNotOptimizable) {
    for (const Design& design : kDesigns) {
      const Geometry& g = *find_geometry(size.geometry);
      PoolMachine m({.geometry = g.name, .design = design.name, .memory_pages = 2 * g.memory_granule()});
      const u64 nr = 2 * g.structs_per_page() / size.order.nr_pages();
      ASSERT_GT(nr, 2U) << "several share a page";
      const u64 mapped = m.mapped();
      ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), size.order, nr), nr);
      EXPECT_EQ(m.mapped(), mapped);
      EXPECT_EQ(m.count(Event::optimize_skipped), nr);
      EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
      const auto used = m.hugetlb().alloc_hugetlb_folio(m.cpu(), size.order);
      ASSERT_TRUE(used);
      // All but one go to the page allocator and are checked there; the neighbour in use must not mind.
      EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), size.order, 0), 0U);
      EXPECT_EQ(m.counters(size.order), pool(1, 0, 1, 0, 0));
      EXPECT_TRUE(m.is_valid()) << g.name << " " << design.name;
      // And a default folio right beside it is optimised as ever.
      EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1), 1U);
      EXPECT_TRUE(m.is_valid()) << g.name << " " << design.name;
      EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), *used));
      EXPECT_EQ(m.counters(size.order), PoolCounters{});
      EXPECT_TRUE(m.is_valid()) << g.name << " " << design.name;
    }
  }
}

TEST(Sizes, OneGigantic1GiBFolioIsDemotedTo32MThen2MThen64K) {
  PoolMachine m({.geometry = "arm64-4k", .design = "fake-head-acquire", .memory_pages = u64{1} << 19});
  ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), k1G, 1), 1U);
  const u64 rest = m.mapped() - 1;
  ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), k1G, 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(k32M), pool(32, 32, 0, 0, 32));
  EXPECT_EQ(m.mapped() - rest, 32U);
  ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), k32M, 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(k32M), pool(31, 31, 0, 0, 31));
  EXPECT_EQ(m.counters(k2M), pool(16, 16, 0, 0, 16));
  EXPECT_EQ(m.mapped() - rest, 31U + 16U);
  ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), k2M, 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(k2M), pool(15, 15, 0, 0, 15));
  EXPECT_EQ(m.counters(k64K), pool(32, 32, 0, 0, 32));
  EXPECT_EQ(m.mapped() - rest, 31U + 15U + 8U) << "64 KiB folios keep all 8 pages of what was one of 2 MiB";
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 31U + 15U);
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), k64K, 1).error(), Errno::einval);
  EXPECT_TRUE(m.is_valid());
  for (const Order order : {k64K, k2M, k32M}) EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), order, 0), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Sizes, AFolioIsDemotedToTheSizeThatWasChosen) {
  PoolMachine m({.geometry = "arm64-4k", .memory_pages = u64{1} << 19});
  ASSERT_TRUE(m.hugetlb().set_demote_size(m.cpu(), k1G, k2M));
  EXPECT_EQ(m.hugetlb().demote_size(m.cpu(), k1G), k2M);
  ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), k1G, 1), 1U);
  ASSERT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), k1G, 1).value_or(0), 1U);
  EXPECT_EQ(m.counters(k32M), PoolCounters{});
  EXPECT_EQ(m.counters(k2M), pool(512, 512, 0, 0, 512));
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 512U);
  EXPECT_TRUE(m.is_valid());
}

TEST(Sizes, ASizeThatIsNotSmallerUnknownOrBelowTheDefaultIsNoDemoteSize) {
  PoolMachine m({.geometry = "arm64-4k", .memory_pages = 32768});
  for (const Order to : {k1G, k32M, Order{10}, Order{0}, k64K}) {
    EXPECT_EQ(m.hugetlb().set_demote_size(m.cpu(), k32M, to).error(), Errno::einval) << int{to.v};
  }
  EXPECT_EQ(m.hugetlb().set_demote_size(m.cpu(), k2M, k64K).error(), Errno::einval) << "as HUGETLB_PAGE_ORDER";
  EXPECT_EQ(m.hugetlb().demote_size(m.cpu(), k32M), k2M) << "still the default";
  EXPECT_EQ(m.hugetlb().demote_size(m.cpu(), k2M), k64K) << "the default may be below";
}

TEST(Sizes, AChainOfDemotionsEndsInTheSmallestSizeUnderEveryDesign) {
  for (const Design& design : kDesigns) {
    for (const std::string_view geometry : {"tiny-chain", "tiny", "tiny-pages"}) {
      PoolMachine m({.geometry = geometry, .design = design.name});
      const HugeSizes sizes = m->config().geometry.huge_sizes();
      ASSERT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), sizes.largest(), 2), 2U);
      const u64 nr_pages = 2 * sizes.largest().nr_pages();
      for (const Order order : sizes) {
        if (order == sizes.smallest()) break;
        const u64 nr = nr_pages / order.nr_pages();
        EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), order, nr).value_or(0), nr);
        EXPECT_TRUE(m.is_valid()) << geometry << " " << design.name << " after order " << int{order.v};
      }
      const u64 nr = nr_pages / sizes.smallest().nr_pages();
      EXPECT_EQ(m.counters(sizes.smallest()), pool(nr, nr, 0, 0, nr));
    }
  }
}

/// ENOMEM at every allocation index of a chain.
TEST(Sizes, EveryFailedAllocationOfAChainLeavesAFolioDemotedOrUntouched) {
  u64 nr_undone = 0;
  for (u64 n = 1; n < 400; ++n) {
    PoolMachine m({.geometry = "tiny-chain",
                   .design = "fake-head-acquire",
                   .failures = {.mode = FailurePlan::Mode::nth, .n = n}});
    const HugeSizes sizes = m->config().geometry.huge_sizes();
    m.hugetlb().set_max_huge_pages(m.cpu(), sizes.largest(), 1);
    for (const Order order : sizes) {
      if (order == sizes.smallest()) break;
      const PoolCounters before = m.counters(order);
      const auto demoted = m.hugetlb().demote_pool_huge_pages(m.cpu(), order, 1);
      if (demoted || demoted.error() != Errno::enomem) continue;
      ++nr_undone;
      EXPECT_EQ(m.counters(order), before);
      EXPECT_TRUE(m.hugetlb().demote_pool_huge_pages(m.cpu(), order, 1)) << "only the n-th fails";
    }
    EXPECT_TRUE(m.is_valid()) << "allocation " << n;
    if (m.count(Event::alloc_failure_injected) == 0) break;
    ASSERT_LT(n, 399U) << "the sweep did not end";
  }
  EXPECT_GT(nr_undone, 4U);
}

}  // namespace
}  // namespace hvo::test
