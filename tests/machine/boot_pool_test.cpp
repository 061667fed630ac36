// Hugepages of the kernel's command line, mapped optimised from the start.
#include <gtest/gtest.h>

#include "core/machine/machine.h"

namespace hvo {
namespace {

constexpr Order k1GiB{18};
constexpr u64 kPages = u64{3} << 18;  // 3 GiB
constexpr u64 kFramesOf1GiB = 4096;

MachineConfig with_boot_pool(std::string_view design, u64 nr, bool at_boot = true) {
  MachineConfig config;
  config.design = find_design(design);
  config.memory_pages = kPages;
  config.pools[0] = {.order = k1GiB, .nr_huge_pages = nr, .at_boot = at_boot};
  return config;
}

class BootPool : public testing::TestWithParam<std::string_view> {};

TEST_P(BootPool, IsOptimisedThoughItsTailsNeverHadFrames) {
  auto machine = Machine::create(with_boot_pool(GetParam(), 2));
  ASSERT_TRUE(machine) << machine.error();
  Machine& m = **machine;
  const FrameCensus census = m.census();
  const u64 nr_shared = m.design().tails == Tails::shared ? 1 : 0;
  EXPECT_EQ(census.mapped, kPages / 64 - 2 * (kFramesOf1GiB - 1) + nr_shared);
  EXPECT_EQ(census.read_only_ptes, 2 * (kFramesOf1GiB - 1));
  EXPECT_EQ(m.optimizer().nr_optimized_folios(), 2U);
  EXPECT_LE(m.frames().peak_frames(), m.frames().frames_in_use() + FrameSource::kFold) << "nothing was freed again";
  EXPECT_TRUE(m.validate());

  auto later = Machine::create(with_boot_pool(GetParam(), 2, false));
  ASSERT_TRUE(later) << later.error();
  EXPECT_GT((*later)->frames().peak_frames(), (*later)->frames().frames_in_use() + kFramesOf1GiB) << "made after boot";
}

TEST_P(BootPool, CanBeHandedOutDemotedAndGivenBack) {
  auto machine = Machine::create(with_boot_pool(GetParam(), 2));
  ASSERT_TRUE(machine) << machine.error();
  Machine& m = **machine;
  Cpu& cpu = m.cpu(0);
  cpu.run();
  const auto folio = m.hugetlb().alloc_hugetlb_folio(cpu, k1GiB);
  ASSERT_TRUE(folio);
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(cpu, k1GiB, 1).value_or(0), 1U);
  EXPECT_EQ(m.hugetlb().counters(cpu, Order{9}).nr_huge_pages, 512U);
  EXPECT_TRUE(m.hugetlb().folio_put(cpu, *folio));
  cpu.idle();
  EXPECT_TRUE(m.validate());
  cpu.run();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(cpu, k1GiB, 0), 0U);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(cpu, Order{9}, 0), 0U);
  cpu.idle();
  EXPECT_EQ(m.census().mapped, kPages / 64);
  EXPECT_EQ(m.optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.validate());
  EXPECT_EQ(m.nr_violations(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Designs, BootPool, testing::Values("fake-head-acquire", "shared-tail"));

/// Each node holds 3 GiB.
MachineConfig with_boot_pool_of_nodes(std::string_view design, u32 nr_nodes, u64 nr) {
  MachineConfig config = with_boot_pool(design, nr);
  config.nr_nodes = nr_nodes;
  config.memory_pages = kPages * nr_nodes;
  return config;
}

TEST_P(BootPool, IsDealtOutToTheNodesInTurnAndMappedByTheirFrames) {
  auto machine = Machine::create(with_boot_pool_of_nodes(GetParam(), 2, 3));
  ASSERT_TRUE(machine) << machine.error();
  Machine& m = **machine;
  const u64 nr_shared = m.design().tails == Tails::shared ? 1 : 0;
  for (const u32 node : {0U, 1U}) {
    const u64 nr = node == 0 ? 2 : 1;
    const FrameCensus census = m.census({node});
    EXPECT_EQ(census.read_only_ptes, nr * (kFramesOf1GiB - 1)) << node;
    EXPECT_EQ(census.mapped, kPages / 64 - nr * (kFramesOf1GiB - 1) + nr_shared) << node;
    m.cpu(0).run();
    EXPECT_EQ(m.hugetlb().counters(m.cpu(0), k1GiB, {node}).nr_huge_pages, nr) << node;
    EXPECT_EQ(m.hugetlb().counters(m.cpu(0), k1GiB, {node}).free_huge_pages, nr) << node;
    m.cpu(0).idle();
  }
  EXPECT_LE(m.frames().peak_frames(), m.frames().frames_in_use() + 2 * FrameSource::kFold) << "nothing was freed again";
  EXPECT_TRUE(m.validate());
}

TEST_P(BootPool, OfTwoNodesCanBeHandedOutDemotedAndGivenBack) {
  auto machine = Machine::create(with_boot_pool_of_nodes(GetParam(), 2, 3));
  ASSERT_TRUE(machine) << machine.error();
  Machine& m = **machine;
  for (const u32 id : {0U, 1U}) {
    Cpu& cpu = m.cpu(id);
    cpu.run();
    const auto folio = m.hugetlb().alloc_hugetlb_folio(cpu, k1GiB);
    ASSERT_TRUE(folio);
    EXPECT_EQ(m.vmemmap().node_of(*folio), NodeId{id}) << "a CPU gets one of its node";
    EXPECT_TRUE(m.hugetlb().folio_put(cpu, *folio));
    EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(cpu, k1GiB, 1, {id}).value_or(0), 1U);
    EXPECT_EQ(m.hugetlb().counters(cpu, Order{9}, {id}).nr_huge_pages, 512U);
    cpu.idle();
    EXPECT_TRUE(m.validate());
  }
  Cpu& cpu = m.cpu(0);
  cpu.run();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(cpu, k1GiB, 0), 0U);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(cpu, Order{9}, 0), 0U);
  cpu.idle();
  EXPECT_EQ(m.census().mapped, 2 * kPages / 64);
  EXPECT_EQ(m.optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.validate());
  EXPECT_EQ(m.nr_violations(), 0U);
}

