#include "core/base/geometry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <set>
#include <vector>

namespace hvo {
namespace {

TEST(Geometry, OfX8664IsThatOfTheKernel) {
  const Geometry& g = *find_geometry("x86-64");
  EXPECT_EQ(g.page_size(), 4096U);
  EXPECT_EQ(g.structs_per_page(), 64U);
  EXPECT_EQ(g.ptrs_per_table(), 512U);
  EXPECT_EQ(g.pmd_size(), u64{2} << 20);
  EXPECT_EQ(g.structs_per_pmd(), 32768U) << "64 hugepages of 2 MiB share a PMD of the vmemmap";
  EXPECT_EQ(g.folio_bytes(g.huge_order), u64{2} << 20);
  EXPECT_EQ(g.folio_bytes(g.gigantic_order), u64{1} << 30);
  EXPECT_EQ(g.vmemmap_pages(g.huge_order), 8U);
  EXPECT_EQ(g.vmemmap_pages(g.gigantic_order), 4096U);
  EXPECT_EQ(g.vmemmap_size(g.gigantic_order), 8 * g.pmd_size());
}

TEST(Geometry, OfTheTinyMachineHasAFolioOfSeveralPmds) {
  const Geometry& g = *find_geometry("tiny");
  EXPECT_EQ(g.structs_per_page(), 8U);
  EXPECT_EQ(g.vmemmap_pages(g.huge_order), 2U);
  EXPECT_EQ(g.vmemmap_size(g.gigantic_order), 2 * g.pmd_size()) << "else no remap is ever half done";
}

TEST(Geometry, ASizeIsOptimizableWhenItsStructPagesFillMoreThanOnePage) {
  const Geometry& g = *find_geometry("x86-64");
  EXPECT_FALSE(g.is_optimizable(Order{0}));
  EXPECT_FALSE(g.is_optimizable(Order{6})) << "64 struct pages: one page";
  EXPECT_TRUE(g.is_optimizable(Order{7}));
  EXPECT_FALSE(find_geometry("tiny")->is_optimizable(Order{3}));
  EXPECT_TRUE(find_geometry("tiny")->is_optimizable(Order{4}));
}

std::vector<u64> kib_of_sizes(std::string_view name) {
  const Geometry& g = *find_geometry(name);
  std::vector<u64> kib;
  for (const Order order : g.huge_sizes()) kib.push_back(g.folio_bytes(order) >> 10);
  return kib;
}

TEST(Geometry, OfArm64HasTheSizesOfItsManual) {
  constexpr u64 kMib = 1024;
  constexpr u64 kGib = 1024 * kMib;
  EXPECT_EQ(kib_of_sizes("arm64-4k"), (std::vector<u64>{kGib, 32 * kMib, 2 * kMib, 64}));
  EXPECT_EQ(kib_of_sizes("arm64-16k"), (std::vector<u64>{kGib, 32 * kMib, 2 * kMib}));
  EXPECT_EQ(kib_of_sizes("arm64-64k"), (std::vector<u64>{16 * kGib, 512 * kMib, 2 * kMib}));
  EXPECT_EQ(find_geometry("arm64-64k")->ptrs_per_table(), 8192U);
  EXPECT_EQ(find_geometry("arm64-64k")->pmd_size(), u64{512} << 20);
}

TEST(Geometry, SizesOfAPageOfVmemmapOrLessCannotBeOptimised) {
  EXPECT_FALSE(find_geometry("arm64-4k")->is_optimizable(Order{4})) << "64K";
  EXPECT_FALSE(find_geometry("arm64-16k")->is_optimizable(Order{7})) << "2M";
  EXPECT_FALSE(find_geometry("arm64-64k")->is_optimizable(Order{5})) << "2M";
}

TEST(Geometry, OnlyVmemmapOfBlocksNeedsWholePmds) {
  EXPECT_EQ(find_geometry("arm64-4k")->memory_granule(), 32768U);
  EXPECT_EQ(find_geometry("arm64-64k")->memory_granule(), 8192U) << "one hugepage of 512 MiB, not the 512 GiB of a PMD";
}

TEST(Geometry, EveryRowIsSound) {
  std::set<std::string_view> names;
  for (const Geometry& g : kGeometries) {
    EXPECT_TRUE(names.insert(g.name).second) << g.name << " twice";
    EXPECT_EQ(find_geometry(g.name), &g);
    EXPECT_FALSE(g.what.empty());
    EXPECT_TRUE(std::has_single_bit(g.structs_per_page()));
    EXPECT_EQ(g.structs_per_pmd(), g.structs_per_page() * g.ptrs_per_table());
    EXPECT_TRUE(g.is_optimizable(g.huge_order));
    EXPECT_TRUE(g.gigantic_order.v == 0 || g.gigantic_order > g.huge_order);
    EXPECT_EQ(g.memory_granule() % g.structs_per_page(), 0U);
    const HugeSizes sizes = g.huge_sizes();
    EXPECT_TRUE(sizes.contains(g.huge_order));
    EXPECT_TRUE(std::ranges::is_sorted(sizes, std::ranges::greater_equal{})) << "larger first, none twice";
    for (const Order order : sizes) {
      EXPECT_TRUE(order >= g.huge_order || !g.is_optimizable(order)) << "the default size is the smallest optimisable";
    }
  }
  EXPECT_EQ(find_geometry("sparc"), nullptr);
}

}  // namespace
}  // namespace hvo
