// Machine::validate finds each kind of damage. A validator that finds nothing proves nothing.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/folio_machine.h"

namespace hvo {
namespace {

using test::FolioMachine;

struct ValidateTest : testing::Test {
  ValidateTest() : folio(m.make_folio()), full(m.make_folio()) {
    EXPECT_TRUE(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), full, Order{4}));
    EXPECT_TRUE(m.validate()) << "before any damage";
  }
  /// Validates, and expects a report of this rule.
  void expect_found(Rule rule) {
    EXPECT_FALSE(m.validate());
    const auto found = m.violations();
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const Violation& v) { return v.rule == rule; }));
  }
  u64 va(Pfn pfn) { return m->vmemmap().page_of(pfn).va; }
  Pte pte(Pfn pfn) { return m->page_table().pte_at(m.cpu(), va(pfn)); }
  void set_pte(Pfn pfn, Pte value) {
    m->page_table().set_pte(m.cpu(), va(pfn), value);
    m->page_table().flush_tlb_kernel_range(m.cpu(), va(pfn), va(pfn) + m->config().geometry.page_size());
  }
  void poke(Pfn pfn, u64 field, u64 value) { EXPECT_TRUE(m.cpu().write_once_at<u64>(va(pfn) + field, value)); }

  FolioMachine m{FolioMachine::tiny()};
  Pfn folio;  ///< optimised: struct 8 is a fake head
  Pfn full;   ///< the same, restored
};

TEST_F(ValidateTest, FindsAFrameWhoseStateIsNotThatOfItsUse) {
  m->frame_table().set_state(pte(full).frame(), FrameState::page_table);
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsAMappedFrameThatIsFree) {
  m->frame_table().set_state(pte(full + 8).frame(), FrameState::free);
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsAFrameThatNobodyMapsAndNobodyFreed) {
  ASSERT_TRUE(m->frames().alloc(m.cpu(), Order{0}));
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsATailOfAnOptimisedFolioMappedReadWrite) {
  set_pte(folio + 8, Pte::make(pte(folio).frame(), true));
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsATailOfAFullFolioThatMapsTheHeadsFrame) {
  set_pte(full + 8, Pte::make(pte(full).frame(), false));
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsAnAbsentPte) {
  set_pte(full + 8, Pte{});
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsAnEntryOfPagesOutsideAnyFolioThatIsReadOnly) {
  const Pfn single = m->pages().alloc_pages(m.cpu(), Order{0}).value();
  {
    const ReadGuard guard(m.cpu(), m->page_table().init_mm().mmap_lock);
    ASSERT_TRUE(m->page_table().vmemmap_split_pmd(m.cpu(), va(single), SplitFlush::now));
  }
  set_pte(single, Pte::make(pte(single).frame(), false));
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsAFlagThatThePtesContradict) {
  poke(folio, page_field::priv, 0);
  expect_found(Rule::conservation);
  poke(folio, page_field::priv, HPG_vmemmap_optimized);
  EXPECT_TRUE(m.validate());
  poke(full, page_field::priv, HPG_vmemmap_optimized);
  expect_found(Rule::conservation);
}

TEST_F(ValidateTest, FindsATailThatNamesAnotherHead) {
  poke(full + 3, page_field::compound_head, va(folio) | 1);
  expect_found(Rule::wrong_head);
}

TEST_F(ValidateTest, FindsAHeadThatLostItsFlag) {
  poke(full, page_field::flags, 0);
  expect_found(Rule::wrong_head);
}

TEST_F(ValidateTest, FindsATruthThatIsNot) {
  m->vmemmap().truth().begin_change(full, Order{4});
  m->vmemmap().truth().end_change(full, Order{4}, Order{3});
  expect_found(Rule::wrong_head);
}

TEST_F(ValidateTest, FindsAStaticKeyThatIsOffWhileAFakeHeadIsLeft) {
  m->vmemmap().key().dec(m.cpu(), m->cpus());
  expect_found(Rule::wrong_head);
}

TEST_F(ValidateTest, FindsPagesThatAreInUseAndFree) {
  m->pages().free_frozen_range(m.cpu(), full, Order{4});
  EXPECT_FALSE(m.validate()) << "a compound stands in free pages";
}

TEST_F(ValidateTest, FindsAFreePageThatIsNotLikeNew) {
  const Pfn single = m->pages().alloc_pages(m.cpu(), Order{0}).value();
  m->pages().put_page(m.cpu(), single, Order{0});
  EXPECT_TRUE(m.validate());
  poke(single, page_field::index, 1);
  EXPECT_TRUE(m.validate()) << "owners may leave an index behind";
  poke(single, page_field::mapping, 1);
  expect_found(Rule::bad_page);
}

TEST_F(ValidateTest, FindsABudgetThatDoesNotCoverWhatIsInUse) {
  m->budget().uncharge(m.cpu(), 1);
  EXPECT_FALSE(m.validate());
}

}  // namespace
}  // namespace hvo
