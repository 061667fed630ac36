// The kernel's selftest of HVO, asked of the machine's own view: the first page of a hugepage is a head, all others are
// tails, all are huge; whatever the switch says and does meanwhile.
#include "tests/kernel/model_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace hvo::kernel {
namespace {

constexpr Order kHuge{kOrder2M};
constexpr Order kGigantic{kOrder1G};

class Selftest : public testing::TestWithParam<Design> {
 protected:
  Selftest() {
    MachineConfig config;
    config.design = find_design(GetParam().name);
    config.memory_pages = u64{3} << kOrder1G;
    config.nr_cpus = 1;
    machine_ = std::move(*Machine::create(config));
    cpu().run();
  }
  ~Selftest() override { cpu().idle(); }

  Cpu& cpu() { return machine_->cpu(0); }
  Hugetlb& hugetlb() { return machine_->hugetlb(); }
  void enable(bool on) { machine_->optimizer().set_enabled(cpu(), on); }
  Pfn fault(Order order) { return hugetlb().alloc_hugetlb_folio(cpu(), order).value(); }
  /// Raw heads as a fake head would make them: one a page of struct pages that maps the head's frame.
  u64 raw_heads(Order order, bool optimized) const {
    const bool shares_head = GetParam().tails == Tails::head_frame;
    return optimized && shares_head ? machine_->config().geometry.vmemmap_pages(order) : 1;
  }
  void expect_right(Pfn head, Order order, bool optimized) {
    const FolioCheck c = check_folio(*machine_, cpu(), head, order);
    EXPECT_EQ(c.head, 1U);
    EXPECT_EQ(c.tail, order.nr_pages() - 1);
    EXPECT_EQ(c.huge, order.nr_pages());
    EXPECT_EQ(c.wrong, 0U);
    EXPECT_EQ(c.raw_heads, raw_heads(order, optimized));
    EXPECT_EQ(c.raw_tails, order.nr_pages() - c.raw_heads);
    const FolioState s = state_of(*machine_, cpu(), head, order);
    const u64 nr_pages = machine_->config().geometry.vmemmap_pages(order);
    EXPECT_EQ(s.flag, optimized);
    EXPECT_TRUE(s.head_writable);
    EXPECT_EQ(s.read_only, optimized ? nr_pages - GetParam().nr_kept_pages() : 0);
  }

  std::unique_ptr<Machine> machine_;
};

TEST_P(Selftest, HoldsWithHvoOffOnAndSwitchedUnderAHugepageInUse) {
  const bool optimizes = GetParam().optimizes();
  enable(false);
  hugetlb().set_max_huge_pages(cpu(), kHuge, 1);
  const Pfn off = fault(kHuge);
  enable(true);
  hugetlb().set_max_huge_pages(cpu(), kHuge, 2);
  const Pfn on = fault(kHuge);
  expect_right(off, kHuge, false);
  expect_right(on, kHuge, optimizes);
  enable(false);
  expect_right(off, kHuge, false);
  expect_right(on, kHuge, optimizes);
  ASSERT_TRUE(hugetlb().folio_put(cpu(), on));
  expect_right(on, kHuge, optimizes);
}

TEST_P(Selftest, HoldsForAGiganticHugepageAndForItsPiecesAfterADemotion) {
  const bool optimizes = GetParam().optimizes();
  enable(true);
  hugetlb().set_max_huge_pages(cpu(), kGigantic, 1);
  Pfn head = kNoPfn;
  hugetlb().for_each_free_folio(cpu(), kGigantic, {}, [&](Pfn free) { head = free; });
  expect_right(head, kGigantic, optimizes);
  ASSERT_EQ(hugetlb().demote_pool_huge_pages(cpu(), kGigantic, 1).value_or(0), 1U);
  for (const u64 piece : {u64{0}, u64{1}, u64{511}}) expect_right(head + piece * kHuge.nr_pages(), kHuge, optimizes);
}

TEST_P(Selftest, IsNotMetByPagesThatAreNoHugepage) {
  const auto page = machine_->pages().alloc_pages(cpu(), kHuge);
  ASSERT_TRUE(page);
  EXPECT_EQ(check_folio(*machine_, cpu(), *page, kHuge).wrong, kHuge.nr_pages()) << "a compound, but of no pool";
  EXPECT_EQ(kpageflags(*machine_, cpu(), *page + kHuge.nr_pages()) & u64{1} << kKpfHuge, 0U);
}

INSTANTIATE_TEST_SUITE_P(EachDesign, Selftest, testing::ValuesIn(kDesigns), [](const auto& each) {
  std::string name(each.param.name);
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace hvo::kernel
