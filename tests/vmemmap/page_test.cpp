#include "core/vmemmap/page.h"

#include <gtest/gtest.h>

#include <cstring>

namespace hvo {
namespace {

TEST(Page, NamesTheNextStructPage64BytesOn) {
  EXPECT_EQ((Page{0x1000} + 1).va, 0x1040U);
  EXPECT_EQ((Page{0x1000} + 64).va, 0x2000U);
  EXPECT_LT(Page{0x1000}, Page{0x1040});
}

TEST(PageImage, OfAFreePageIsUnmappedUncountedAndInNoCompound) {
  const PageImage p = PageImage::free_page(0);
  EXPECT_EQ(p.refcount(), 0U);
  EXPECT_EQ(p.mapcount(), ~u32{0}) << "-1: not mapped";
  EXPECT_EQ(p.at(page_field::compound_head) & 1, 0U);
  EXPECT_EQ(p.at(page_field::flags) & kPageFlagsCheckAtFree, 0U);
}

TEST(PageImage, OfATailHoldsItsHeadAndThePoisonOfTailsAndNoReference) {
  const PageImage t = PageImage::tail(0, 0x4001);
  EXPECT_EQ(t.at(page_field::compound_head), 0x4001U);
  EXPECT_EQ(t.at(page_field::mapping), kTailMapping);
  EXPECT_EQ(t.refcount(), 0U);
  EXPECT_EQ(t.mapcount(), ~u32{0});
  EXPECT_EQ(t.at(page_field::flags) & PG_head, 0U);
}

TEST(PageImage, KeepsTheZoneOutOfTheWayOfTheFlags) {
  for (u64 zone = 0; zone < 4; ++zone) {
    const u64 flags = PageImage::free_page(zone).at(page_field::flags);
    EXPECT_EQ(flags >> kZoneShift, zone);
    EXPECT_EQ(flags & (PG_head | PG_hwpoison | kPageFlagsCheckAtFree), 0U);
  }
}

TEST(PageImage, HasItsCountsWhereThe32BitFieldsOfMemoryAre) {
  const PageImage p{.w = {0, 0, 0, 0, 0, 0, PageImage::counts(7, 9), 0}};
  u32 mapcount = 0;
  u32 refcount = 0;
  std::memcpy(&mapcount, reinterpret_cast<const std::byte*>(p.w.data()) + page_field::mapcount, 4);
  std::memcpy(&refcount, reinterpret_cast<const std::byte*>(p.w.data()) + page_field::refcount, 4);
  EXPECT_EQ(mapcount, 7U);
  EXPECT_EQ(refcount, 9U);
  EXPECT_EQ(p.mapcount(), 7U);
  EXPECT_EQ(p.refcount(), 9U);
}

}  // namespace
}  // namespace hvo
