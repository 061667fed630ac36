// Memory that was hot-added with its struct pages in itself: its folios are never optimised.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/folio_machine.h"

namespace hvo::test {
namespace {

/// Tiny memory of which the last quarter was hot-added.
MachineConfig with_hot_added(std::string_view design) {
  MachineConfig config = FolioMachine::tiny(design);
  config.self_hosted_pages = config.memory_pages / 4;
  return config;
}

/// Makes all the folios there is memory for, in a pool, so in one batch where the design has batches.
std::vector<Pfn> fill(FolioMachine& m) {
  const Order order = m->config().geometry.huge_order;
  m->hugetlb().set_max_huge_pages(m.cpu(), order, m->vmemmap().nr_pages());
  std::vector<Pfn> heads;
  while (const auto head = m->hugetlb().alloc_hugetlb_folio(m.cpu(), order)) heads.push_back(*head);
  return heads;
}

class SelfHosted : public testing::TestWithParam<std::string_view> {};

TEST_P(SelfHosted, FoliosOfHotAddedMemoryStayFullAndTheOthersDoNot) {
  FolioMachine m(with_hot_added(GetParam()));
  const Pfn boundary{m->vmemmap().nr_pages() - m->config().self_hosted_pages};
  const std::vector<Pfn> heads = fill(m);
  u64 nr_refused = 0;
  for (const Pfn head : heads) {
    EXPECT_EQ(m->optimizer().is_optimized(m.cpu(), head), head < boundary) << head.v;
    nr_refused += head < boundary ? 0 : 1;
  }
  EXPECT_GT(nr_refused, 0U);
  EXPECT_LT(nr_refused, heads.size());
  EXPECT_GE(m->diagnostics(0).counts[Event::optimize_refused], nr_refused);
  EXPECT_TRUE(m.validate());
  for (const Pfn head : heads) EXPECT_TRUE(m->hugetlb().folio_put(m.cpu(), head));
  m->hugetlb().set_max_huge_pages(m.cpu(), m->config().geometry.huge_order, 0);
  EXPECT_EQ(m->optimizer().nr_optimized_folios(), 0U);
  EXPECT_TRUE(m.validate());
  EXPECT_TRUE(m.violations().empty());
}

TEST_P(SelfHosted, WithoutTheCheckFramesOfHotAddedMemoryAreFreedAndThatIsReported) {
  MachineConfig config = with_hot_added(GetParam());
  config.safeguards = config.safeguards.without(Safeguard::self_hosted_check);
  FolioMachine m(config);
  fill(m);
  const auto violations = m.violations();
  EXPECT_TRUE(std::ranges::any_of(violations, [](const Violation& v) {
    return v.rule == Rule::conservation && v.what.starts_with("frame of hot-added memory freed");
  }));
}

INSTANTIATE_TEST_SUITE_P(Designs, SelfHosted, testing::Values("fake-head", "fake-head-acquire", "shared-tail"));

TEST(SelfHostedConfig, AllOfMemoryCanNotHaveBeenHotAdded) {
  MachineConfig config = FolioMachine::tiny();
  config.self_hosted_pages = config.memory_pages;
  const auto machine = Machine::create(config);
  ASSERT_FALSE(machine);
  EXPECT_NE(machine.error().find("hot-added"), std::string::npos) << machine.error();
}

}  // namespace
}  // namespace hvo::test
