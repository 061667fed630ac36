// A machine of several nodes: what lies where.
#include <gtest/gtest.h>

#include "tests/support/folio_machine.h"

namespace hvo {
namespace {

using test::FolioMachine;

MachineConfig nodes(u32 nr, std::string_view design = "fake-head") {
  MachineConfig config = FolioMachine::tiny(design);
  config.memory_pages = 128 * nr;
  config.nr_nodes = nr;
  config.nr_cpus = 4;
  return config;
}

TEST(MachineNodes, EachNodesVmemmapAndTablesLieOnItAtBoot) {
  FolioMachine m(nodes(4));
  for (u32 n = 0; n < 4; ++n) {
    const FrameCensus c = m.quiet([n](Machine& machine) { return machine.census({n}); });
    EXPECT_EQ(c, (FrameCensus{.mapped = 128 / 8, .pte_pages = 0, .pmd_pages = 1, .read_only_ptes = 0})) << n;
    EXPECT_EQ(m->budget({n}).free_pages(m.cpu()), 128U - 16 - 1);
  }
  EXPECT_EQ(m.census().mapped, 512U / 8);
  EXPECT_TRUE(m.validate());
}

TEST(MachineNodes, PagesComeFromTheNodeAskedForAndTheCpusOwnOtherwise) {
  FolioMachine m(nodes(2));
  const Pfn mine = m->pages().alloc_pages(m.cpu(), Order{0}).value();
  const Pfn other = m->pages().alloc_pages(m.cpu(), Order{4}, Placement::only({1})).value();
  EXPECT_EQ(m->vmemmap().node_of(mine), NodeId{0});
  EXPECT_EQ(m->vmemmap().node_of(other), NodeId{1});
  EXPECT_EQ(m->pages().nr_free(m.cpu(), {1}), 128U - 16);
  EXPECT_EQ(m->budget({1}).free_pages(m.cpu()), 128U - 17 - 16);
  while (m->pages().alloc_pages(m.cpu(), Order{0}, Placement::only({0}))) {
  }
  const auto fell_over = m->pages().alloc_pages(m.cpu(), Order{0});
  ASSERT_TRUE(fell_over);
  EXPECT_EQ(m->vmemmap().node_of(*fell_over), NodeId{1});
  m->pages().put_page(m.cpu(), other, Order{4});
  EXPECT_EQ(m->pages().nr_free(m.cpu(), {1}), 127U);
  EXPECT_TRUE(m.validate());
}

TEST(MachineNodes, AStructPageNamesItsNodeAndZone) {
  FolioMachine m(nodes(2));
  for (const u64 pfn : {0U, 63U, 64U, 127U, 128U, 255U}) {
    const u64 flags = m->vmemmap().read(m.cpu(), m->vmemmap().page_of({pfn})).at(page_field::flags);
    EXPECT_EQ(page_to_nid(flags), NodeId{pfn < 128 ? 0U : 1U}) << pfn;
    EXPECT_EQ(page_zonenum(flags), pfn < 64 ? 0U : 1U) << pfn;
    EXPECT_EQ(page_zone_id(flags), m->vmemmap().zone_of({pfn}));
  }
}

TEST(MachineNodes, FramesThatOptimisingWinsGoBackToTheFoliosNode) {
  FolioMachine m(nodes(2));
  const Pfn head = m->pages().alloc_frozen_pages(m.cpu(), Order{4}, Placement::only({1})).value();
  ASSERT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), head, Order{4}));
  ASSERT_TRUE(m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), head, Order{4}));
  const FrameCensus there = m.quiet([](Machine& machine) { return machine.census({1}); });
  EXPECT_EQ(there.mapped, 15U);
  EXPECT_EQ(there.read_only_ptes, 1U);
  const FrameCensus here = m.quiet([](Machine& machine) { return machine.census({0}); });
  EXPECT_EQ(here.mapped, 16U);
  EXPECT_EQ(here.pte_pages, 1U) << "a split takes its table where the CPU runs";
  EXPECT_EQ(here.read_only_ptes, 0U);
  m.free_folio(head, Order{4});
  EXPECT_TRUE(m.validate());
}

TEST(MachineNodes, ValidateFindsABudgetThatIsChargedOnTheWrongNode) {
  FolioMachine m(nodes(2));
  ASSERT_TRUE(m->budget({0}).charge(m.cpu(), 1));
  m->budget({1}).uncharge(m.cpu(), 1);
  EXPECT_FALSE(m.validate());
}

TEST(MachineNodes, EveryGeometryAndDesignBootsAndIsValidWithSeveralNodes) {
  for (const Geometry& g : kGeometries) {
    for (const Design& design : kDesigns) {
      MachineConfig config;
      config.geometry = g;
      config.design = &design;
      config.nr_nodes = 2;
      config.memory_pages = pages_for_nodes(g, 4 * g.memory_granule(), 2);
      FolioMachine m(config);
      for (u32 n = 0; n < 2; ++n) {
        const Pfn head = m->pages().alloc_frozen_pages(m.cpu(), g.smallest_order(), Placement::only({n})).value();
        ASSERT_TRUE(m->vmemmap().prep_compound_page(m.cpu(), head, g.smallest_order()));
        (void)m->optimizer().hugetlb_vmemmap_optimize_folio(m.cpu(), head, g.smallest_order());
      }
      EXPECT_TRUE(m.validate()) << g.name << " " << design.name;
    }
  }
}

}  // namespace
}  // namespace hvo
