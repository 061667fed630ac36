#include "core/machine/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/machine/machine.h"

namespace hvo {
namespace {

using testing::AllOf;
using testing::HasSubstr;

MachineConfig tiny() {
  MachineConfig config;
  config.geometry = *find_geometry("tiny");
  config.memory_pages = 64;
  return config;
}

/// The one line that create() answers with, or "built".
std::string answer(const MachineConfig& config) {
  const auto machine = Machine::create(config);
  return machine ? "built" : machine.error();
}

TEST(MachineConfig, NoCpusOrTooManyAreRefusedWithTheRangeAndTheNumber) {
  MachineConfig config = tiny();
  for (const u32 n : {0U, kMaxCpus + 1, ~u32{0}}) {
    config.nr_cpus = n;
    EXPECT_THAT(answer(config), AllOf(HasSubstr("1 to 64 CPUs"), HasSubstr(std::to_string(n))));
  }
  for (const u32 n : {1U, kMaxCpus}) {
    config.nr_cpus = n;
    EXPECT_EQ(answer(config), "built");
  }
}

TEST(MachineConfig, NoMemoryOrAbsurdlyMuchIsRefused) {
  MachineConfig config = tiny();
  for (const u64 n : {u64{0}, u64{1} << 40, u64{1} << 63, ~u64{0}, ~u64{0} - 100}) {
    config.memory_pages = n;
    EXPECT_THAT(answer(config), HasSubstr(std::to_string(n) + " pages"));
  }
}

TEST(MachineConfig, NoDesignIsRefused) {
  MachineConfig config = tiny();
  config.design = nullptr;
  EXPECT_THAT(answer(config), HasSubstr("design"));
}

TEST(MachineConfig, APlanThatFailsEveryZerothAllocationIsRefused) {
  MachineConfig config = tiny();
  for (const auto mode : {FailurePlan::Mode::nth, FailurePlan::Mode::every, FailurePlan::Mode::rate}) {
    config.failures = {.mode = mode, .n = 0};
    EXPECT_THAT(answer(config), HasSubstr("at least 1"));
  }
}

TEST(MachineConfig, NoNodesOrTooManyAreRefused) {
  MachineConfig config = tiny();
  for (const u32 n : {0U, kMaxNodes + 1, ~u32{0}}) {
    config.nr_nodes = n;
    EXPECT_THAT(answer(config), AllOf(HasSubstr("1 to 4 nodes"), HasSubstr(std::to_string(n))));
  }
}

TEST(MachineConfig, MemoryThatNodesWouldCutIsRefusedWithTheAmountThatFits) {
  MachineConfig config = tiny();
  config.nr_nodes = 2;
  EXPECT_EQ(answer(config), "built") << "two PMDs of vmemmap, and no room for a gigantic folio in either";
  for (const u64 pages : {32U, 96U, 192U}) {
    config.memory_pages = pages;
    const u64 fits = pages_for_nodes(config.geometry, pages, 2);
    EXPECT_THAT(answer(config), AllOf(HasSubstr("2 nodes"), HasSubstr(std::to_string(fits) + " pages")));
    config.memory_pages = fits;
    EXPECT_EQ(answer(config), "built") << fits;
  }
}

TEST(MachineConfig, NodesCutNoFolioThatFitsIntoOneAndNoPmd) {
  for (const Geometry& g : kGeometries) {
    for (u32 nodes = 2; nodes <= kMaxNodes; ++nodes) {
      for (const u64 pages : {u64{1}, g.largest_order().nr_pages() * 3, g.memory_granule() * 5}) {
        const u64 all = pages_for_nodes(g, pages, nodes);
        const u64 each = all / nodes;
        EXPECT_GE(all, pages);
        EXPECT_EQ(each * nodes, all);
        EXPECT_EQ(each % g.memory_granule(), 0U) << g.name;
        for (const Order order : g.huge_sizes()) {
          if (order.nr_pages() <= each) EXPECT_EQ(each % order.nr_pages(), 0U) << g.name << " " << nodes;
        }
      }
    }
  }
}

TEST(MachineConfig, AVmemmapThatDoesNotStartAtAPmdOrWrapsIsRefused) {
  MachineConfig config = tiny();
  config.vmemmap_base += config.geometry.page_size();
  EXPECT_THAT(answer(config), HasSubstr("vmemmap"));
  config.vmemmap_base = ~u64{0} << 12;
  EXPECT_THAT(answer(config), HasSubstr("vmemmap"));
}

TEST(MachineConfig, MemoryTooSmallForItsOwnVmemmapIsRefused) {
  MachineConfig config;
  config.geometry = *find_geometry("tiny");
  config.geometry.page_shift = 7;  // 2 structs a page: the vmemmap of 8 pages is 4 of them, and a table
  config.geometry.huge_order = {2};
  config.memory_pages = 8;
  EXPECT_EQ(answer(config), "built");
  config.geometry.page_shift = 6;  // 1 struct a page: nothing is left for the table
  EXPECT_THAT(answer(config), HasSubstr("too little memory"));
}

TEST(MachineConfig, SizesAreWholePmdsOfStructPages) {
  MachineConfig config;
  config.memory_pages = 1;
  MachineSizes s = sizes_of(config);
  EXPECT_EQ(s.nr_pages, 32768U);
  EXPECT_EQ(s.nr_pmds, 1U);
  EXPECT_EQ(s.vmemmap_bytes, u64{2} << 20);
  config.memory_pages = 32769;
  s = sizes_of(config);
  EXPECT_EQ(s.nr_pages, 65536U);
  EXPECT_EQ(s.nr_pmds, 2U);
}

TEST(MachineConfig, VmemmapOfBasePagesNeedsNoWholePmd) {
  MachineConfig config;
  config.geometry = *find_geometry("arm64-64k");
  config.memory_pages = 1;
  const MachineSizes s = sizes_of(config);
  EXPECT_EQ(s.nr_pages, 8192U);
  EXPECT_EQ(s.nr_pmds, 1U);
  EXPECT_EQ(s.vmemmap_bytes, u64{512} << 10);
  const auto m = Machine::create(config);
  ASSERT_TRUE(m) << m.error();
  EXPECT_EQ((*m)->census().mapped, 8U);
  EXPECT_EQ((*m)->census().pte_pages, 1U);
}

TEST(MachineConfig, APoolOfASizeThatTheGeometryDoesNotHaveIsRefused) {
  MachineConfig config;
  config.geometry = *find_geometry("arm64-4k");
  config.pools[0] = {Order{4}, 1, 0};
  config.pools[1] = {Order{13}, 1, 0};
  EXPECT_EQ(answer(config), "built");
  config.pools[2] = {Order{11}, 1, 0};
  EXPECT_THAT(answer(config), HasSubstr("order 11"));
}

TEST(MachineConfig, SizesHoldAPteTableForEachPmdBesideTheVmemmap) {
  for (const Geometry& g : kGeometries) {
    MachineConfig config;
    config.geometry = g;
    for (const u64 pmds : {1U, 5U, 600U}) {
      config.memory_pages = pmds * g.structs_per_pmd();
      const MachineSizes s = sizes_of(config);
      EXPECT_GE(s.nr_frames, pmds * g.ptrs_per_table() + pmds + (pmds + g.ptrs_per_table() - 1) / g.ptrs_per_table());
    }
  }
}

TEST(MachineConfig, BookkeepingBesideTheFramesIsAtMost3PercentOfTheVmemmapOfALargeMachine) {
  MachineConfig config;
  config.memory_pages = u64{1} << 28;  // 1 TiB
  const MachineSizes s = sizes_of(config);
  EXPECT_LE(static_cast<double>(s.arena_bytes), 0.05 * static_cast<double>(s.vmemmap_bytes)) << "reserved";
}

TEST(MachineConfig, EveryGeometryAndDesignBootsAndIsValidAtAnySize) {
  for (const Geometry& g : kGeometries) {
    for (const Design& design : kDesigns) {
      for (const u64 granules : {1U, 3U, 9U}) {
        MachineConfig config;
        config.geometry = g;
        config.design = &design;
        config.memory_pages = granules * g.memory_granule();
        config.nr_cpus = static_cast<u32>(granules);
        const auto m = Machine::create(config);
        ASSERT_TRUE(m);
        EXPECT_TRUE((*m)->validate()) << g.name << " " << design.name << " " << granules;
      }
    }
  }
}

}  // namespace
}  // namespace hvo
