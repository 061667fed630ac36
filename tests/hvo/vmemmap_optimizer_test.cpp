#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "core/hvo/cost_check.h"
#include "core/machine/machine.h"
#include "core/sync/rcu.h"
#include "core/vmemmap/lookup_check.h"

namespace hvo {
namespace {

std::unique_ptr<Machine> make(std::string_view design, std::string_view geometry = "x86-64",
                              FailurePlan failures = {}) {
  MachineConfig config;
  config.geometry = *find_geometry(geometry);
  config.design = find_design(design);
  config.memory_pages = u64{1} << 16;
  config.nr_cpus = 2;
  config.failures = failures;
  auto machine = Machine::create(config);
  EXPECT_TRUE(machine.has_value());
  return std::move(*machine);
}

struct Steps {
  explicit Steps(Machine& machine) : m(machine), cpu(machine.cpu(0)) { cpu.run(); }
  ~Steps() { cpu.idle(); }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  Machine& m;
  Cpu& cpu;
};

TEST(VmemmapOptimizer, KeepsOneFrameOfEightForA2MiBFolio) {
  auto m = make("fake-head");
  const u64 before = m->census().mapped;
  {
    const Steps s(*m);
    ASSERT_TRUE(m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9}));
  }
  const FrameCensus after = m->census();
  EXPECT_EQ(before - after.mapped, 7U);
  EXPECT_EQ(after.read_only_ptes, 7U);
  EXPECT_EQ(after.pte_pages, 1U);
  EXPECT_TRUE(m->validate());
}

TEST(VmemmapOptimizer, KeepsOneFrameOf4096ForA1GiBFolio) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = u64{1} << 19;
  auto m = std::move(*Machine::create(config));
  const u64 before = m->census().mapped;
  Pfn head;
  {
    const Steps s(*m);
    const auto folio = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{18});
    ASSERT_TRUE(folio);
    head = *folio;
  }
  EXPECT_EQ(before - m->census().mapped, 4095U);
  EXPECT_EQ(m->census().pte_pages, 8U);
  EXPECT_TRUE(m->validate());
  {
    const Steps s(*m);
    ASSERT_TRUE(m->hugetlb().folio_put(s.cpu, head));
  }
  EXPECT_EQ(before, m->census().mapped);
  EXPECT_TRUE(m->validate());
}

TEST(VmemmapOptimizer, SavesSevenFramesForEachOf512FoliosAgainstNone) {
  auto mapped = [](std::string_view design) {
    MachineConfig config;
    config.design = find_design(design);
    config.memory_pages = u64{512} * 520;
    auto m = std::move(*Machine::create(config));
    const Steps s(*m);
    for (int i = 0; i < 512; ++i) EXPECT_TRUE(m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9}));
    s.cpu.idle();
    const u64 n = m->census().mapped;
    s.cpu.run();
    return n;
  };
  EXPECT_EQ(mapped("none") - mapped("fake-head"), 7U * 512);
}

TEST(VmemmapOptimizer, TheKeyCountsOptimizedFoliosNotTheSwitch) {
  auto m = make("fake-head");
  const Steps s(*m);
  StaticKey& key = m->vmemmap().key();
  const auto a = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9});
  const auto b = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9});
  m->optimizer().set_enabled(s.cpu, false);
  EXPECT_EQ(key.count(s.cpu), 2U);
  EXPECT_TRUE(key.is_enabled(s.cpu));
  ASSERT_TRUE(m->hugetlb().folio_put(s.cpu, *a));
  EXPECT_TRUE(key.is_enabled(s.cpu));
  ASSERT_TRUE(m->hugetlb().folio_put(s.cpu, *b));
  EXPECT_FALSE(key.is_enabled(s.cpu));
}

