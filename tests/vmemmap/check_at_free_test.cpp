#include <gtest/gtest.h>

#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

using test::VmemmapMachine;

struct CheckAtFreeTest : testing::Test {
  CheckAtFreeTest() { EXPECT_TRUE(m.vmemmap().prep_compound_page(m.cpu(), {16}, Order{4})); }
  u64 nr_bad(u64 pfn = 16, u8 order = 4) { return m.vmemmap().check_at_free(m.cpu(), {pfn}, Order{order}); }
  VmemmapMachine m;
};

/// A word of a struct page and a value that it must not have.
struct Damage {
  u64 field;
  u64 value;
};

TEST_F(CheckAtFreeTest, AFreshCompoundAndAFreshPageAreGood) {
  EXPECT_EQ(nr_bad(), 0U);
  EXPECT_EQ(nr_bad(3, 0), 0U);
  EXPECT_EQ(m.violations(), 0U);
}

TEST_F(CheckAtFreeTest, EachDamagedFieldOfEachTailIsFound) {
  for (const u64 tail : {17U, 18U, 19U, 24U, 31U}) {
    const PageImage good = m.image(tail);
    for (const Damage d : {Damage{page_field::flags, PG_locked},
                           {page_field::flags, PG_head},
                           {page_field::compound_head, 0},
                           {page_field::compound_head, m.page(8).va | 1},
                           {page_field::compound_meta, 7},
                           {page_field::mapping, 0},
                           {page_field::index, 1},
                           {page_field::priv, HPG_vmemmap_optimized},
                           {page_field::mapcount, PageImage::counts(0, 0)},
                           {page_field::mapcount, PageImage::counts(~u32{0}, 1)},
                           {page_field::memcg_data, 1}}) {
      m.poke(tail, d.field, d.value);
      EXPECT_EQ(nr_bad(), 1U) << "tail " << tail << " field " << d.field;
      m.poke(tail, d.field, good.at(d.field));
      EXPECT_EQ(nr_bad(), 0U);
    }
  }
  EXPECT_EQ(m.violations(Rule::bad_page), 55U);
  EXPECT_EQ(m.violations(), 55U);
}

TEST_F(CheckAtFreeTest, EachDamagedFieldOfTheHeadIsFound) {
  const PageImage good = m.image(16);
  for (const Damage d : {Damage{page_field::flags, PG_head | PG_dirty},
                         {page_field::flags, 0},
                         {page_field::compound_head, m.page(8).va | 1},
                         {page_field::mapping, 8},
                         {page_field::priv, HPG_vmemmap_optimized},
                         {page_field::mapcount, PageImage::counts(0, 0)},
                         {page_field::mapcount, PageImage::counts(~u32{0}, 1)},
                         {page_field::memcg_data, 1}}) {
    m.poke(16, d.field, d.value);
    EXPECT_EQ(nr_bad(), 1U) << "field " << d.field;
    m.poke(16, d.field, good.at(d.field));
  }
  EXPECT_EQ(nr_bad(), 0U);
}

TEST_F(CheckAtFreeTest, ADamagedSinglePageIsFound) {
  for (const Damage d : {Damage{page_field::flags, PG_head},
                         {page_field::flags, PG_lru},
                         {page_field::compound_head, m.page(0).va | 1},
                         {page_field::mapping, kTailMapping},
                         {page_field::mapcount, PageImage::counts(~u32{0}, 1)}}) {
    const u64 good = m.image(3).at(d.field);
    m.poke(3, d.field, d.value);
    EXPECT_EQ(nr_bad(3, 0), 1U) << "field " << d.field;
    m.poke(3, d.field, good);
  }
}

TEST_F(CheckAtFreeTest, WordsThatAnOwnerMayLeaveBehindAreNoDamage) {
  m.poke(16, page_field::flags, PG_head | PG_hwpoison);
  m.poke(16, page_field::index, 77);
  m.poke(16, page_field::compound_meta, 0x100);  // lru.prev
  EXPECT_EQ(nr_bad(), 0U);
}

TEST_F(CheckAtFreeTest, AllBadStructPagesAreCountedAndTheFirstFourReported) {
  for (u64 i = 17; i < 27; ++i) m.poke(i, page_field::mapping, 0);
  EXPECT_EQ(nr_bad(), 10U);
  EXPECT_EQ(m.violations(Rule::bad_page), 4U);
  EXPECT_EQ(m.first_violation().object, m.page(17).va);
  EXPECT_EQ(m.first_violation().expected, kTailMapping);
}

}  // namespace
}  // namespace hvo
