#include "core/pgtable/dump.h"

#include <gtest/gtest.h>

#include "tests/support/hook_engine.h"
#include "tests/support/paged_machine.h"

namespace hvo {
namespace {

using test::PagedMachine;
using Shape = DumpRow::Shape;

/// Every address in exactly one row, every row present, in order.
bool is_gapless(const std::vector<DumpRow>& rows, u64 start, u64 end, const Geometry& g) {
  u64 at = start;
  for (const DumpRow& row : rows) {
    if (row.start != at || row.end - row.start != row.nr_entries * (row.is_block ? g.pmd_size() : g.page_size())) {
      return false;
    }
    at = row.end;
  }
  return at == end;
}

struct DumpTest : testing::Test {
  DumpTest() { EXPECT_TRUE(m.populate()); }
  u64 page(u64 i) const { return PagedMachine::kBase + i * m.geometry().page_size(); }
  const std::vector<DumpRow>& dump() { return dump(table.vmemmap_base(), table.vmemmap_end()); }
  const std::vector<DumpRow>& dump(u64 start, u64 end) {
    ptdump(m.cpu(), table, start, end, rows);
    return rows;
  }
  /// Splits the PMD of page `i` and maps pages [i + 1, i + 4) to the frame of page i, read-only: an optimised folio.
  void alias(u64 i) {
    ASSERT_EQ(m.split(m.cpu(), page(i)), SplitResult::split);
    const FrameNo head = table.pte_at(m.cpu(), page(i)).frame();
    for (u64 n = 1; n < 4; ++n) table.set_pte(m.cpu(), page(i + n), Pte::make(head, false));
  }
  PagedMachine m;
  PageTable& table = m.table();
  std::vector<DumpRow> rows;
};

TEST_F(DumpTest, NeighbouringLeavesOfNeighbouringBlocksAreOneRow) {
  dump();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows[0].is_block && rows[0].writable);
  EXPECT_EQ(rows[0].shape, Shape::contiguous);
  EXPECT_EQ(rows[0].nr_entries, 4U);
  EXPECT_EQ(rows[0].start, table.vmemmap_base());
  EXPECT_EQ(rows[0].end, table.vmemmap_end());
}

TEST_F(DumpTest, ASplitPmdIsARowOfPagesBetweenRowsOfBlocks) {
  ASSERT_EQ(m.split(m.cpu(), page(4)), SplitResult::split);
  dump();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].start, page(4));
  EXPECT_EQ(rows[1].nr_entries, 4U);
  EXPECT_FALSE(rows[1].is_block);
  EXPECT_EQ(rows[1].shape, Shape::contiguous);
  EXPECT_EQ(rows[2].nr_entries, 2U);
}

TEST_F(DumpTest, TailsThatMapOneFrameAreOneReadOnlyRowOfShapeSame) {
  alias(0);
  dump();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_TRUE(rows[0].writable);
  EXPECT_EQ(rows[0].nr_entries, 1U);
  EXPECT_FALSE(rows[1].writable);
  EXPECT_EQ(rows[1].shape, Shape::same);
  EXPECT_EQ(rows[1].frame, rows[0].frame);
  EXPECT_EQ(rows[1].nr_entries, 3U);
}

TEST_F(DumpTest, ARowOfOneFrameDoesNotGoOnWithTheNextFrame) {
  alias(0);
  const FrameNo head = table.pte_at(m.cpu(), page(0)).frame();
  table.set_pte(m.cpu(), page(3), Pte::make(head + 1, false));
  dump(page(1), page(4));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].shape, Shape::same);
  EXPECT_EQ(rows[0].nr_entries, 2U);
  EXPECT_EQ(rows[1].frame, head + 1);
}

TEST_F(DumpTest, ARowOfContiguousFramesDoesNotGoOnWithTheSameFrame) {
  ASSERT_EQ(m.split(m.cpu(), page(0)), SplitResult::split);
  const FrameNo first = table.pte_at(m.cpu(), page(0)).frame();
  table.set_pte(m.cpu(), page(2), Pte::make(first + 1, true));
  dump(page(0), page(4));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].nr_entries, 2U);
  EXPECT_EQ(rows[1].frame, first + 1);
  EXPECT_EQ(rows[2].frame, first + 3);
}

TEST_F(DumpTest, ARangeInsideALeafShowsTheFramesOfThatRangeOnly) {
  const FrameNo block = m.table().walk(m.cpu(), page(4)).frame;
  dump(page(5), page(7));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].start, page(5));
  EXPECT_EQ(rows[0].end, page(7));
  EXPECT_EQ(rows[0].frame, block + 1);
}

TEST_F(DumpTest, AnEmptyRangeHasNoRowsAndOldRowsAreForgotten) {
  ASSERT_FALSE(dump().empty());
  EXPECT_TRUE(dump(page(2), page(2)).empty());
}

TEST_F(DumpTest, APmdThatIsSplitRightAfterItWasReadIsShownAsItWasReadAndCounted) {
  Cpu& other = m.cpu(1);
  const u64 raced = m.cpu().name_of(&table.pmd_word(page(4)));
  test::HookEngine engine;
  engine.on_done([&](const Access& a) {
    if (a.object != raced || a.order != MemoryOrder::acquire) return;
    other.run();
    EXPECT_EQ(m.split(other, page(4), SplitFlush::deferred), SplitResult::split);
    other.idle();
  });
  const test::Attached attached(m.cpu(), engine);
  dump();
  EXPECT_TRUE(is_gapless(rows, table.vmemmap_base(), table.vmemmap_end(), m.geometry()));
  EXPECT_EQ(rows.size(), 1U) << "all leaves, as they were";
  EXPECT_EQ(m.count(Event::window_split_seen_by_walker), 1U);
}

TEST(Dump, IsGaplessWhileAnotherCpuSplits) {
  for (int round = 0; round < 20; ++round) {
    PagedMachine m({.nr_pmds = 32});
    ASSERT_TRUE(m.populate());
    PageTable& table = m.table();
    std::atomic<bool> done{false};
    bool gapless = true;
    m.run_threads({[&](Cpu& cpu) {
                     for (u64 i = 0; i < 32; ++i) {
                       EXPECT_TRUE(m.split(cpu, table.vmemmap_base() + i * m.geometry().pmd_size()));
                     }
                     done.store(true, std::memory_order::relaxed);
                   },
                   [&](Cpu& cpu) {
                     std::vector<DumpRow> rows;
                     do {
                       ptdump(cpu, table, table.vmemmap_base(), table.vmemmap_end(), rows);
                       gapless = gapless && is_gapless(rows, table.vmemmap_base(), table.vmemmap_end(), m.geometry());
                     } while (!done.load(std::memory_order::relaxed));
                   }});
    ASSERT_TRUE(gapless);
    ASSERT_EQ(m.violations(), 0U);
  }
}

}  // namespace
}  // namespace hvo
