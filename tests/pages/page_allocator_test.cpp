#include "core/pages/page_allocator.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/rng.h"
#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

/// The plain form, without a guard.
auto plain_get_page_unless_zero(const CpuPages& pages, Page page) {
  return get_page_unless_zero<WalkerGuard::none, PointerHead>(pages, page);
}

using test::PagedConfig;
using test::VmemmapMachine;

/// A VmemmapMachine whose pages can be allocated. The budget is what its vmemmap takes and `spare_pages` more.
struct PageMachine : VmemmapMachine {
  explicit PageMachine(const PagedConfig& config, u64 spare_pages)
      : VmemmapMachine(with_budget(config, spare_pages)), allocator(arena(), vmemmap(), budget()) {}

  static PagedConfig with_budget(PagedConfig config, u64 spare_pages) {
    const u64 ptrs = config.geometry.ptrs_per_table();
    config.budget_pages = config.nr_pmds * ptrs + align_up(config.nr_pmds, ptrs) / ptrs + spare_pages;
    return config;
  }
  bool is_valid() { return allocator.validate(cpu()) && violations() == 0; }

  PageAllocator allocator;
};

struct PageAllocatorTest : testing::Test {
  PageMachine m{{}, 128};
  PageAllocator& a = m.allocator;
  Cpu& cpu = m.cpu();
};

TEST_F(PageAllocatorTest, ASinglePageComesWithOneReferenceAndGoesWithTheLast) {
  const auto p = a.alloc_pages(cpu, Order{0});
  ASSERT_TRUE(p);
  const Page page = m.vmemmap().page_of(*p);
  EXPECT_EQ(m.pages().refcount(page), 1U);
  EXPECT_EQ(a.nr_free(cpu), 127U);
  ASSERT_EQ(plain_get_page_unless_zero(m.pages(), page), true);
  a.put_page(cpu, *p, Order{0});
  EXPECT_EQ(a.nr_free(cpu), 127U) << "one reference is left";
  a.put_page(cpu, *p, Order{0});
  EXPECT_EQ(a.nr_free(cpu), 128U);
  EXPECT_TRUE(m.is_valid());
}

TEST_F(PageAllocatorTest, ACompoundOfEachOrderIsAlignedPreparedAndTakenApartAtFree) {
  for (u8 order = 1; order <= 7; ++order) {
    const auto p = a.alloc_pages(cpu, Order{order});
    ASSERT_TRUE(p) << "order " << unsigned{order};
    EXPECT_TRUE(is_aligned(*p, Order{order}));
    const Page head = m.vmemmap().page_of(*p);
    for (u64 i = 0; i < Order{order}.nr_pages(); ++i) {
      EXPECT_EQ(compound_head<PointerHead>(m.pages(), head + i), head);
    }
    EXPECT_EQ(a.nr_free(cpu), 128 - Order{order}.nr_pages());
    a.put_page(cpu, *p, Order{order});
    for (u64 i = 0; i < 128; ++i) EXPECT_EQ(m.image(i), PageImage::free_page(0));
  }
  EXPECT_TRUE(m.is_valid());
}

TEST_F(PageAllocatorTest, PagesHandedOutDoNotOverlap) {
  std::set<u64> used;
  for (const u8 order : {u8{3}, u8{0}, u8{4}, u8{0}, u8{1}, u8{5}, u8{2}}) {
    const auto p = a.alloc_pages(cpu, Order{order});
    ASSERT_TRUE(p);
    for (u64 i = 0; i < Order{order}.nr_pages(); ++i) EXPECT_TRUE(used.insert(p->v + i).second);
  }
  EXPECT_TRUE(m.is_valid());
}

TEST_F(PageAllocatorTest, AFrozenRangeIsSinglePagesOfCountZeroAndTheTruthSaysSo) {
  const auto p = a.alloc_frozen_pages(cpu, Order{4});
  ASSERT_TRUE(p);
  for (u64 i = 0; i < 16; ++i) {
    EXPECT_EQ(m.image(p->v + i), PageImage::free_page(0));
    EXPECT_EQ(m.vmemmap().truth().about(*p + i).order, Order{0});
  }
  a.free_frozen_range(cpu, *p, Order{4});
  EXPECT_EQ(a.nr_free(cpu), 128U);
  EXPECT_TRUE(m.is_valid());
}

TEST_F(PageAllocatorTest, WhatWasFreedMergesIntoTheLargestBlockAgain) {
  std::vector<Pfn> all;
  while (const auto p = a.alloc_pages(cpu, Order{0})) all.push_back(*p);
  EXPECT_EQ(all.size(), 128U);
  for (u64 i = 0; i < all.size(); ++i) a.put_page(cpu, all[(i * 37) % all.size()], Order{0});
  EXPECT_TRUE(a.alloc_pages(cpu, Order{7}));
  EXPECT_TRUE(m.is_valid());
}

TEST_F(PageAllocatorTest, EnomemWhenNoAlignedBlockIsLeftAndTheChargeIsGivenBack) {
  const auto first = a.alloc_pages(cpu, Order{0});
  ASSERT_TRUE(first);
  const u64 budget = m.budget().free_pages(cpu);
  EXPECT_EQ(a.alloc_pages(cpu, Order{7}), std::unexpected(Errno::enomem)) << "127 pages are free";
  EXPECT_EQ(m.budget().free_pages(cpu), budget);
  a.put_page(cpu, *first, Order{0});
  EXPECT_TRUE(a.alloc_pages(cpu, Order{7}));
}

