#include <gtest/gtest.h>

#include "core/machine/machine.h"
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

/// The seven answers that the seed's reviewers asked to be the same with HVO on and off, for every pfn.
std::vector<u64> all_answers(Machine& m) {
  std::vector<u64> answers;
  Cpu& cpu = m.cpu(0);
  cpu.run();
  const CpuPages pages = m.vmemmap().pages(cpu);
  const u64 base = m.page_table().vmemmap_base();
  with_encoding(m.design().encoding, [&]<class E>(E) {
    for (Pfn pfn{0}; pfn.v < m.vmemmap().nr_pages(); ++pfn) {
      const Page p = m.vmemmap().page_of(pfn);
      answers.push_back(compound_head<E>(pages, p).va - base);
      const bool head = PageHead<E>(pages, p);
      const bool tail = PageTail<E>(pages, p);
      const bool compound = PageCompound<E>(pages, p);
      answers.push_back((head ? 1U : 0U) | (tail ? 2U : 0U) | (compound ? 4U : 0U));
    }
  });
  cpu.idle();
  return answers;
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
    ASSERT_TRUE(m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9}));
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
    const auto folio = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{18});
    ASSERT_TRUE(folio);
    head = *folio;
  }
  EXPECT_EQ(before - m->census().mapped, 4095U);
  EXPECT_EQ(m->census().pte_pages, 8U);
  EXPECT_TRUE(m->validate());
  {
    const Steps s(*m);
    ASSERT_TRUE(m->hugetlb().free_hugetlb_folio(s.cpu, head, Order{18}));
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
    for (int i = 0; i < 512; ++i) EXPECT_TRUE(m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9}));
    s.cpu.idle();
    const u64 n = m->census().mapped;
    s.cpu.run();
    return n;
  };
  EXPECT_EQ(mapped("none") - mapped("fake-head"), 7U * 512);
}

TEST(VmemmapOptimizer, EveryHelperAnswersAsNoneDoesInEachState) {
  for (const std::string_view geometry : {"x86-64", "tiny"}) {
    auto none = make("none", geometry);
    auto hvo = make("fake-head", geometry);
    const Order order = none->config().geometry.huge_order;
    std::vector<Pfn> folios;
    auto both = [&](auto step) {
      const Steps a(*none);
      const Steps b(*hvo);
      const auto x = step(*none, a.cpu);
      const auto y = step(*hvo, b.cpu);
      EXPECT_EQ(x, y);
      return x;
    };
    auto same = [&] { return all_answers(*none) == all_answers(*hvo); };
    EXPECT_TRUE(same()) << "off";
    for (int i = 0; i < 3; ++i) {
      folios.push_back(both([&](Machine& m, Cpu& c) { return *m.hugetlb().alloc_fresh_hugetlb_folio(c, order); }));
    }
    EXPECT_TRUE(same()) << "on";
    both([&](Machine& m, Cpu& c) {
      m.optimizer().set_enabled(c, false);
      return true;
    });
    folios.push_back(both([&](Machine& m, Cpu& c) { return *m.hugetlb().alloc_fresh_hugetlb_folio(c, order); }));
    EXPECT_TRUE(same()) << "switched off with optimised folios left";
    both([&](Machine& m, Cpu& c) { return *m.pages().alloc_pages(c, Order{3}); });
    both([&](Machine& m, Cpu& c) { return m.hugetlb().free_hugetlb_folio(c, folios[1], order).has_value(); });
    EXPECT_TRUE(same()) << "one restored";
    for (const std::size_t i : {0U, 2U, 3U}) {
      both([&](Machine& m, Cpu& c) { return m.hugetlb().free_hugetlb_folio(c, folios[i], order).has_value(); });
    }
    EXPECT_TRUE(same()) << "all restored";
    EXPECT_TRUE(hvo->validate());
    EXPECT_EQ(hvo->nr_violations(), 0U);
  }
}

