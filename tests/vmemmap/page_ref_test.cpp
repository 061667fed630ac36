#include "core/vmemmap/page_ref.h"

#include <gtest/gtest.h>

#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

/// The plain form, without a guard.
auto plain_get_page_unless_zero(const CpuPages& pages, Page page) {
  return get_page_unless_zero<WalkerGuard::none, PointerHead>(pages, page);
}
auto plain_add_unless(const CpuPages& pages, Page page, u32 nr, u32 unless) {
  return page_ref_add_unless<WalkerGuard::none, PointerHead>(pages, page, nr, unless);
}

using test::VmemmapMachine;

struct PageRefTest : testing::Test {
  VmemmapMachine m;
  Page p = m.page(3);
  u32 count() { return m.pages().refcount(p); }
  void set(u32 n) { EXPECT_TRUE(page_ref_unfreeze(m.pages(), p, n)); }
};

TEST_F(PageRefTest, FreezeTakesExactlyTheCountItExpects) {
  set(2);
  EXPECT_EQ(page_ref_freeze(m.pages(), p, 1), false);
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(page_ref_freeze(m.pages(), p, 2), true);
  EXPECT_EQ(count(), 0U);
}

TEST_F(PageRefTest, UnfreezeGivesTheCountBackAndTouchesNoOtherField) {
  PageImage want = m.image(3);
  set(5);
  want.w[page_field::mapcount / 8] = PageImage::counts(~u32{0}, 5);
  EXPECT_EQ(m.image(3), want);
}

TEST_F(PageRefTest, AFrozenPageCannotBeReferenced) {
  EXPECT_EQ(plain_get_page_unless_zero(m.pages(), p), false);
  EXPECT_EQ(count(), 0U);
}

TEST_F(PageRefTest, AddUnlessAddsUnlessTheCountIsTheOneNamed) {
  set(4);
  EXPECT_EQ(plain_add_unless(m.pages(), p, 3, 4), false);
  EXPECT_EQ(plain_add_unless(m.pages(), p, 3, 0), true);
  EXPECT_EQ(count(), 7U);
}

TEST_F(PageRefTest, TheLastPutIsToldApart) {
  set(2);
  EXPECT_EQ(put_page_testzero(m.pages(), p), false);
  EXPECT_EQ(put_page_testzero(m.pages(), p), true);
  EXPECT_EQ(count(), 0U);
}

TEST_F(PageRefTest, EveryWayToChangeTheCountOfAReadOnlyTailTrapsAndChangesNothing) {
  ASSERT_TRUE(page_ref_unfreeze(m.pages(), m.page(0), 1));
  m.alias(8, 0);
  const Page fake = m.page(8);
  EXPECT_FALSE(page_ref_freeze(m.pages(), fake, 1).has_value());
  EXPECT_FALSE(page_ref_freeze(m.pages(), fake, 9).has_value()) << "also when the compare fails";
  EXPECT_FALSE(page_ref_unfreeze(m.pages(), fake, 1).has_value());
  EXPECT_FALSE(plain_get_page_unless_zero(m.pages(), fake).has_value());
  EXPECT_FALSE(put_page_testzero(m.pages(), fake).has_value());
  EXPECT_EQ(m.violations(Rule::read_only_store), 5U);
  EXPECT_EQ(m.violations(), 5U);
  EXPECT_EQ(m.pages().refcount(m.page(0)), 1U);
}

TEST_F(PageRefTest, AddUnlessOfAReadOnlyTailOfCountZeroReadsOnly) {
  m.alias(8, 0);
  EXPECT_EQ(plain_get_page_unless_zero(m.pages(), m.page(9)), false);
  EXPECT_EQ(m.violations(), 0U);
}

TEST_F(PageRefTest, ReferencesTakenAndDroppedByManyCpusAddUp) {
  set(1);
  m.run_threads(std::vector<std::function<void(Cpu&)>>(2, [&](Cpu& cpu) {
    const CpuPages pages = m.vmemmap().pages(cpu);
    for (int i = 0; i < 5000; ++i) {
      EXPECT_EQ(plain_get_page_unless_zero(pages, p), true);
      EXPECT_EQ(put_page_testzero(pages, p), false);
    }
  }));
  EXPECT_EQ(count(), 1U);
}

/// Whoever gets a reference sees what was written while the page was frozen: under ThreadSanitizer, plain stores.
TEST_F(PageRefTest, FreezeExcludesEveryOtherReference) {
  set(1);
  u64 guarded = 0;
  m.run_threads(std::vector<std::function<void(Cpu&)>>(2, [&](Cpu& cpu) {
    const CpuPages pages = m.vmemmap().pages(cpu);
    for (int i = 0; i < 2000;) {
      if (!page_ref_freeze(pages, p, 1).value_or(false)) continue;
      ++guarded;
      ++i;
      EXPECT_TRUE(page_ref_unfreeze(pages, p, 1));
    }
  }));
  EXPECT_EQ(guarded, 4000U);
}

}  // namespace
}  // namespace hvo
