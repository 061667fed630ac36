// The seed's promise: every helper, on every pfn, answers as it does without HVO, in each state. Its reviewers asked
// for this test in 2021.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "core/machine/machine.h"

namespace hvo {
namespace {

/// What the helpers say of one page, with addresses as pfns.
struct Answers {
  u64 compound_head = 0;
  u64 fixed = 0;  ///< page_fixed_fake_head() of a page that is no tail by its own word
  u64 folio = 0;
  u8 folio_order = 0;
  bool head = false, tail = false, compound = false, huge = false, large = false;
  friend bool operator==(const Answers&, const Answers&) = default;
};

template <class E>
Answers answers_of(Machine& m, Cpu& cpu, Page p) {
  const CpuPages pages = m.vmemmap().pages(cpu);
  Answers a;
  a.compound_head = m.vmemmap().pfn_of(compound_head<E>(pages, p)).v;
  const bool tail_by_word = (pages.read_once(p, page_field::compound_head) & 1) != 0;
  // A fake head is a tail whose own word says nothing; without HVO its word does. Both lead to the head.
  a.fixed = tail_by_word ? a.compound_head : m.vmemmap().pfn_of(page_fixed_fake_head<E>(pages, p)).v;
  const Folio folio = page_folio<E>(pages, p);
  a.folio = m.vmemmap().pfn_of(folio.head).v;
  a.folio_order = folio_order(pages, folio).v;
  a.head = PageHead<E>(pages, p);
  a.tail = PageTail<E>(pages, p);
  a.compound = PageCompound<E>(pages, p);
  a.huge = PageHuge<E>(pages, p);
  a.large = folio_test_large(pages, folio);
  return a;
}

/// Two machines that do the same, one without HVO.
class Pair {
 public:
  explicit Pair(std::string_view design, std::string_view geometry, FailurePlan failures = {}) {
    for (auto* m : {&none_, &hvo_}) {
      MachineConfig config;
      config.geometry = *find_geometry(geometry);
      config.design = find_design(m == &none_ ? "none" : design);
      // A gigantic folio, at the start of memory, and what is made beside it: each page more is looked up many times.
      config.memory_pages = std::max(u64{1} << 10, config.geometry.gigantic_order.nr_pages() * 5 / 4);
      if (m == &hvo_) config.failures = failures;
      *m = std::move(*Machine::create(config));
    }
  }
  template <class Step>
  void both(Step step) {
    for (auto* m : {&none_, &hvo_}) {
      Cpu& cpu = (*m)->cpu(0);
      cpu.run();
      step(**m, cpu);
      cpu.idle();
    }
  }
  /// The first pfn on which the two differ, or kNoPfn.
  Pfn first_difference() {
    const std::vector<Answers> a = all(*none_);
    const std::vector<Answers> b = all(*hvo_);
    for (Pfn pfn{0}; pfn.v < a.size(); ++pfn) {
      if (!(a[pfn.v] == b[pfn.v])) return pfn;
    }
    return kNoPfn;
  }
  Machine& hvo() { return *hvo_; }

 private:
  static std::vector<Answers> all(Machine& m) {
    std::vector<Answers> answers;
    m.cpu(0).run();
    with_encoding(m.design().encoding, [&]<class E>(E) {
      for (Pfn pfn{0}; pfn.v < m.vmemmap().nr_pages(); ++pfn) {
        answers.push_back(answers_of<E>(m, m.cpu(0), m.vmemmap().page_of(pfn)));
      }
    });
    m.cpu(0).idle();
    return answers;
  }