TEST_P(BootPool, NeverLiesAcrossTwoNodesAndPassesByAFullOne) {
  for (const u32 nr_nodes : {2U, 3U, 4U}) {
    MachineConfig config;
    config.geometry = *find_geometry("tiny-chain");
    config.design = find_design(GetParam());
    config.nr_nodes = nr_nodes;
    config.memory_pages = u64{160} * nr_nodes;  // of each node two gigantic hugepages and a half
    config.memory_pages = pages_for_nodes(config.geometry, config.memory_pages, nr_nodes);
    const u64 per_node = config.memory_pages / nr_nodes;
    config.self_hosted_pages = per_node;  // the last node was added later
    const Order gigantic = config.geometry.gigantic_order;
    // Two sizes whose struct pages fill whole PMDs.
    config.pools[0] = {.order = gigantic, .nr_huge_pages = nr_nodes - 1, .at_boot = true};
    config.pools[1] = {.order = Order{5}, .nr_huge_pages = nr_nodes, .at_boot = true};
    auto machine = Machine::create(config);
    ASSERT_TRUE(machine) << machine.error();
    Machine& m = **machine;
    EXPECT_TRUE(m.validate());
    EXPECT_EQ(m.optimizer().nr_optimized_folios(), 2 * nr_nodes - 1);
    m.cpu(0).run();
    for (u32 n = 0; n < nr_nodes; ++n) {
      const u64 wanted = n + 1 < nr_nodes ? 1 : 0;
      EXPECT_EQ(m.hugetlb().counters(m.cpu(0), gigantic, {n}).nr_huge_pages, wanted) << n << " of " << nr_nodes;
      EXPECT_EQ(m.hugetlb().counters(m.cpu(0), Order{5}, {n}).nr_huge_pages, n == 0 ? wanted + 1 : wanted) << n;
    }
    m.cpu(0).idle();
  }
}

TEST_P(BootPool, TooManyForTheNodesAreRefused) {
  const auto refused = Machine::create(with_boot_pool_of_nodes(GetParam(), 2, 7));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("only 6 could be taken"), std::string::npos) << refused.error();
  MachineConfig small = with_boot_pool_of_nodes(GetParam(), 2, 1);
  small.memory_pages = u64{1} << 18;  // half a hugepage in each
  const auto cut = Machine::create(small);
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().find("only 0 could be taken"), std::string::npos) << cut.error();
}

TEST(BootPoolConfig, EarlierDesignsMakeItAfterBoot) {
  auto machine = Machine::create(with_boot_pool("fake-head", 1));
  ASSERT_TRUE(machine) << machine.error();
  EXPECT_EQ((*machine)->optimizer().nr_optimized_folios(), 1U);
  EXPECT_GT((*machine)->frames().peak_frames(), (*machine)->frames().frames_in_use());
  EXPECT_TRUE((*machine)->validate());
}

TEST(BootPoolConfig, SmallSizesAndTooManyAreRefused) {
  MachineConfig small = with_boot_pool("shared-tail", 1);
  small.pools[0].order = Order{9};
  const auto refused = Machine::create(small);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("can't be made at boot"), std::string::npos) << refused.error();
  const auto many = Machine::create(with_boot_pool("shared-tail", 4));
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().find("only 3 could be taken"), std::string::npos) << many.error();
}

}  // namespace
}  // namespace hvo
