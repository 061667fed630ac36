// Pools of a machine of several nodes.
#include "tests/hugetlb/pool_machine.h"

namespace hvo::test {
namespace {

PoolSetup two_nodes(std::string_view design = "fake-head") { return {.design = design, .nr_nodes = 2}; }

TEST(NodePools, NewFoliosAreDealtOutInTurnAndTakenAwaySo) {
  PoolMachine m(two_nodes());
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 9), 9U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(5, 5, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(4, 4, 0));
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 10), 10U) << "it is the turn of node 1";
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(5, 5, 0));
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 4), 4U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(2, 2, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(2, 2, 0));
  EXPECT_EQ(m.counters(m.huge()), pool(4, 4, 0, 0, 4));
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, AFullNodeIsPassedByWhenThePoolGrows) {
  PoolMachine m(two_nodes());
  m.take_memory({0});
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 6), 6U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(0, 0, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(6, 6, 0));
  m.give_memory_back();
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, OneNodesCountIsSetAlone) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 4);
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 7, {1}), 7U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(2, 2, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(7, 7, 0));
  EXPECT_EQ(m.counters(m.huge()), pool(9, 9, 0, 0, 9));
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0, {0}), 0U);
  EXPECT_EQ(m.counters(m.huge()), pool(7, 7, 0, 0, 7));
  const u64 reached = m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), u64{1} << 40, {1});
  EXPECT_EQ(reached, m.counters(m.huge()).nr_huge_pages);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(0, 0, 0)) << "the node's memory is the limit";
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, ACpuGetsAFolioOfItsNodeAndOfTheOtherWhenThereIsNone) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2);
  const Pfn first = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  const Pfn second = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  EXPECT_EQ(m.node_of(first), NodeId{0});
  EXPECT_EQ(m.node_of(second), NodeId{1});
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(1, 0, 0));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), second));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(1, 1, 0)) << "back on the list of the node where it lies";
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), first));
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, SurplusIsCountedOnItsNodeAndGoesWithAFolioOfThatNode) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 1, {1});
  m.hugetlb().set_nr_overcommit_huge_pages(m.cpu(), m.huge(), 1);
  const Pfn of_pool = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  const Pfn surplus = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  ASSERT_EQ(m.node_of(of_pool), NodeId{1});
  ASSERT_EQ(m.node_of(surplus), NodeId{0});
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(1, 0, 1));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(1, 0, 0));
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), of_pool));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(1, 1, 0)) << "the surplus is another node's: this one stays";
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), surplus));
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(0, 0, 0));
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, FoliosInUseBecomeSurplusWhereTheyLie) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2);
  const Pfn first = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  const Pfn second = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0, {1}), 0U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(1, 0, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(1, 0, 1));
  for (const Pfn head : {first, second}) EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), head));
  EXPECT_EQ(m.counters(m.huge()), pool(1, 1, 0, 0, 1));
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, WithoutFramesOnItsNodeAFolioStaysThereAsSurplusUntilMemoryComesBack) {
  PoolMachine m(two_nodes("fake-head"));
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 8);
  m.take_memory({1});
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(0, 0, 0));
  const u64 kept = m.counters(m.huge(), 1).nr_huge_pages;
  EXPECT_GT(kept, 0U);
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(kept, kept, kept));
  EXPECT_GT(m->budget({0}).free_pages(m.cpu()), 100U) << "which the design may not use";
  EXPECT_GT(m.count(Event::window_restore_node_full), 0U);
  EXPECT_TRUE(m.is_valid());
  m.give_memory_back();
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), kept), kept) << "persistent again";
  EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
  EXPECT_EQ(m.counters(m.huge()), PoolCounters{});
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, LaterDesignsRestoreWithTheOtherNodesFrames) {
  for (const std::string_view design : {"fake-head-rcu", "shared-tail"}) {
    PoolMachine m(two_nodes(design));
    m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 8);
    m.take_memory({1});
    EXPECT_EQ(m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0), 0U);
    EXPECT_EQ(m.counters(m.huge()), PoolCounters{}) << design;
    EXPECT_GT(m.count(Event::window_restore_other_node), 0U);
    EXPECT_EQ(m.count(Event::window_restore_node_full), 0U);
    m.give_memory_back();
    EXPECT_TRUE(m.is_valid());
  }
}

TEST(NodePools, DemotionTakesFromTheNodesInTurnAndThePiecesStayThere) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 4);
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 2), 2U);
  const u64 pieces = m.gigantic().nr_pages() / m.huge().nr_pages();
  for (const u32 n : {0U, 1U}) {
    EXPECT_EQ(m.counters(m.gigantic(), n), node_pool(1, 1, 0)) << n;
    EXPECT_EQ(m.counters(m.huge(), n), node_pool(pieces, pieces, 0)) << n;
  }
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 2, {1}), 1U) << "node 1 has one left";
  EXPECT_EQ(m.counters(m.gigantic(), 0), node_pool(1, 1, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), node_pool(2 * pieces, 2 * pieces, 0));
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, ADemotionThatMeetsAFullNodePutsTheFolioBackThere) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.gigantic(), 2);
  m.take_memory({1});
  EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(m.cpu(), m.gigantic(), 1, {1}), std::unexpected(Errno::enomem));
  EXPECT_EQ(m.counters(m.gigantic(), 1), node_pool(1, 1, 0));
  EXPECT_EQ(m.counters(m.gigantic()), pool(2, 2, 0, 0, 2));
  m.give_memory_back();
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, DissolvingTakesTheFolioAndTheSurplusOfItsNodeOnly) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 4);
  const Pfn head = m.hugetlb().alloc_hugetlb_folio(m.cpu(), m.huge()).value();
  m.take_memory({1});
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 0, {1});
  const NodePoolCounters full = m.counters(m.huge(), 1);
  ASSERT_GT(full.surplus_huge_pages, 0U);
  EXPECT_TRUE(m.hugetlb().folio_put(m.cpu(), head));
  EXPECT_TRUE(m.hugetlb().dissolve_free_hugetlb_folio(m.cpu(), head));
  EXPECT_EQ(m.counters(m.huge(), 0), node_pool(1, 1, 0));
  EXPECT_EQ(m.counters(m.huge(), 1), full);
  m.give_memory_back();
  EXPECT_TRUE(m.is_valid());
}

TEST(NodePools, ValidateFindsASurplusThatIsCountedOnTheWrongNode) {
  PoolMachine m(two_nodes());
  m.hugetlb().set_max_huge_pages(m.cpu(), m.huge(), 2);
  // What the pool says of itself is const; a test may break it.
  auto& h = const_cast<Hstate&>(m.hugetlb().hstates().back());
  h.nodes[0].counters.nr_huge_pages += 1;
  h.nodes[1].counters.nr_huge_pages -= 1;
  EXPECT_FALSE(m.is_valid());
}

}  // namespace
}  // namespace hvo::test
