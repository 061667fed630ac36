#include "core/pgtable/page_table.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/hook_engine.h"
#include "tests/support/paged_machine.h"

namespace hvo {
namespace {

using test::PagedMachine;

/// The frame that page `i` of the vmemmap is mapped to, as the MMU finds it.
FrameNo frame_of(PagedMachine& m, u64 i) {
  const u64 page = m.geometry().page_size();
  const u64 va = PagedMachine::kBase + i * page;
  const Translation t = m.table().walk(m.cpu(), va);
  EXPECT_TRUE(t.present && t.writable) << "page " << i;
  return t.frame + (t.is_block ? (va % m.geometry().pmd_size()) / page : 0);
}

struct PageTableTest : testing::Test {
  PageTableTest() { EXPECT_TRUE(m.populate()); }
  u64 pmd(u64 i) const { return PagedMachine::kBase + i * g.pmd_size(); }
  u64 page(u64 i) const { return PagedMachine::kBase + i * g.page_size(); }
  PagedMachine m;
  const Geometry& g = m.geometry();
  PageTable& table = m.table();
  Cpu& cpu = m.cpu();
};

TEST_F(PageTableTest, PopulateMapsEveryPageToAFrameOfItsOwnInUseForTheVmemmap) {
  std::set<u32> seen;
  const u64 nr_pages = table.nr_pmds() * g.ptrs_per_table();
  for (u64 i = 0; i < nr_pages; ++i) {
    const FrameNo f = frame_of(m, i);
    EXPECT_TRUE(seen.insert(f.v).second);
    EXPECT_EQ(m.frames().state_of(f), FrameState::vmemmap);
  }
  EXPECT_EQ(m.source().frames_in_use(), nr_pages + 1) << "and one table of PMDs";
  EXPECT_EQ(table.nr_pte_pages(cpu), 0U);
}

TEST(PageTable, PopulateTakesASecondTableWhenOnePmdTableIsFull) {
  PagedMachine m({.nr_pmds = 5});
  ASSERT_TRUE(m.populate());
  EXPECT_EQ(m.source().frames_in_use(), 5U * 4 + 2);
  EXPECT_NE(frame_of(m, 19), frame_of(m, 0));
}

TEST(PageTable, PopulateSaysEnomemWhenTheBudgetEnds) {
  PagedMachine m({.nr_pmds = 4, .budget_pages = 16});
  EXPECT_FALSE(m.populate()) << "16 pages of vmemmap and a table";
  PagedMachine enough({.nr_pmds = 4, .budget_pages = 17});
  EXPECT_TRUE(enough.populate());
}

TEST(PageTable, OfBasePagesIsOfPtesFromBootOnAndIsNeverSplit) {
  PagedMachine m({.geometry = *find_geometry("tiny-pages"), .nr_pmds = 3});
  ASSERT_TRUE(m.populate());
  std::set<u32> seen;
  for (u64 i = 0; i < m.table().nr_vmemmap_pages(); ++i) {
    EXPECT_FALSE(m.table().walk(m.cpu(), PagedMachine::kBase + i * m.geometry().page_size()).is_block);
    const FrameNo f = frame_of(m, i);
    EXPECT_TRUE(seen.insert(f.v).second);
    EXPECT_EQ(m.frames().state_of(f), FrameState::vmemmap);
    EXPECT_EQ(m.split(m.cpu(), PagedMachine::kBase + i * m.geometry().page_size()), SplitResult::was_table);
  }
  EXPECT_EQ(m.table().nr_pte_pages(m.cpu()), 3U);
  EXPECT_EQ(m.source().frames_in_use(), 3U * 4 + 3 + 1);
  // Single frames: each may go back by itself.
  m.source().free(m.cpu(), frame_of(m, 5), Order{0});
  EXPECT_EQ(m.violations(), 0U);
}

TEST(PageTable, OfBasePagesEndsWhereItsStructPagesEnd) {
  PagedMachine m({.geometry = *find_geometry("tiny-pages"), .nr_pmds = 2, .nr_pages_less = 2 * 8});
  ASSERT_TRUE(m.populate());
  EXPECT_EQ(m.table().nr_vmemmap_pages(), 6U) << "one PMD and a half";
  EXPECT_EQ(m.table().nr_pmds(), 2U);
  EXPECT_TRUE(m.table().walk(m.cpu(), m.table().vmemmap_end() - 1).present);
  EXPECT_FALSE(m.table().walk(m.cpu(), m.table().vmemmap_end()).present);
  const u64 end = m.table().vmemmap_end();
  const Pmd last{m.cpu().read_once(m.table().pmd_word(end - 1))};
  EXPECT_FALSE(Pte{m.cpu().read_once(m.table().pte_word(last.frame(), end))}.is_present());
}

TEST_F(PageTableTest, AWalkOutsideTheVmemmapFindsNothing) {
  EXPECT_FALSE(table.walk(cpu, table.vmemmap_base() - 1).present);
  EXPECT_TRUE(table.walk(cpu, table.vmemmap_base()).present);
  EXPECT_TRUE(table.walk(cpu, table.vmemmap_end() - 1).present);
  EXPECT_FALSE(table.walk(cpu, table.vmemmap_end()).present);
}

TEST_F(PageTableTest, ASplitMapsTheSameFramesByPagesAndOnlyOfThatPmd) {
  std::vector<FrameNo> before;
  for (u64 i = 0; i < 16; ++i) before.push_back(frame_of(m, i));
  EXPECT_EQ(m.split(cpu, page(6)), SplitResult::split);
  for (u64 i = 0; i < 16; ++i) {
    EXPECT_EQ(frame_of(m, i), before[i]);
    EXPECT_EQ(table.walk(cpu, page(i)).is_block, i / 4 != 1);
  }
  EXPECT_EQ(table.nr_pte_pages(cpu), 1U);
  EXPECT_EQ(m.count(Event::pte_page_alloc), 1U);
  EXPECT_EQ(m.violations(), 0U);
}

TEST_F(PageTableTest, ASecondSplitOfAPmdHasNothingToDo) {
  ASSERT_EQ(m.split(cpu, pmd(2)), SplitResult::split);
  const u64 in_use = m.source().frames_in_use();
  EXPECT_EQ(m.split(cpu, pmd(3) - 1), SplitResult::was_table);
  EXPECT_EQ(m.source().frames_in_use(), in_use);
  EXPECT_EQ(m.count(Event::pmd_split), 1U);
}

TEST_F(PageTableTest, ASplitMakesSingleFramesOfTheBlockSoThatEachCanBeFreed) {
  ASSERT_EQ(m.split(cpu, pmd(0)), SplitResult::split);
  m.source().free(cpu, frame_of(m, 3), Order{0});
  EXPECT_EQ(m.violations(), 0U);
  m.source().free(cpu, frame_of(m, 4), Order{0});
  EXPECT_EQ(m.violations(Rule::conservation), 1U) << "PMD 1 is still one block";
}

TEST_F(PageTableTest, ASplitWithoutMemoryChangesNothing) {
  m.source().next().set_plan({.mode = FailurePlan::Mode::nth, .n = 1});
  const u64 before = ref(table.pmd_word(pmd(1))).load();
  EXPECT_EQ(m.split(cpu, pmd(1)), std::unexpected(Errno::enomem));
  EXPECT_EQ(ref(table.pmd_word(pmd(1))).load(), before);
  EXPECT_EQ(m.split(cpu, pmd(1)), SplitResult::split) << "and can be repeated";
}

TEST_F(PageTableTest, ASplitFlushesTheBlocksOfAllCpusUnlessToldToDefer) {
  Cpu& other = m.cpu(1);
  auto holds = [](const Cpu& c, u64 va) { return c.wiring().tlb.block_slot(va).tag == va >> c.wiring().tlb.pmd_shift; };
  for (Cpu* c : m.all()) {
    c->run();
    c->read_once_at<u64>(pmd(0));
    c->read_once_at<u64>(pmd(1));
    ASSERT_TRUE(holds(*c, pmd(0)) && holds(*c, pmd(1)));
  }
  other.idle();
  ASSERT_EQ(m.split(cpu, pmd(0), SplitFlush::deferred), SplitResult::split);
  EXPECT_EQ(m.count(Event::tlb_flush), 0U);
  EXPECT_TRUE(holds(cpu, pmd(0)));
  ASSERT_EQ(m.split(cpu, pmd(1), SplitFlush::now), SplitResult::split);
  other.run();
  EXPECT_EQ(m.count(Event::tlb_flush), 1U);
  EXPECT_TRUE(holds(cpu, pmd(0))) << "the flush is of one PMD";
  EXPECT_FALSE(holds(cpu, pmd(1)) || holds(other, pmd(1)));
  other.idle();
}

TEST_F(PageTableTest, AStoredPteIsWhatIsReadAndWalked) {
  ASSERT_EQ(m.split(cpu, pmd(0)), SplitResult::split);
  const Pte alias = Pte::make(frame_of(m, 0), false);
  table.set_pte(cpu, page(1), alias);
  EXPECT_EQ(table.pte_at(cpu, page(1)), alias);
  const Translation t = table.walk(cpu, page(1) + 17);
  EXPECT_EQ(t.frame, alias.frame());
  EXPECT_FALSE(t.writable);
  EXPECT_FALSE(cpu.write_once_at<u64>(page(1), 1)) << "a store through it traps";
  EXPECT_EQ(table.pte_at(cpu, page(2)), Pte::make(frame_of(m, 2), true)) << "the neighbour is untouched";
}

TEST_F(PageTableTest, ALeafTakenForATableIsReportedAndNotWrittenTo) {
  const u64 before = ref(table.pmd_word(pmd(0))).load();
  EXPECT_EQ(table.pte_at(cpu, page(1)), Pte{});
  table.set_pte(cpu, page(1), Pte::make({3}, true));
  EXPECT_EQ(m.violations(Rule::range), 2U);
  EXPECT_EQ(m.first_violation().object, page(1));
  EXPECT_EQ(ref(table.pmd_word(pmd(0))).load(), before);
}

TEST_F(PageTableTest, AFlushDropsTheRangeAndNothingElse) {
  ASSERT_EQ(m.split(cpu, pmd(0)), SplitResult::split);
  for (u64 i = 0; i < 4; ++i) cpu.read_once_at<u64>(page(i));
  table.flush_tlb_kernel_range(cpu, page(1), page(3));
  const Tlb& tlb = cpu.wiring().tlb;
  for (u64 i = 0; i < 4; ++i) {
    const bool kept = tlb.page_slot(page(i)).tag == page(i) >> tlb.page_shift;
    EXPECT_EQ(kept, i == 0 || i == 3) << "page " << i;
  }
}

/// Both CPUs split all PMDs of a fresh machine at once. Returns what went wrong, counted.
u64 race_of_splits() {
  PagedMachine m({.nr_pmds = 16});
  EXPECT_TRUE(m.populate());
  const u64 boot = m.source().frames_in_use();
  std::atomic<u64> nr_won{0};
  m.run_threads(std::vector<std::function<void(Cpu&)>>(2, [&](Cpu& cpu) {
    for (u64 i = 0; i < 16; ++i) {
      const auto r = m.split(cpu, PagedMachine::kBase + i * m.geometry().pmd_size());
      EXPECT_TRUE(r);
      nr_won += r == SplitResult::split ? 1 : 0;
    }
  }));
  const bool exact = nr_won == 16 && m.source().frames_in_use() == boot + 16;
  return m.violations() + (exact ? 0 : 1);
}

TEST(PageTable, OfManySplittersOneWinsAndTheLosersGiveTheirTablesBack) {
  for (int round = 0; round < 20; ++round) ASSERT_EQ(race_of_splits(), 0U) << "round " << round;
}

/// CPU 0 splits PMD 0; CPU 1 does the same at the moment when CPU 0 has filled its own table.
std::expected<SplitResult, Errno> split_raced(PagedMachine& m) {
  Cpu& other = m.cpu(1);
  bool raced = false;
  test::HookEngine engine;
  engine.on_done([&](const Access& a) {
    // The first frame filled is CPU 0's table; poison fills frames too.
    if (a.kind != Kind::fill_frame || std::exchange(raced, true)) return;
    other.run();
    // Without a flush: this thread is CPU 0 too, which could not serve it.
    EXPECT_EQ(m.split(other, PagedMachine::kBase, SplitFlush::deferred), SplitResult::split);
    other.idle();
  });
  const test::Attached attached(m.cpu(), engine);
  return m.split(m.cpu(), PagedMachine::kBase);
}

TEST_F(PageTableTest, ASplitterThatLostTheRaceFreesItsTableAndLeavesTheWinners) {
  const u64 boot = m.source().frames_in_use();
  EXPECT_EQ(split_raced(m), SplitResult::lost_race);
  EXPECT_EQ(m.source().frames_in_use(), boot + 1);
  EXPECT_EQ(m.count(Event::window_split_race_lost), 1U);
  EXPECT_EQ(m.count(Event::pmd_split), 1U);
  EXPECT_EQ(m.violations(), 0U);
}

TEST(PageTable, WithoutTheSecondLookASplitterThatLostTheRaceIsCaught) {
  PagedMachine m({.safeguards = Safeguards{}.without(Safeguard::split_recheck)});
  ASSERT_TRUE(m.populate());
  EXPECT_EQ(split_raced(m), SplitResult::split);
  EXPECT_EQ(m.violations(Rule::conservation), 1U) << "the block was taken apart twice";
}

TEST(PageTable, WithoutTheLockASplitBetweenTheSecondLookAndThePublishIsCaught) {
  PagedMachine m({.safeguards = Safeguards{}.without(Safeguard::page_table_lock)});
  ASSERT_TRUE(m.populate());
  Cpu& other = m.cpu(1);
  const u64 pmd = m.cpu().name_of(&m.table().pmd_word(PagedMachine::kBase));
  u64 nr_looks = 0;
  test::HookEngine engine;
  engine.on_done([&](const Access& a) {
    if (a.kind != Kind::load || a.object != pmd || ++nr_looks != 2) return;
    other.run();
    EXPECT_EQ(m.split(other, PagedMachine::kBase, SplitFlush::deferred), SplitResult::split);
    other.idle();
  });
  const test::Attached attached(m.cpu(), engine);
  EXPECT_EQ(m.split(m.cpu(), PagedMachine::kBase), SplitResult::split);
  EXPECT_EQ(m.violations(Rule::conservation), 1U) << "the block was taken apart twice";
}

}  // namespace
}  // namespace hvo
