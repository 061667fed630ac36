#include "core/vmemmap/lookup_cost.h"

#include <gtest/gtest.h>

#include <map>

namespace hvo {
namespace {

/// Struct pages of nobody's machine: words by address, pages of 8.
struct FewPages {
  std::map<u64, u64> words;
  bool key = true;

  u64 read_once(Page p, u64 field) const {
    const auto found = words.find(p.va + field);
    return found == words.end() ? 0 : found->second;
  }
  bool key_enabled() const { return key; }
  bool is_page_aligned(Page p) const { return p.va % (8 * kStructPageSize) == 0; }
};
static_assert(PageAccessor<FewPages>);

constexpr Page kHead{0x10000};

/// A folio of 16 pages as an optimised one looks: the second page an alias of the first.
FewPages folio() {
  FewPages pages;
  for (u64 i = 0; i < 16; ++i) {
    const u64 va = (kHead + i).va;
    if (i % 8 == 0) pages.words[va + page_field::flags] = PG_head;
    if (i % 8 != 0) pages.words[va + page_field::compound_head] = kHead.va | 1;
  }
  return pages;
}

TEST(LookupCost, OfATaggedPointerIsALoadAndABranchWhateverThePage) {
  const FewPages pages = folio();
  for (u64 i = 0; i < 20; ++i) EXPECT_EQ((lookup_cost<PointerHead>(pages, kHead + i)), (LookupCost{1, 1, 0}));
}

TEST(LookupCost, OfAFakeHeadIsThreeLoads) {
  const FewPages pages = folio();
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead)), (LookupCost{3, 4, 1}))
      << "the word, the flags, the next page's word";
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead + 8)), (LookupCost{3, 4, 1})) << "the fake head";
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead + 3)), (LookupCost{1, 1, 0})) << "a tail by its own word";
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead + 17)), (LookupCost{1, 2, 1})) << "no compound, not aligned";
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead + 24)), (LookupCost{2, 3, 1})) << "no compound, aligned";
}

TEST(LookupCost, OfAFakeHeadWithTheKeyOffIsThatOfAPointerAndAPatchedJump) {
  FewPages pages = folio();
  pages.key = false;
  EXPECT_EQ((lookup_cost<FakeHead>(pages, kHead)), (LookupCost{1, 1, 1}));
}

TEST(LookupCost, OfAMaskIsOneLoadAndNoBranch) {
  const FewPages pages = folio();
  for (u64 i = 0; i < 20; ++i) EXPECT_EQ((lookup_cost<MaskHead>(pages, kHead + i)), (LookupCost{1, 0, 0}));
}

}  // namespace
}  // namespace hvo
