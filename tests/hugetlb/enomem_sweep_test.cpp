// ENOMEM at every allocation index of optimise, restore, demote, grow and shrink, for every design: each failure is
// rolled back exactly, nothing leaks. A sweep fails the first allocation of a run, then the second, … until nothing
// fails.
#include <algorithm>
#include <array>

#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

constexpr u64 kLongestSweep = 500;

class EnomemSweep : public testing::TestWithParam<std::string_view> {
 protected:
  static bool optimizes() { return find_design(GetParam())->optimizes(); }

  /// Calls attempt(machine, n) on fresh machines whose n-th allocation fails. How many of them met their failure.
  template <class F>
  u64 sweep(F attempt) {
    for (u64 n = 1; n <= kLongestSweep; ++n) {
      PoolMachine m({.design = GetParam(), .failures = {.mode = FailurePlan::Mode::nth, .n = n}});
      const u64 mapped = m.mapped();
      attempt(m, n);
      m->frames().next().set_plan({});  // what follows only cleans up
      EXPECT_TRUE(m.is_valid()) << "allocation " << n;
      drain(m);
      EXPECT_EQ(m.mapped(), mapped) << "allocation " << n << ", drained";
      EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
      EXPECT_TRUE(m.is_valid()) << "allocation " << n << ", drained";
      if (m.count(Event::alloc_failure_injected) == 0) return n - 1;
      if (HasFailure()) break;
    }
    ADD_FAILURE() << "the sweep did not come to its end";
    return 0;
  }

  static void drain(PoolMachine& m) {
    for (const Order order : {m.gigantic(), m.huge()}) {
      // What a failed restore left as surplus is taken over first.
      m.hugetlb().set_max_huge_pages(m.cpu(), order, m.counters(order).nr_huge_pages);
      EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), order, 0), 0U);
      EXPECT_EQ(m.counters(order), PoolCounters{});
    }
  }

  /// Frozen folios, full. Their making takes no frame, so the sweep counts what is done to them.
  static std::vector<Pfn> frozen_folios(PoolMachine& m, Order order, unsigned n) {
    std::vector<Pfn> folios;
    m->optimizer().set_enabled(m.cpu(), false);
    for (unsigned i = 0; i < n; ++i) {
      folios.push_back(m.hugetlb().alloc_migrate_hugetlb_folio(m.cpu(), order).value());
      EXPECT_TRUE(page_ref_freeze(m->vmemmap().pages(m.cpu()), m->vmemmap().page_of(folios.back()), 1).value_or(false));
    }
    m->optimizer().set_enabled(m.cpu(), true);
    return folios;
  }
};

TEST_P(EnomemSweep, OneFolioOptimisedAndRestored) {
  for (const bool gigantic : {false, true}) {
    const u64 nr_failed = sweep([&](PoolMachine& m, u64 n) {
      const Order order = gigantic ? m.gigantic() : m.huge();
      VmemmapOptimizer& optimizer = m->optimizer();
      const Pfn head = frozen_folios(m, order, 1)[0];
      const u64 full = m.mapped();
      const auto optimized = optimizer.hugetlb_vmemmap_optimize_folio(m.cpu(), head, order);
      EXPECT_EQ(optimizer.is_optimized(m.cpu(), head), optimized.has_value());
      if (!optimized && optimized.error() == Errno::enomem) {
        EXPECT_EQ(m.mapped(), full) << "allocation " << n << ": not rolled back";
        EXPECT_TRUE(m.is_valid()) << "allocation " << n;
      }
      if (const auto restored = optimizer.hugetlb_vmemmap_restore_folio(m.cpu(), head, order); !restored) {
        EXPECT_EQ(restored.error(), Errno::enomem);
        EXPECT_TRUE(optimizer.is_optimized(m.cpu(), head)) << "a failed restore touches nothing";
        EXPECT_TRUE(m.is_valid()) << "allocation " << n;
        EXPECT_TRUE(optimizer.hugetlb_vmemmap_restore_folio(m.cpu(), head, order)) << "and can be repeated";
      }
      EXPECT_EQ(m.mapped(), full);
      EXPECT_TRUE(m.hugetlb().free_huge_folio(m.cpu(), head));
    });
    // Two frames of a small folio's two are kept: nothing to win there.
    if (optimizes() && (gigantic || GetParam() != "two-frame")) EXPECT_GT(nr_failed, 1U) << "splits and restores";
  }
}

TEST_P(EnomemSweep, ABatchOptimisedAndRestored) {
  const u64 nr_failed = sweep([](PoolMachine& m, u64) {
    const Order order = m.gigantic();
    const std::vector<Pfn> folios = frozen_folios(m, order, 6);
    const u64 full = m.mapped();
    m->optimizer().hugetlb_vmemmap_optimize_folios(m.cpu(), folios, order);
    EXPECT_TRUE(m.is_valid());
    std::span<const Pfn> left(folios);
    left = left.subspan(m->optimizer().hugetlb_vmemmap_restore_folios(m.cpu(), left, order));
    EXPECT_EQ(m->optimizer().hugetlb_vmemmap_restore_folios(m.cpu(), left, order), left.size());
    EXPECT_EQ(m.mapped(), full);
    for (const Pfn head : folios) EXPECT_TRUE(m.hugetlb().free_huge_folio(m.cpu(), head));
  });
  if (optimizes()) EXPECT_GT(nr_failed, 12U);
}

TEST_P(EnomemSweep, ADemotionEndsInADemotedOrAnUntouchedFolio) {
  u64 nr_undone = 0;
  const u64 nr_failed = sweep([&](PoolMachine& m, u64 n) {
    m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 1);
    const u64 mapped = m.mapped();
    if (m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1)) {
      EXPECT_EQ(m.counters(m.huge()), pool(4, 4, 0, 0, 4));
      return;
    }
    ++nr_undone;
    EXPECT_EQ(m.counters(m.gigantic()), pool(1, 1, 0, 0, 1)) << "allocation " << n;
    EXPECT_EQ(m.mapped(), mapped) << "allocation " << n;
  });
  if (!optimizes()) return;
  EXPECT_GT(nr_failed, 4U);
  EXPECT_GT(nr_undone, 4U);
}

TEST_P(EnomemSweep, PoolsThatGrowAndShrink) {
  const u64 nr_failed = sweep([](PoolMachine& m, u64) {
    for (const Order order : {m.gigantic(), m.huge()}) {
      EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), order, 3), 3U) << "a folio that can't be optimised stays full";
    }
    EXPECT_TRUE(m.is_valid());
    for (const Order order : {m.gigantic(), m.huge()}) m.hugetlb().set_max_huge_pages(m.cpu(), order, 0);
  });
  if (optimizes()) EXPECT_GT(nr_failed, 10U);
}

constexpr auto kNames = [] {
  std::array<std::string_view, kDesigns.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kDesigns[i].name;
  return names;
}();

INSTANTIATE_TEST_SUITE_P(Designs, EnomemSweep, testing::ValuesIn(kNames), [](const auto& param) {
  std::string name(param.param);
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace hvo::test
