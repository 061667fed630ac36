// Restore and the shared tails of a machine of two nodes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/folio_machine.h"

namespace hvo {
namespace {

using test::FolioMachine;

constexpr Order kOrder{4};

class NodesTest : public testing::Test {
 protected:
  static MachineConfig two_nodes(std::string_view design) {
    MachineConfig config = FolioMachine::tiny(design);
    config.nr_nodes = 2;
    return config;
  }
  static Pfn make_folio(FolioMachine& m, NodeId node, Order order = kOrder) {
    const Pfn head = m->pages().alloc_frozen_pages(m.cpu(), order, Placement::only(node)).value();
    EXPECT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), head, order));
    EXPECT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), head, order));
    return head;
  }
  static void take_all(FolioMachine& m, NodeId node) {
    while (m->pages().alloc_pages(m.cpu(), Order{0}, Placement::only(node))) {
    }
  }
  static FrameNo tail_frame(FolioMachine& m, Pfn head) {
    return m->page_table().pte_at(m.cpu(), tail_page(m, head)).frame();
  }
  static u64 tail_page(FolioMachine& m, Pfn head) {
    return m->vmemmap().page_of(head).va + m->config().geometry.page_size();
  }
  static NodeId node_of(FolioMachine& m, FrameNo frame) { return m->frames().next().next().node_of(frame); }
};

TEST_F(NodesTest, UnderThisNodeOnlyARestoreFailsOnAFullNodeThoughTheOtherHasMemory) {
  for (const std::string_view design : {"fake-head", "fake-head-copy"}) {
    FolioMachine m(two_nodes(design));
    const Pfn head = make_folio(m, {1});
    take_all(m, {1});
    EXPECT_EQ(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), head, kOrder), std::unexpected(Errno::enomem));
    EXPECT_TRUE(m->optimizer().is_optimized(m.cpu(), head));
    EXPECT_EQ(m->diagnostics(0).counts[Event::window_restore_node_full], 1U) << design;
    EXPECT_TRUE(m.validate());
  }
  // Two kept frames leave nothing to win of a folio of two vmemmap pages.
  FolioMachine m(two_nodes("two-frame"));
  const Pfn head = make_folio(m, {1}, Order{6});
  take_all(m, {1});
  EXPECT_FALSE(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), head, Order{6}));
}

TEST_F(NodesTest, LaterDesignsTakeFramesOfTheOtherNode) {
  for (const std::string_view design : {"fake-head-rcu", "fake-head-acquire", "shared-tail"}) {
    FolioMachine m(two_nodes(design));
    const Pfn head = make_folio(m, {1});
    take_all(m, {1});
    EXPECT_TRUE(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), head, kOrder)) << design;
    EXPECT_EQ(node_of(m, tail_frame(m, head)), NodeId{0});
    EXPECT_EQ(m->diagnostics(0).counts[Event::window_restore_other_node], 1U);
    EXPECT_TRUE(m.validate());
  }
}

TEST_F(NodesTest, ARestoreTakesItsOwnNodesFramesWhereThereAreSome) {
  FolioMachine m(two_nodes("fake-head-rcu"));
  const Pfn head = make_folio(m, {1});
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_restore_folio(m.cpu(), head, kOrder));
  EXPECT_EQ(node_of(m, tail_frame(m, head)), NodeId{1});
  EXPECT_EQ(m->diagnostics(0).counts[Event::window_restore_other_node], 0U);
}

TEST_F(NodesTest, TheHeadsCopyLiesOnTheFoliosNodeIfItCan) {
  FolioMachine m(two_nodes("fake-head-rcu"));
  const auto frame_of_head = [&](Pfn head) {
    return m->page_table().pte_at(m.cpu(), m->vmemmap().page_of(head).va).frame();
  };
  EXPECT_EQ(node_of(m, frame_of_head(make_folio(m, {1}))), NodeId{1});
  const Pfn next = m->pages().alloc_frozen_pages(m.cpu(), kOrder, Placement::only({1})).value();
  ASSERT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), next, kOrder));
  take_all(m, {1});
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), next, kOrder));
  EXPECT_EQ(node_of(m, frame_of_head(next)), NodeId{0});
  EXPECT_TRUE(m.validate());
}

TEST_F(NodesTest, SharedTailsAreOfTheirZoneAndNode) {
  FolioMachine m(two_nodes("shared-tail"));
  // Folios at the first pfns of node 0's zones 0 and 1, and of node 1.
  std::vector<FrameNo> frames;
  for (const u64 pfn : {0U, 64U, 128U}) {
    Pfn head = kNoPfn;
    const NodeId node = m->vmemmap().node_of({pfn});
    while (head == kNoPfn || m->vmemmap().zone_of(head) != m->vmemmap().zone_of({pfn})) head = make_folio(m, node);
    frames.push_back(tail_frame(m, head));
    EXPECT_EQ(node_of(m, frames.back()), node);
    const u64 flags = m->vmemmap().read(m.cpu(), m->vmemmap().page_of(head + 9)).at(page_field::flags);
    EXPECT_EQ(page_to_nid(flags), node);
    EXPECT_EQ(page_zone_id(flags), m->vmemmap().zone_of(head));
  }
  std::ranges::sort(frames);
  EXPECT_EQ(std::ranges::unique(frames).size(), 0U) << "no two zones share a frame";
  EXPECT_TRUE(m.validate());
}

TEST_F(NodesTest, ATailOfTheWrongNodeIsFound) {
  FolioMachine m(two_nodes("shared-tail"));
  const Pfn here = make_folio(m, {0});
  const Pfn there = make_folio(m, {1});
  m->page_table().set_pte(m.cpu(), tail_page(m, there), Pte::make(tail_frame(m, here), false));
  m->page_table().flush_tlb_all(m.cpu());
  EXPECT_FALSE(m.validate());
  const auto found = m.violations();
  const auto names_node = [](const Violation& v) {
    return v.rule == Rule::bad_page && v.what.find("node") != std::string_view::npos;
  };
  EXPECT_TRUE(std::ranges::any_of(found, names_node));
}

TEST_F(NodesTest, AStructPageOfTheWrongNodeIsABadPageAtFree) {
  FolioMachine m(two_nodes("fake-head"));
  const Pfn page = m->pages().alloc_pages(m.cpu(), Order{0}, Placement::only({1})).value();
  const u64 va = m->vmemmap().page_of(page).va + page_field::flags;
  ASSERT_TRUE(m.cpu().write_once_at<u64>(va, u64{1} << kZoneShift));  // node 0, zone 1
  m->pages().put_page(m.cpu(), page, Order{0});
  EXPECT_EQ(m->pages().nr_leaked(m.cpu()), 1U);
}

}  // namespace
}  // namespace hvo