TEST(VmemmapOptimizer, AStoreToATailTrapsAndDoesNotHappen) {
  auto m = make("fake-head");
  const Steps s(*m);
  const auto head = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9});
  const Page fake = m->vmemmap().page_of(*head + 64);
  EXPECT_EQ(m->vmemmap().pages(s.cpu).refcount(fake), 1U) << "a fake head shows the head's count";
  EXPECT_FALSE(get_page_unless_zero(m->design(), m->vmemmap().pages(s.cpu), fake).has_value());
  EXPECT_EQ(m->vmemmap().pages(s.cpu).refcount(m->vmemmap().page_of(*head)), 1U);
  EXPECT_EQ(m->nr_violations(), 1U);
  EXPECT_EQ(m->diagnostics(0).violations.first[0].rule, Rule::read_only_store);
}

u64 flushes(Machine& m) { return m.diagnostics(0).counts[Event::tlb_flush]; }

/// `n` frozen, full folios of the default size.
std::vector<Pfn> frozen_folios(Machine& m, Cpu& cpu, unsigned n) {
  std::vector<Pfn> folios;
  m.optimizer().set_enabled(cpu, false);
  for (unsigned i = 0; i < n; ++i) {
    const auto head = m.hugetlb().alloc_migrate_hugetlb_folio(cpu, m.config().geometry.huge_order);
    EXPECT_TRUE(head);
    EXPECT_TRUE(page_ref_freeze(m.vmemmap().pages(cpu), m.vmemmap().page_of(*head), 1).value_or(false));
    folios.push_back(*head);
  }
  m.optimizer().set_enabled(cpu, true);
  return folios;
}

TEST(VmemmapOptimizer, ABatchIsOptimisedWithTwoFlushesAndRestoredWithOne) {
  auto m = make("fake-head");
  const Order order = m->config().geometry.huge_order;
  const u64 before = m->census().mapped;
  std::vector<Pfn> folios;
  {
    const Steps s(*m);
    folios = frozen_folios(*m, s.cpu, 80);  // more than one PMD
    const u64 none = flushes(*m);
    m->optimizer().hugetlb_vmemmap_optimize_folios(s.cpu, folios, order);
    EXPECT_EQ(flushes(*m) - none, 2U);
    EXPECT_EQ(m->optimizer().nr_optimized_folios(), 80U);
  }
  EXPECT_EQ(before - m->census().mapped, 80U * 7);
  EXPECT_TRUE(m->validate());
  {
    const Steps s(*m);
    const u64 none = flushes(*m);
    EXPECT_EQ(m->optimizer().hugetlb_vmemmap_restore_folios(s.cpu, folios, order), 80U);
    EXPECT_EQ(flushes(*m) - none, 1U);
  }
  EXPECT_EQ(m->census().mapped, before);
  EXPECT_TRUE(m->validate());
}

class Batches : public testing::TestWithParam<Design> {};

TEST_P(Batches, Of512FoliosTakeTwoFlushesAndAtMostOneGracePeriod) {
  constexpr u64 kFolios = 512;
  const Design& design = GetParam();
  MachineConfig config;
  config.design = &design;
  config.memory_pages = (kFolios + 64) << 9;
  auto m = Machine::create(config).value();
  const Order order = config.geometry.huge_order;
  const u64 nr_waits = design.waits_for_rcu ? 1 : 0;
  const auto grace_periods = [&m] { return m->diagnostics(0).counts[Event::grace_period]; };
  {
    const Steps s(*m);
    const std::vector<Pfn> folios = frozen_folios(*m, s.cpu, kFolios);
    const u64 flushes_before = flushes(*m);
    const u64 waits_before = grace_periods();
    m->optimizer().hugetlb_vmemmap_optimize_folios(s.cpu, folios, order);
    EXPECT_EQ(m->optimizer().nr_optimized_folios(), kFolios);
    EXPECT_EQ(flushes(*m) - flushes_before, 2U);
    EXPECT_EQ(grace_periods() - waits_before, nr_waits);
    // Back, and once more one by one.
    ASSERT_EQ(m->optimizer().hugetlb_vmemmap_restore_folios(s.cpu, folios, order), kFolios);
    EXPECT_EQ(flushes(*m) - flushes_before, 3U);
    EXPECT_EQ(grace_periods() - waits_before, 2 * nr_waits);
    const u64 flushes_of_batches = flushes(*m);
    const u64 waits_of_batches = grace_periods();
    for (const Pfn head : folios) ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(s.cpu, head, order));
    EXPECT_GE(flushes(*m) - flushes_of_batches, kFolios);
    EXPECT_EQ(grace_periods() - waits_of_batches, nr_waits * kFolios);
  }
  EXPECT_TRUE(m->validate());
}

