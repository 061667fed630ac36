// Hypothesis Z37: while optimise copies a head to a new frame, somebody stores to it through the old one, and the store
// is lost. Here memory_failure, which marks the head of a hugepage under hugetlb_lock; optimise does not hold that.
#include <gtest/gtest.h>

#include <optional>

#include "core/machine/machine.h"
#include "tests/stress/explore/explorer.h"

namespace hvo::test {
namespace {

constexpr Pfn kFolio{0};
constexpr u64 kBadPage = 3;

struct Lost {
  u64 nr_schedules = 0;
  u64 nr_noted = 0;  ///< the error met a hugepage
  u64 nr_lost = 0;   ///< and at the end its head was not marked
  u64 nr_other = 0;
  std::optional<u32> least{};  ///< preemptions that a loss takes
  std::vector<u8> witness{};   ///< the decisions of such a schedule
};

class LostWrite {
 public:
  LostWrite(std::string_view design, FlushBy by) : m_(Machine::create(config(design, by)).value()), explorer_(*m_) {}

  Lost explore(u32 preemptions) {
    Lost all;
    explorer_.explore(bodies(), preemptions, [&] { all = {}; }, [&](const Ended& ended) { add(ended, all); });
    return all;
  }
  /// One schedule again; then the folio is freed. True when every error that was noted is on its page.
  bool keeps_errors(const std::vector<u8>& decisions) {
    (void)explorer_.replay(bodies(), decisions);
    Cpu& cpu = m_->cpu(0);
    cpu.run();
    EXPECT_TRUE(m_->hugetlb().folio_put(cpu, kFolio));
    cpu.idle();
    return m_->validate();
  }

 private:
  std::vector<Explorer::Body> bodies() {
    return {[this](Cpu& cpu) { EXPECT_EQ(m_->hugetlb().alloc_migrate_hugetlb_folio(cpu, order()).value(), kFolio); },
            [this](Cpu& cpu) { (void)m_->hugetlb().memory_failure(cpu, kFolio + kBadPage, Insist::yes); }};
  }
  static MachineConfig config(std::string_view design, FlushBy by) {
    MachineConfig c;
    c.geometry = *find_geometry("tiny");
    c.design = find_design(design);
    c.memory_pages = 128;
    c.flush_by = by;
    c.recording = false;
    return c;
  }
  Order order() const {
    const Geometry& g = m_->config().geometry;
    return g.vmemmap_pages(g.huge_order) > m_->design().nr_kept_pages() ? g.huge_order : g.gigantic_order;
  }
  bool is_marked() {
    Cpu& cpu = m_->cpu(0);
    cpu.run();
    const u64 flags = cpu.read_once_at<u64>(m_->vmemmap().page_of(kFolio).va + page_field::flags);
    cpu.idle();
    return (flags & PG_hwpoison) != 0;
  }
  void add(const Ended& ended, Lost& all) {
    ++all.nr_schedules;
    all.nr_other += ended.violations.size() + (ended.is_stuck() ? 1 : 0);
    if (m_->diagnostics(1).counts[Event::huge_poisoned] == 0) return;
    ++all.nr_noted;
    if (is_marked()) return;
    ++all.nr_lost;
    if (all.least && ended.nr_preemptions >= *all.least) return;
    all.least = ended.nr_preemptions;
    all.witness = ended.decisions;
  }

  std::unique_ptr<Machine> m_;
  Explorer explorer_;
};

struct Expected {
  std::string_view design;
  std::optional<u32> least;
};

class LostWriteLitmus : public testing::TestWithParam<Expected> {};

TEST_P(LostWriteLitmus, AMarkOnTheHeadIsLostWhereTheHeadIsCopiedAndNowhereElse) {
  EXPECT_EQ(find_design(GetParam().design)->copies_head, GetParam().least.has_value());
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    const Lost r = LostWrite(GetParam().design, by).explore(2);
    EXPECT_GT(r.nr_noted, 0U) << "the error never met a hugepage";
    EXPECT_EQ(r.nr_other, 0U);
    EXPECT_EQ(r.least, GetParam().least) << r.nr_lost << " of " << r.nr_schedules;
  }
}

INSTANTIATE_TEST_SUITE_P(AllDesigns, LostWriteLitmus,
                         testing::Values(Expected{"none", {}}, Expected{"two-frame", {}}, Expected{"fake-head", {}},
                                         Expected{"fake-head-copy", 1}, Expected{"fake-head-rcu", 1},
                                         Expected{"fake-head-acquire", 1}, Expected{"shared-tail", 1}));

TEST(LostWriteLitmusSequel, TheErrorIsGoneWhenTheFolioIsFreed) {
  LostWrite race("shared-tail", FlushBy::ipi);
  const Lost r = race.explore(1);
  ASSERT_GT(r.nr_lost, 0U);
  EXPECT_FALSE(race.keeps_errors(r.witness));
  EXPECT_TRUE(race.keeps_errors({1})) << "the error comes before the hugepage";
  EXPECT_TRUE(race.keeps_errors({0})) << "the error comes after it";
}

}  // namespace
}  // namespace hvo::test
