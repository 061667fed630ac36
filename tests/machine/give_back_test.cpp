// A machine that gives the host's memory behind free frames back is the same machine.
#include <gtest/gtest.h>

#include "core/hvo/savings.h"
#include "tests/support/folio_machine.h"

namespace hvo {
namespace {

using test::FolioMachine;

constexpr u64 kHugepages = 64;

MachineConfig config_of(const Design& design, Backing backing = Backing::file) {
  MachineConfig config;
  config.backing = backing;
  config.design = &design;
  config.memory_pages = u64{1} << 16;  // 256 MiB
  config.poison = false;
  return config;
}

/// All struct pages, read through the page tables.
std::vector<u64> words(FolioMachine& m) {
  std::vector<u64> all;
  const u64 end = m->page_table().vmemmap_end();
  for (u64 va = m->page_table().vmemmap_base(); va < end; va += 8) all.push_back(m.cpu().read_once_at<u64>(va));
  return all;
}

struct PoolGiveBack : testing::TestWithParam<Backing> {};

TEST_P(PoolGiveBack, ReturnsTheFramesThatTheDesignSavesAndNothingElse) {
  for (const Design& design : kDesigns) {
    SCOPED_TRACE(design.name);
    FolioMachine m(config_of(design, GetParam()));
    Hugetlb& hugetlb = m->hugetlb();
    const Order order = m->config().geometry.huge_order;
    const u64 page = m->config().geometry.page_size();
    ASSERT_EQ(hugetlb.set_max_huge_pages(m.cpu(), order, kHugepages), kHugepages);
    const std::vector<u64> before = words(m);
    const u64 resident_before = m->memory().resident_bytes();
    const u64 given = m->give_back_free_frames(m.cpu()).value();
    EXPECT_EQ(resident_before - m->memory().resident_bytes(), given * page);
    const u64 saved = kHugepages * frames_saved(m->config().geometry, order, design);
    // A frame that was won may have been taken for a page table, a copied head or the tails' frame; nothing else.
    EXPECT_LE(given, saved + (design.copies_head ? kHugepages : 0));
    EXPECT_GE(given + 2 + kHugepages, saved);
    EXPECT_EQ(m->memory().resident_bytes(), m->frames().frames_in_use() * page) << "what is left is what is in use";
    EXPECT_EQ(words(m), before);
    EXPECT_TRUE(m.validate());

    ASSERT_EQ(hugetlb.set_max_huge_pages(m.cpu(), order, 0), 0U) << "restored into frames that went";
    EXPECT_TRUE(m.validate());
    EXPECT_TRUE(m.violations().empty());
  }
}

TEST(GiveBack, AMachineThatPoisonsKeepsEverything) {
  MachineConfig config = config_of(*find_design("fake-head"));
  config.poison = true;
  FolioMachine m(config);
  ASSERT_EQ(m->hugetlb().set_max_huge_pages(m.cpu(), config.geometry.huge_order, kHugepages), kHugepages);
  const u64 resident = m->memory().resident_bytes();
  EXPECT_EQ(m->give_back_free_frames(m.cpu()).value(), 0U);
  EXPECT_EQ(m->memory().resident_bytes(), resident);
  EXPECT_TRUE(m.validate());
}

/// The detector that makes an early free visible asks the frame's epoch, not what the frame holds.
TEST_P(PoolGiveBack, AStaleTranslationOfAFrameThatWentIsReported) {
  MachineConfig config = config_of(*find_design("fake-head"), GetParam());
  config.safeguards = Safeguards{}.without(Safeguard::flush_before_free);
  FolioMachine m(config);
  const Order order = config.geometry.huge_order;
  (void)m.make_folio();  // splits the PMD, which flushes
  const Pfn full = m->pages().alloc_frozen_pages(m.cpu(), order).value();
  ASSERT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), full, order));
  Cpu& other = m->cpu(1);
  other.run();
  const u64 tail = m->vmemmap().page_of(full + 100).va + page_field::compound_head;
  const u64 word = other.read_once_at<u64>(tail);
  ASSERT_NE(word, 0U);
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), full, order));
  ASSERT_GT(m->give_back_free_frames(m.cpu()).value(), 0U);
  EXPECT_NE(other.read_once_at<u64>(tail), word) << "the frame is a hole";
  other.idle();
  const ViolationLog& log = m->diagnostics(1).violations;
  ASSERT_EQ(log.total(), 1U);
  EXPECT_EQ(log.first[0].rule, Rule::stale_translation);
}

INSTANTIATE_TEST_SUITE_P(Each, PoolGiveBack, testing::Values(Backing::file, Backing::anonymous),
                         [](const auto& each) { return each.param == Backing::file ? "File" : "Private"; });

}  // namespace
}  // namespace hvo