TEST(VmemmapOptimizer, TheKeyCountsOptimizedFoliosNotTheSwitch) {
  auto m = make("fake-head");
  const Steps s(*m);
  StaticKey& key = m->vmemmap().key();
  const auto a = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9});
  const auto b = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9});
  m->optimizer().set_enabled(s.cpu, false);
  EXPECT_EQ(key.count(s.cpu), 2U);
  EXPECT_TRUE(key.is_enabled(s.cpu));
  ASSERT_TRUE(m->hugetlb().free_hugetlb_folio(s.cpu, *a, Order{9}));
  EXPECT_TRUE(key.is_enabled(s.cpu));
  ASSERT_TRUE(m->hugetlb().free_hugetlb_folio(s.cpu, *b, Order{9}));
  EXPECT_FALSE(key.is_enabled(s.cpu));
}

TEST(VmemmapOptimizer, AStoreToATailTrapsAndDoesNotHappen) {
  auto m = make("fake-head");
  const Steps s(*m);
  const auto head = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9});
  const Page fake = m->vmemmap().page_of(*head + 64);
  EXPECT_EQ(m->vmemmap().pages(s.cpu).refcount(fake), 1U) << "a fake head shows the head's count";
  EXPECT_FALSE(get_page_unless_zero(m->vmemmap().pages(s.cpu), fake).has_value());
  EXPECT_EQ(m->vmemmap().pages(s.cpu).refcount(m->vmemmap().page_of(*head)), 1U);
  EXPECT_EQ(m->nr_violations(), 1U);
  EXPECT_EQ(m->diagnostics(0).violations.first[0].rule, Rule::read_only_store);
}

/// ENOMEM at every allocation index: a sweep until an attempt needs no more.
TEST(VmemmapOptimizer, EveryFailedAllocationIsRolledBackExactly) {
  for (const Order order : {Order{4}, Order{6}}) {
    u64 nr_failed = 0;
    for (u64 n = 1; n < 100; ++n) {
      auto m = make("fake-head", "tiny", {.mode = FailurePlan::Mode::nth, .n = n});
      const u64 before = m->census().mapped;
      bool failed = false;
      {
        const Steps s(*m);
        const auto head = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, order);
        ASSERT_TRUE(head);
        const bool was_optimized = m->optimizer().is_optimized(s.cpu, *head);
        const auto freed = m->hugetlb().free_hugetlb_folio(s.cpu, *head, order);
        failed = !was_optimized || !freed;
        if (!freed) {
          EXPECT_EQ(freed.error(), Errno::enomem);
          EXPECT_TRUE(m->optimizer().is_optimized(s.cpu, *head)) << "a failed restore touches nothing";
        }
        if (!freed) {
          EXPECT_TRUE(m->hugetlb().free_hugetlb_folio(s.cpu, *head, order)) << "and can be repeated";
        }
        EXPECT_EQ(m->vmemmap().key().count(s.cpu), 0U);
      }
      EXPECT_EQ(m->census().mapped, before);
      EXPECT_TRUE(m->validate()) << "allocation " << n;
      if (!failed) break;
      ++nr_failed;
    }
    EXPECT_GT(nr_failed, 1U) << "the sweep met splits and restores";
  }
}

TEST(VmemmapOptimizer, WithoutResetTheTailsAreBadAtFree) {
  MachineConfig config;
  config.design = find_design("fake-head");
  config.memory_pages = u64{1} << 16;
  config.safeguards = Safeguards{}.without(Safeguard::reset_struct_pages);
  auto m = std::move(*Machine::create(config));
  const Steps s(*m);
  const auto head = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9});
  ASSERT_TRUE(m->hugetlb().free_hugetlb_folio(s.cpu, *head, Order{9}));
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
  ASSERT_TRUE(m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9}));
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
  ASSERT_TRUE(m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9}));  // splits the PMD, which flushes
  m->optimizer().set_enabled(s.cpu, false);
  const auto full = m->hugetlb().alloc_fresh_hugetlb_folio(s.cpu, Order{9});
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
