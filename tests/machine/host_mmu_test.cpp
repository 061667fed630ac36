#include "core/machine/host_mmu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/cpu/guarded_access.h"
#include "tests/support/folio_machine.h"
#include "tests/support/hook_engine.h"

namespace hvo {
namespace {

using testing::HasSubstr;

constexpr Order kHuge{9};
constexpr u64 kHostPage = 4096;

MachineConfig config_of(std::string_view design, Mmu mmu = Mmu::host) {
  MachineConfig config;
  config.design = find_design(design);
  config.memory_pages = u64{1} << 16;
  config.mmu = mmu;
  return config;
}

struct HostMmuTest : testing::Test {
  void SetUp() override {
    if (!why_no_guarded_access().empty()) GTEST_SKIP() << why_no_guarded_access();
  }
};

/// Pages of the vmemmap that this process maps otherwise than the machine's page tables say.
u64 nr_pages_mapped_wrong(test::FolioMachine& m) {
  PageTable& table = m->page_table();
  u64 nr_seen = 0;
  u64 nr_wrong = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    u64 start = 0;
    u64 end = 0;
    u64 offset = 0;
    char dash = 0;
    std::string rights;
    words >> std::hex >> start >> dash >> end >> rights >> offset;
    // Only what lies in the vmemmap: a sanitizer maps terabytes beside it.
    const u64 first = std::max(start, table.vmemmap_base());
    offset += first - start;
    for (start = first; start < std::min(end, table.vmemmap_end()); start += kHostPage, offset += kHostPage) {
      const Translation t = table.walk(m.cpu(), start);
      const u64 page_of_block = t.is_block ? start % m->config().geometry.pmd_size() / kHostPage : 0;
      const bool is_right = (t.frame + page_of_block).v == offset / kHostPage &&
                            rights == (t.writable ? "rw-s" : "r--s") &&
                            m->host_mmu()->is_read_only(start) != t.writable;
      nr_wrong += is_right ? 0 : 1;
      ++nr_seen;
    }
  }
  EXPECT_EQ(nr_seen, table.nr_vmemmap_pages());
  return nr_wrong;
}

TEST_F(HostMmuTest, FollowsEveryOperationOfEveryDesign) {
  for (const Design& design : kDesigns) {
    SCOPED_TRACE(design.name);
    test::FolioMachine m(config_of(design.name));
    Hugetlb& pools = m->hugetlb();
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "booted";
    ASSERT_EQ(pools.set_max_huge_pages(m.cpu(), kHuge, 12), 12U);
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "grown in a batch";
    const Pfn folio = pools.alloc_migrate_hugetlb_folio(m.cpu(), kHuge).value();
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "one optimised";
    ASSERT_TRUE(pools.folio_put(m.cpu(), folio));
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "restored";
    EXPECT_EQ(pools.set_max_huge_pages(m.cpu(), kHuge, 3), 3U);
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "shrunk in a batch";
    EXPECT_TRUE(m.quiet([](Machine& machine) { return machine.validate(); }));
    EXPECT_EQ(m->nr_violations(), 0U);
  }
}

TEST_F(HostMmuTest, FollowsADemotionAndPoolsThatWereFilledAtBoot) {
  for (const char* design : {"fake-head", "shared-tail"}) {
    SCOPED_TRACE(design);
    MachineConfig config = config_of(design);
    config.memory_pages = u64{1} << 19;
    config.pools[0] = {kHuge, 4};
    config.pools[1] = {Order{18}, 1, 0, find_design(design)->populates_boot_pool};
    test::FolioMachine m(config);
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "booted";
    ASSERT_EQ(m->hugetlb().demote_pool_huge_pages(m.cpu(), Order{18}, 1).value_or(0), 1U);
    EXPECT_EQ(nr_pages_mapped_wrong(m), 0U) << "demoted";
    EXPECT_TRUE(m.quiet([](Machine& machine) { return machine.validate(); }));
  }
}

TEST_F(HostMmuTest, FollowsARemapThatIsUndone) {
  MachineConfig config = config_of("fake-head");
  config.memory_pages = u64{1} << 19;
  test::FolioMachine m(config);
  // The page table of the second PMD is not to be had: what was remapped of the first is put back.
  m->frames().next().set_plan({.mode = FailurePlan::Mode::nth, .n = 2});
  const Pfn head = m->pages().alloc_frozen_pages(m.cpu(), Order{18}).value();
  ASSERT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), head, Order{18}));
  EXPECT_FALSE(m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), head, Order{18}));
  EXPECT_EQ(m->diagnostics(0).counts[Event::window_partial_rollback], 1U);
  EXPECT_EQ(nr_pages_mapped_wrong(m), 0U);
}

/// Each kind of store by virtual address, to a struct page.
template <class F>
void each_store(Cpu& cpu, Page p, F f) {
  f("write_once", !cpu.write_once_at<u64>(p.va + page_field::priv, 1));
  f("store_release", !cpu.store_release_at<u32>(p.va + page_field::refcount, 1));
  f("fetch_add", !cpu.fetch_add_at<u32>(p.va + page_field::refcount, 1));
  f("fetch_or", !cpu.fetch_or_at<u64>(p.va + page_field::flags, 1));
  f("fetch_and", !cpu.fetch_and_at<u64>(p.va + page_field::flags, 1));
  f("cmpxchg", !cpu.cmpxchg_at<u32>(p.va + page_field::refcount, ~u32{0}, 1));
}

