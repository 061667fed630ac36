#include "core/vmemmap/vmemmap.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/hook_engine.h"
#include "tests/support/vmemmap_machine.h"

namespace hvo {
namespace {

using test::VmemmapMachine;

constexpr PageImage kFree = PageImage::free_page(0);

struct VmemmapTest : testing::Test {
  VmemmapMachine m;
  Vmemmap& v = m.vmemmap();
  Cpu& cpu = m.cpu();

  /// [first, first + 2^order) is one compound, with the images that the kernel leaves.
  void expect_compound(u64 first, u8 order) {
    PageImage head = kFree;
    head.w[page_field::flags / 8] |= PG_head;
    EXPECT_EQ(m.image(first), head);
    for (u64 i = 1; i < Order{order}.nr_pages(); ++i) {
      PageImage tail = PageImage::tail(0, m.page(first).va | 1);
      if (i == 1) tail.w[page_field::compound_meta / 8] = order;
      EXPECT_EQ(m.image(first + i), tail) << "tail " << i;
    }
    EXPECT_EQ(v.truth().about({first}).order, Order{order});
  }
  void expect_single(u64 first, u64 end) {
    for (u64 i = first; i < end; ++i) {
      EXPECT_EQ(m.image(i), kFree) << i;
      EXPECT_EQ(v.truth().about({i}).order, Order{0});
    }
  }
};

TEST_F(VmemmapTest, APfnAndItsStructPageNameEachOther) {
  for (u64 i = 0; i < v.nr_pages(); ++i) EXPECT_EQ(v.pfn_of(v.page_of({i})), Pfn{i});
  EXPECT_EQ(v.page_of({8}).va, test::PagedMachine::kBase + m.geometry().page_size());
}

TEST_F(VmemmapTest, AnAddressIsValidInsideTheArrayOnly) {
  EXPECT_TRUE(v.is_valid(v.page_of({0})));
  EXPECT_TRUE(v.is_valid(v.page_of({v.nr_pages() - 1})));
  EXPECT_FALSE(v.is_valid(v.page_of({v.nr_pages()})));
  EXPECT_FALSE(v.is_valid({v.page_of({0}).va - 64}));
}

TEST_F(VmemmapTest, EveryStructPageIsAFreeSinglePageAfterBoot) { expect_single(0, v.nr_pages()); }

TEST_F(VmemmapTest, PrepFormsOneCompoundAndLeavesTheNeighboursAlone) {
  for (const u8 order : {u8{1}, u8{2}, u8{4}, u8{6}}) {
    const u64 first = Order{order}.nr_pages();
    ASSERT_TRUE(v.prep_compound_page(cpu, {first}, Order{order}));
    expect_single(0, first);
    expect_compound(first, order);
    expect_single(2 * first, v.nr_pages());
    ASSERT_TRUE(v.destroy_compound_page(cpu, {first}, Order{order}));
  }
}

TEST_F(VmemmapTest, DestroyUndoesPrepExactly) {
  for (const u8 order : {u8{1}, u8{3}, u8{6}}) {
    ASSERT_TRUE(v.prep_compound_page(cpu, {64}, Order{order}));
    ASSERT_TRUE(v.destroy_compound_page(cpu, {64}, Order{order}));
    expect_single(0, v.nr_pages());
  }
}

TEST_F(VmemmapTest, ASplitCompoundIsManyCompoundsAsIfEachWereNew) {
  ASSERT_TRUE(v.prep_compound_page(cpu, {64}, Order{6}));
  ASSERT_TRUE(v.split_compound_page(cpu, {64}, Order{6}, Order{4}));
  expect_single(0, 64);
  for (u64 first = 64; first < 128; first += 16) expect_compound(first, 4);
}

TEST_F(VmemmapTest, ATrapOnAReadOnlyTailEndsEachOfTheThreeWithEfaultAndTheTruthComesToRest) {
  ASSERT_TRUE(v.prep_compound_page(cpu, {64}, Order{6}));
  m.alias(72, 64);
  EXPECT_EQ(v.split_compound_page(cpu, {64}, Order{6}, Order{4}), std::unexpected(Errno::efault));
  EXPECT_EQ(v.destroy_compound_page(cpu, {64}, Order{6}), std::unexpected(Errno::efault));
  EXPECT_EQ(v.prep_compound_page(cpu, {64}, Order{6}), std::unexpected(Errno::efault));
  EXPECT_EQ(m.violations(Rule::read_only_store), 3U) << "each ends at its first trap";
  EXPECT_TRUE(v.truth().about({64}).is_stable());
}

TEST_F(VmemmapTest, AtNoMomentOfASplitDoesATailNameAPageThatIsNoHead) {
  // The word that makes a former tail a head is written before any tail names it.
  std::vector<std::pair<u64, u64>> stores;
  test::HookEngine watch;
  watch.on_done([&](const Access& a) {
    if (a.space == Space::vmemmap && a.is_write()) stores.emplace_back(a.object, a.operand);
  });
  ASSERT_TRUE(v.prep_compound_page(cpu, {0}, Order{6}));
  {
    const test::Attached attached(cpu, watch);
    ASSERT_TRUE(v.split_compound_page(cpu, {0}, Order{6}, Order{4}));
  }
  std::vector<u64> heads;
  for (const auto& [va, value] : stores) {
    const u64 field = va % kStructPageSize;
    if (field == page_field::flags && (value & PG_head) != 0) heads.push_back(va);
    if (field == page_field::compound_head && (value & 1) != 0) {
      EXPECT_NE(std::find(heads.begin(), heads.end(), value - 1), heads.end()) << "tail at " << va;
    }
  }
  EXPECT_EQ(heads.size(), 4U);
}

}  // namespace
}  // namespace hvo