  std::unique_ptr<Machine> none_;
  std::unique_ptr<Machine> hvo_;
};

void expect_same(Pair& pair, std::string_view state) {
  EXPECT_EQ(pair.first_difference().v, kNoPfn.v) << state << ": the first pfn that differs";
}

class SameAnswers : public testing::TestWithParam<std::tuple<std::string_view, std::string_view>> {};

TEST_P(SameAnswers, OfEveryHelperOnEveryPfnInEachState) {
  const auto [design, geometry] = GetParam();
  Pair pair(design, geometry);
  const Order huge = pair.hvo().config().geometry.huge_order;
  const Order gigantic = pair.hvo().config().geometry.gigantic_order;
  expect_same(pair, "off");
  pair.both([&](Machine& m, Cpu& c) {
    for (const Order order : m.config().geometry.huge_sizes()) {
      m.hugetlb().set_max_huge_pages(c, order, order == huge ? 4 : 1);
    }
    (void)m.hugetlb().alloc_hugetlb_folio(c, huge);
    (void)m.pages().alloc_pages(c, Order{3});
    (void)m.pages().alloc_pages(c, Order{0});
  });
  // Two kept frames leave a small folio nothing to win; some sizes nobody can optimise.
  const Geometry& g = pair.hvo().config().geometry;
  const auto wins = [&](Order order) { return g.vmemmap_pages(order) > pair.hvo().design().nr_kept_pages(); };
  u64 optimized = 0;
  for (const Order order : g.huge_sizes()) optimized += wins(order) ? (order == huge ? 4 : 1) : 0;
  EXPECT_EQ(pair.hvo().optimizer().nr_optimized_folios(), optimized);
  expect_same(pair, "on");
  pair.both([&](Machine& m, Cpu& c) {
    m.optimizer().set_enabled(c, false);
    m.hugetlb().set_max_huge_pages(c, huge, 6);
  });
  EXPECT_EQ(pair.hvo().optimizer().nr_optimized_folios(), optimized);
  expect_same(pair, "switched off, optimised and full folios side by side");
  pair.both([&](Machine& m, Cpu& c) { m.hugetlb().set_max_huge_pages(c, huge, 2); });
  expect_same(pair, "some restored");
  pair.both([&](Machine& m, Cpu& c) {
    m.optimizer().set_enabled(c, true);
    EXPECT_EQ(m.hugetlb().demote_pool_huge_pages(c, gigantic, 1).value_or(0), 1U);
  });
  EXPECT_GE(pair.hvo().optimizer().nr_optimized_folios(), wins(huge) ? 3U : 0U);
  expect_same(pair, "demoted");
  pair.both([&](Machine& m, Cpu& c) { m.hugetlb().set_max_huge_pages(c, huge, 0); });
  expect_same(pair, "all restored but the one in use");
  EXPECT_TRUE(pair.hvo().validate());
  EXPECT_EQ(pair.hvo().nr_violations(), 0U);
}

class SameAnswersRolledBack : public testing::TestWithParam<std::string_view> {};

TEST_P(SameAnswersRolledBack, WhenARemapWasUndoneHalfWay) {
  Pair pair(GetParam(), "tiny");
  const Order gigantic = pair.hvo().config().geometry.gigantic_order;
  Pfn head;
  pair.both([&](Machine& m, Cpu& c) {
    m.optimizer().set_enabled(c, false);
    head = *m.hugetlb().alloc_migrate_hugetlb_folio(c, gigantic);
    EXPECT_TRUE(page_ref_freeze(m.vmemmap().pages(c), m.vmemmap().page_of(head), 1).value_or(false));
    m.optimizer().set_enabled(c, true);
  });
  // The n-th frame is missing: at last the one for the page table of the second PMD.
  Machine& m = pair.hvo();
  // A head that can't be copied stays in place: no failure.
  const u64 first = m.design().copies_head && !m.design().needs_head_copy ? 2 : 1;
  for (u64 n = first; n < 10 && m.diagnostics(0).counts[Event::window_partial_rollback] == 0; ++n) {
    m.frames().next().set_plan({.mode = FailurePlan::Mode::nth, .n = n});
    pair.both([&](Machine& each, Cpu& c) {
      EXPECT_FALSE(each.optimizer().hugetlb_vmemmap_optimize_folio(c, head, gigantic));
    });
    m.frames().next().set_plan({});
    expect_same(pair, "rolled back");
  }
  EXPECT_EQ(m.diagnostics(0).counts[Event::window_partial_rollback], 1U);
  EXPECT_EQ(m.optimizer().nr_optimized_folios(), 0U);
  pair.both([&](Machine& each, Cpu& c) { EXPECT_TRUE(each.hugetlb().free_huge_folio(c, head)); });
  expect_same(pair, "given back");
  EXPECT_TRUE(m.validate());
}

std::string test_name(std::string_view design) {
  std::string name(design);
  std::ranges::replace(name, '-', '_');
  return name;
}
template <class Info>
std::string name_of_both(const Info& info) {
  return test_name(std::get<0>(info.param)) + "_" + test_name(std::get<1>(info.param));
}

const auto kOptimizing =
    testing::Values("two-frame", "fake-head", "fake-head-copy", "fake-head-rcu", "fake-head-acquire", "shared-tail");

INSTANTIATE_TEST_SUITE_P(Tiny, SameAnswers,
                         testing::Combine(kOptimizing, testing::Values("tiny", "tiny-chain", "tiny-pages")),
                         [](const auto& row) { return name_of_both(row); });
// Scanning a machine that has room for 1 GiB takes seconds, so only the two that differ most.
INSTANTIATE_TEST_SUITE_P(Real, SameAnswers,
                         testing::Combine(testing::Values("fake-head", "shared-tail"), testing::Values("x86-64")),
                         [](const auto& row) { return name_of_both(row); });
INSTANTIATE_TEST_SUITE_P(Arm64With4KPages, SameAnswers,
                         testing::Combine(testing::Values("shared-tail"), testing::Values("arm64-4k")),
                         [](const auto& row) { return name_of_both(row); });
INSTANTIATE_TEST_SUITE_P(Arm64With16KPages, SameAnswers,
                         testing::Combine(testing::Values("two-frame", "fake-head", "shared-tail"),
                                          testing::Values("arm64-16k")),
                         [](const auto& row) { return name_of_both(row); });
INSTANTIATE_TEST_SUITE_P(Arm64With64KPages, SameAnswers,
                         testing::Combine(testing::Values("fake-head-acquire"), testing::Values("arm64-64k")),
                         [](const auto& row) { return name_of_both(row); });
INSTANTIATE_TEST_SUITE_P(Tiny, SameAnswersRolledBack, kOptimizing,
                         [](const auto& row) { return test_name(row.param); });

}  // namespace
}  // namespace hvo