TEST_F(HostMmuTest, AStoreToATailIsReportedWithCpuPageAndOperationAndDoesNotHappen) {
  test::FolioMachine m(config_of("fake-head"));
  const Page head = m->vmemmap().page_of(m.make_folio());
  Cpu& cpu = m->cpu(1);
  cpu.run();
  const OpScope scope(cpu, Op::pfn_walk_unfiltered);
  const Page tail = head + 3 * 64;
  const PageImage before = m->vmemmap().read(cpu, tail);
  u64 nr = 0;
  each_store(cpu, tail, [&](const char* what, bool trapped) {
    EXPECT_TRUE(trapped) << what;
    EXPECT_EQ(cpu.diagnostics().violations.total(), ++nr) << what;
  });
  const Violation& v = cpu.diagnostics().violations.first[0];
  EXPECT_EQ(v.rule, Rule::read_only_store);
  EXPECT_EQ(v.op, Op::pfn_walk_unfiltered);
  EXPECT_EQ(v.cpu, 1U);
  EXPECT_EQ(v.object & ~(kStructPageSize - 1), tail.va);
  EXPECT_EQ(m->vmemmap().read(cpu, tail), before);
  each_store(cpu, head, [](const char* what, bool trapped) { EXPECT_FALSE(trapped) << what; });
  cpu.idle();
}

TEST_F(HostMmuTest, AnEngineSeesTheStepsAndTheTrapsAsWithTheSoftwareMmu) {
  std::array<u64, 2> nr_steps{};
  for (const Mmu mmu : {Mmu::software, Mmu::host}) {
    test::FolioMachine m(config_of("fake-head", mmu));
    const Page head = m->vmemmap().page_of(m.make_folio());
    test::HookEngine engine;
    u64 nr_done = 0;
    engine.on_done([&](const Access& a) { nr_done += a.space == Space::vmemmap ? 1 : 0; });
    const test::Attached attached(m.cpu(), engine);
    each_store(m.cpu(), head, [](const char* what, bool trapped) { EXPECT_FALSE(trapped) << what; });
    nr_steps[mmu == Mmu::host ? 1 : 0] = nr_done;
    each_store(m.cpu(), head + 64, [](const char* what, bool trapped) { EXPECT_TRUE(trapped) << what; });
    EXPECT_EQ(m->nr_violations(), 6U);
  }
  EXPECT_EQ(nr_steps[0], 6U);
  EXPECT_EQ(nr_steps[1], nr_steps[0]);
}

TEST_F(HostMmuTest, EveryLookupSaysWhatItSaysWithTheSoftwareMmu) {
  for (const Design& design : kDesigns) {
    SCOPED_TRACE(design.name);
    test::FolioMachine software(config_of(design.name, Mmu::software));
    test::FolioMachine host(config_of(design.name));
    for (test::FolioMachine* m : {&software, &host}) {
      m->make_folio();
      m->make_folio();
      for (const Order order : {Order{0}, Order{1}, Order{3}, Order{9}}) {
        ASSERT_TRUE((*m)->pages().alloc_pages(m->cpu(), order));
      }
    }
    const auto answer = [&]<class E>(E, test::FolioMachine& m, Pfn pfn) {
      Vmemmap& vmemmap = m->vmemmap();
      const CpuPages pages = vmemmap.pages(m.cpu());
      const Page p = vmemmap.page_of(pfn);
      const bool is_tail = PageTail<E>(pages, p);
      const bool is_head = PageHead<E>(pages, p);
      return std::tuple(vmemmap.pfn_of(compound_head<E>(pages, p)), is_tail, is_head);
    };
    u64 nr_different = 0;
    for (Pfn pfn{0}; pfn.v < host->vmemmap().nr_pages(); ++pfn) {
      with_encoding(design.encoding, [&]<class E>(E e) {
        const auto a = answer(e, software, pfn);
        const auto b = answer(e, host, pfn);
        nr_different += a == b ? 0 : 1;
      });
    }
    EXPECT_EQ(nr_different, 0U);
  }
}

TEST_F(HostMmuTest, AnAddressOutsideTheVmemmapIsReportedNotTouched) {
  test::FolioMachine m(config_of("none"));
  EXPECT_EQ(m.cpu().read_once_at<u64>(m->page_table().vmemmap_end()), 0U);
  EXPECT_EQ(m.cpu().diagnostics().violations.count[static_cast<unsigned>(Rule::range)], 1U);
}

TEST_F(HostMmuTest, IsRefusedWhereTheHostCanNotMapAllThatMayBecomeNecessary) {
  MachineConfig config = config_of("fake-head");
  config.memory_pages = align_up((max_map_count() + 1) * 64, u64{1} << 15);
  const auto machine = Machine::create(config);
  ASSERT_FALSE(machine);
  EXPECT_THAT(machine.error(), HasSubstr("takes " + std::to_string(config.memory_pages / 64) + " memory mappings"));
  EXPECT_THAT(machine.error(), HasSubstr("sudo sysctl vm.max_map_count="));
  config.design = find_design("none");
  EXPECT_TRUE(check_host_mmu(config)) << "one mapping a PMD, for good";
}

TEST(HostMmu, IsRefusedInOneLineWhereItCanNotBe) {
  const auto refusal = [](const MachineConfig& config) {
    const auto machine = Machine::create(config);
    return machine ? "built" : machine.error();
  };
  MachineConfig tiny = config_of("fake-head");
  tiny.geometry = *find_geometry("tiny");
  EXPECT_THAT(refusal(tiny), HasSubstr("4 KiB pages"));
  MachineConfig ll_sc = config_of("fake-head");
  ll_sc.ll_sc = true;
  EXPECT_THAT(refusal(ll_sc), HasSubstr("compare-exchange traps"));
  const std::string plain = refusal(config_of("fake-head"));
  EXPECT_THAT(plain, HasSubstr(why_no_guarded_access().empty() ? "built" : "ThreadSanitizer"));
}

}  // namespace
}  // namespace hvo