TEST(PageAllocator, EnomemWhenTheBudgetThatFramesShareIsSpent) {
  PageMachine m({}, 20);
  const auto p = m.allocator.alloc_pages(m.cpu(), Order{4});
  ASSERT_TRUE(p);
  EXPECT_EQ(m.allocator.alloc_pages(m.cpu(), Order{3}), std::unexpected(Errno::enomem)) << "4 of 20 are left";
  ASSERT_TRUE(m.source().alloc(m.cpu(), Order{2})) << "frames take them too";
  EXPECT_EQ(m.allocator.alloc_pages(m.cpu(), Order{0}), std::unexpected(Errno::enomem));
  m.allocator.put_page(m.cpu(), *p, Order{4});
  EXPECT_TRUE(m.allocator.alloc_pages(m.cpu(), Order{3}));
  EXPECT_EQ(m.violations(), 0U);
}

TEST_F(PageAllocatorTest, ACompoundWithABadTailIsReportedAndLeakedWhole) {
  const auto p = a.alloc_pages(cpu, Order{3});
  ASSERT_TRUE(p);
  m.poke(p->v + 5, page_field::mapping, 0);
  a.put_page(cpu, *p, Order{3});
  EXPECT_EQ(m.violations(Rule::bad_page), 1U);
  EXPECT_EQ(a.nr_leaked(cpu), 8U);
  EXPECT_EQ(a.nr_free(cpu), 120U);
  std::set<u64> rest;
  while (const auto q = a.alloc_pages(cpu, Order{0})) rest.insert(q->v);
  EXPECT_EQ(rest.size(), 120U);
  EXPECT_FALSE(rest.contains(p->v + 5)) << "never handed out again";
}

TEST_F(PageAllocatorTest, ABadSinglePageIsLeakedToo) {
  const auto p = a.alloc_pages(cpu, Order{0});
  ASSERT_TRUE(p);
  m.poke(p->v, page_field::flags, PG_dirty);
  a.put_page(cpu, *p, Order{0});
  EXPECT_EQ(m.violations(Rule::bad_page), 1U);
  EXPECT_EQ(a.nr_leaked(cpu), 1U);
  EXPECT_EQ(a.nr_free(cpu), 127U);
}

TEST_F(PageAllocatorTest, PagesFreedTwiceAreReportedAndChangeNothing) {
  const auto p = a.alloc_frozen_pages(cpu, Order{2});
  ASSERT_TRUE(p);
  a.free_frozen_range(cpu, *p, Order{2});
  a.free_frozen_range(cpu, *p + 2, Order{1});
  EXPECT_EQ(m.violations(Rule::conservation), 1U);
  EXPECT_EQ(a.nr_free(cpu), 128U);
  EXPECT_TRUE(a.validate(cpu));
}

TEST(PageAllocator, AboveOrder9ABlockIsARunOfWhollyFreeAreas) {
  const Geometry g = *find_geometry("tiny");
  PageMachine m({.geometry = g, .nr_pmds = 4096 / g.structs_per_pmd(), .budget_pages = 0}, 4096);
  PageAllocator& a = m.allocator;
  Cpu& cpu = m.cpu();
  const auto single = a.alloc_pages(cpu, Order{0});
  const auto big = a.alloc_pages(cpu, Order{11});
  ASSERT_TRUE(single && big);
  EXPECT_NE(align_down(*single, Order{11}), *big) << "the other half is not all free";
  EXPECT_EQ(m.vmemmap().truth().about(*big + 2047).head, *big);
  EXPECT_EQ(a.alloc_pages(cpu, Order{11}), std::unexpected(Errno::enomem));
  const auto middle = a.alloc_pages(cpu, Order{10});
  ASSERT_TRUE(middle);
  EXPECT_NE(align_down(*single, Order{10}), *middle);
  a.put_page(cpu, *middle, Order{10});
  a.put_page(cpu, *single, Order{0});
  EXPECT_TRUE(a.alloc_pages(cpu, Order{11})) << "whole again";
  EXPECT_TRUE(m.is_valid());
}

/// Random traffic of one CPU; what it holds is checked to be its own by a mark in `index`.
void traffic(PageMachine& m, Cpu& cpu, u64 seed) {
  Rng rng = Rng::seeded(seed);
  std::vector<std::pair<Pfn, Order>> held;
  const u64 mark = cpu.id() + 1;
  auto drop = [&](std::size_t i) {
    const auto [p, order] = held[i];
    const u64 va = m.vmemmap().page_of(p).va + page_field::index;
    EXPECT_EQ(cpu.read_once_at<u64>(va), mark);
    EXPECT_TRUE(cpu.write_once_at<u64>(va, 0));
    m.allocator.put_page(cpu, p, order);
    held[i] = held.back();
    held.pop_back();
  };
  for (int i = 0; i < 2000; ++i) {
    if (!held.empty() && rng.one_in(2)) {
      drop(rng.below(held.size()));
      continue;
    }
    const Order order{static_cast<u8>(rng.below(5))};
    const auto p = m.allocator.alloc_pages(cpu, order);
    if (!p) continue;
    EXPECT_TRUE(cpu.write_once_at<u64>(m.vmemmap().page_of(*p).va + page_field::index, mark));
    held.emplace_back(*p, order);
  }
  while (!held.empty()) drop(0);
}

TEST(PageAllocator, UnderThreadsNoPageHasTwoOwnersAndAllComeBack) {
  PageMachine m({}, 100);
  m.run_threads({[&](Cpu& cpu) { traffic(m, cpu, 1); }, [&](Cpu& cpu) { traffic(m, cpu, 2); }});
  EXPECT_EQ(m.allocator.nr_free(m.cpu()), 128U);
  EXPECT_EQ(m.budget().free_pages(m.cpu()), 100U);
  for (u64 i = 0; i < 128; ++i) EXPECT_EQ(m.image(i), PageImage::free_page(0));
  EXPECT_TRUE(m.is_valid());
}

}  // namespace
}  // namespace hvo
