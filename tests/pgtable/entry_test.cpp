#include "core/pgtable/entry.h"

#include <gtest/gtest.h>

namespace hvo {
namespace {

TEST(Pte, KeepsFrameAndPermissionApart) {
  for (const FrameNo frame : {FrameNo{0}, FrameNo{1}, FrameNo{0x12345}, FrameNo{~u32{0} - 1}}) {
    for (const bool writable : {false, true}) {
      const Pte pte = Pte::make(frame, writable);
      EXPECT_TRUE(pte.is_present());
      EXPECT_EQ(pte.frame(), frame);
      EXPECT_EQ(pte.is_writable(), writable);
    }
  }
}

TEST(Pte, OfZeroIsAbsentThoughFrameZeroCanBeMapped) {
  EXPECT_FALSE(Pte{}.is_present());
  EXPECT_NE(Pte::make({0}, false), Pte{});
}

TEST(Pmd, IsALeafOrATableOrAbsentAndNeverTwoOfThem) {
  const Pmd leaf = Pmd::leaf({7});
  EXPECT_TRUE(leaf.is_leaf());
  EXPECT_FALSE(leaf.is_table());
  const Pmd table = Pmd::table({7});
  EXPECT_TRUE(table.is_table());
  EXPECT_FALSE(table.is_leaf());
  EXPECT_FALSE(Pmd{}.is_leaf() || Pmd{}.is_table() || Pmd{}.is_present());
  EXPECT_FALSE(Pmd{kEntryLeaf}.is_leaf()) << "the size bit alone maps nothing";
}

TEST(Pmd, NamesItsFrameInBothForms) {
  for (const FrameNo frame : {FrameNo{0}, FrameNo{512}, FrameNo{~u32{0} - 1}}) {
    EXPECT_EQ(Pmd::leaf(frame).frame(), frame);
    EXPECT_EQ(Pmd::table(frame).frame(), frame);
    EXPECT_NE(Pmd::leaf(frame), Pmd::table(frame));
  }
}

}  // namespace
}  // namespace hvo