std::vector<Design> batching_designs() {
  std::vector<Design> designs;
  std::ranges::copy_if(kDesigns, std::back_inserter(designs), &Design::batches_flushes);
  return designs;
}
INSTANTIATE_TEST_SUITE_P(Designs, Batches, testing::ValuesIn(batching_designs()), [](const auto& test) {
  std::string name(test.param.name);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(CostCheck, ReportsTheFlushThatIsTooMuchAndNoneWithinTheBudget) {
  auto m = make("fake-head", "tiny");
  const Steps s(*m);
  const u64 base = m->page_table().vmemmap_base();
  {
    const CostCheck cost(s.cpu, {.flushes = 1}, "one is enough");
    m->page_table().flush_tlb_kernel_range(s.cpu, base, base + 512);
  }
  EXPECT_EQ(m->nr_violations(), 0U);
  {
    const CostCheck cost(s.cpu, {.flushes = 1}, "one is enough");
    m->page_table().flush_tlb_kernel_range(s.cpu, base, base + 512);
    m->page_table().flush_tlb_all(s.cpu);
    synchronize_rcu(s.cpu, m->cpus());
  }
  EXPECT_EQ(m->diagnostics(0).violations.count[static_cast<unsigned>(Rule::cost)], 2U);
}

TEST(VmemmapOptimizer, WithoutResetTheTailsAreBadAtFree) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = u64{1} << 16;
  config.safeguards = Safeguards{}.without(Safeguard::reset_struct_pages);
  auto m = std::move(*Machine::create(config));
  const Steps s(*m);
  const auto head = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9});
  ASSERT_TRUE(m->hugetlb().folio_put(s.cpu, *head));
  EXPECT_EQ(m->pages().nr_leaked(s.cpu), 512U);
  EXPECT_EQ(m->diagnostics(0).violations.first[0].rule, Rule::bad_page);
}

TEST(VmemmapOptimizer, WithoutSplitPageFreeingASingleFrameIsReported) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = u64{1} << 16;
  config.safeguards = Safeguards{}.without(Safeguard::split_page_of_block);
  auto m = std::move(*Machine::create(config));
  const Steps s(*m);
  ASSERT_TRUE(m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9}));
  ASSERT_GT(m->nr_violations(), 0U);
  EXPECT_EQ(m->diagnostics(0).violations.first[0].rule, Rule::conservation);
}

TEST(VmemmapOptimizer, WithoutTheFlushAStaleTranslationIsSeen) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = u64{1} << 16;
  config.safeguards = Safeguards{}.without(Safeguard::flush_before_free);
  auto m = std::move(*Machine::create(config));
  Cpu& other = m->cpu(1);
  const Steps s(*m);
  ASSERT_TRUE(m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9}));  // splits the PMD, which flushes
  m->optimizer().set_enabled(s.cpu, false);
  const auto full = m->hugetlb().alloc_migrate_hugetlb_folio(s.cpu, Order{9});
  m->optimizer().set_enabled(s.cpu, true);
  other.run();
  const CpuPages pages = m->vmemmap().pages(other);
  const Page tail = m->vmemmap().page_of(*full + 100);
  ASSERT_EQ(pages.refcount(tail), 0U);
  ASSERT_TRUE(page_ref_freeze(m->vmemmap().pages(s.cpu), m->vmemmap().page_of(*full), 1).value_or(false));
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(s.cpu, *full, Order{9}));
  pages.refcount(tail);
  other.idle();
  ASSERT_EQ(m->diagnostics(1).violations.total(), 1U);
  EXPECT_EQ(m->diagnostics(1).violations.first[0].rule, Rule::stale_translation);
}

}  // namespace
}  // namespace hvo
