// The protocol itself under fibers: one folio of the tiny geometry against one reader.
#include <gtest/gtest.h>

#include <set>

#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"
#include "tests/stress/explore/explorer.h"

namespace hvo::test {
namespace {

std::unique_ptr<Machine> tiny() {
  MachineConfig config;
  config.geometry = *find_geometry("tiny");
  config.memory_pages = 64;
  config.recording = false;
  return std::move(*Machine::create(config));
}

/// What two CPUs of a fresh machine do; `setup` runs first, on CPU 0.
struct Race {
  std::function<Pfn(Machine&, Cpu&)> setup;
  std::function<void(Machine&, Cpu&, Pfn)> left;
  std::function<void(Machine&, Cpu&, Pfn)> right;
};

/// Runs every schedule within the bound; calls check on the machine at the end of each. Returns the number of
/// schedules.
u64 explore(const Race& race, u32 preemptions, const std::function<void(Machine&, const Ended&)>& check) {
  const auto m = tiny();
  m->cpu(0).run();
  const Pfn folio = race.setup(*m, m->cpu(0));
  m->cpu(0).idle();
  Explorer explorer(*m);
  u64 nr_schedules = 0;
  explorer.explore_all({[&](Cpu& cpu) { race.left(*m, cpu, folio); }, [&](Cpu& cpu) { race.right(*m, cpu, folio); }},
                       preemptions, [&](const Ended& ended) {
                         EXPECT_FALSE(ended.is_stuck());
                         check(*m, ended);
                         ++nr_schedules;
                       });
  testing::Test::RecordProperty("schedules", std::to_string(nr_schedules));
  return nr_schedules;
}

Pfn make_folio(Machine& m, Cpu& cpu) { return *m.hugetlb().alloc_migrate_hugetlb_folio(cpu, Order{4}); }
void restore(Machine& m, Cpu& cpu, Pfn folio) {
  (void)page_ref_freeze(m.vmemmap().pages(cpu), m.vmemmap().page_of(folio), 1);
  (void)m.optimizer().hugetlb_vmemmap_restore_folio(cpu, folio, Order{4});
}

TEST(HvoLitmus, ALookupThatRacesWithRestoreMayReturnTheTailItselfAndNothingElseWrong) {
  u64 nr_self = 0;
  u64 nr_right = 0;
  const Race race{make_folio, restore, [&](Machine& m, Cpu& cpu, Pfn folio) {
                    const auto seen = checked_compound_head<FakeHead>(cpu, m.vmemmap(), folio + 8);
                    nr_self += seen == LookupResult::self_head ? 1 : 0;
                    nr_right += seen == LookupResult::right ? 1 : 0;
                    EXPECT_NE(seen, LookupResult::wrong);
                  }};
  const u64 n = explore(race, 2, [](Machine&, const Ended& r) { EXPECT_TRUE(r.violations.empty()); });
  EXPECT_GT(nr_self, 0U);
  EXPECT_EQ(nr_self + nr_right, n);
}

TEST(HvoLitmus, ALookupThatRacesWithOptimiseIsAlwaysRight) {
  const Race race{[](Machine& m, Cpu& cpu) {
                    m.optimizer().set_enabled(cpu, false);
                    const Pfn folio = make_folio(m, cpu);
                    m.optimizer().set_enabled(cpu, true);
                    (void)page_ref_freeze(m.vmemmap().pages(cpu), m.vmemmap().page_of(folio), 1);
                    return folio;
                  },
                  [](Machine& m, Cpu& cpu, Pfn folio) {
                    EXPECT_TRUE(m.optimizer().hugetlb_vmemmap_optimize_folio(cpu, folio, Order{4}));
                  },
                  [](Machine& m, Cpu& cpu, Pfn folio) {
                    const auto seen = checked_compound_head<FakeHead>(cpu, m.vmemmap(), folio + 8);
                    EXPECT_EQ(seen, LookupResult::right);
                  }};
  explore(race, 2, [](Machine& m, const Ended& r) {
    EXPECT_TRUE(r.violations.empty());
    EXPECT_TRUE(m.validate());
  });
}

TEST(HvoLitmus, TwoOptimisersInOnePmdSplitItOnceAndTheLoserFreesItsTable) {
  u64 nr_lost = 0;
  auto alloc = [](Machine& m, Cpu& cpu, Pfn) { EXPECT_TRUE(m.hugetlb().alloc_migrate_hugetlb_folio(cpu, Order{4})); };
  const Race race{[](Machine&, Cpu&) { return Pfn{}; }, alloc, alloc};
  explore(race, 1, [&](Machine& m, const Ended& r) {
    EXPECT_TRUE(r.violations.empty());
    EXPECT_TRUE(m.validate());
    nr_lost +=
        m.diagnostics(0).counts[Event::window_split_race_lost] + m.diagnostics(1).counts[Event::window_split_race_lost];
  });
  EXPECT_GT(nr_lost, 0U);
}

TEST(HvoLitmus, AnUnfilteredWalkerTrapsOnAFakeHeadWithNoRaceAtAll) {
  const Race race{
      make_folio, [](Machine&, Cpu&, Pfn) {},
      [](Machine& m, Cpu& cpu, Pfn folio) {
        const OpScope scope(cpu, Op::pfn_walk_unfiltered);
        EXPECT_FALSE(get_page_unless_zero(m.design(), m.vmemmap().pages(cpu), m.vmemmap().page_of(folio + 8)));
      }};
  explore(race, 0, [](Machine&, const Ended& r) {
    ASSERT_EQ(r.violations.size(), 1U);
    EXPECT_EQ(r.violations[0].rule, (*find_design("fake-head")).holes[0].rule);
    EXPECT_EQ(r.violations[0].op, (*find_design("fake-head")).holes[0].op);
  });
}

TEST(HvoLitmus, TheSameSeedGivesTheSameMachineToTheBit) {
  const auto m = tiny();
  Explorer explorer(*m);
  const auto churn = [&m](Cpu& cpu) {
    for (int i = 0; i < 4; ++i) {
      const auto folio = m->hugetlb().alloc_migrate_hugetlb_folio(cpu, Order{4});
      if (folio) (void)m->hugetlb().folio_put(cpu, *folio);
    }
  };
  const auto run = [&](u64 seed) {
    stress::RandomWalk walk({.seed = seed}, 2);
    walk.begin();
    const Ended ended = explorer.run({churn, churn}, walk);
    EXPECT_TRUE(ended.violations.empty());
    const u64 hash = m->state_hash();
    EXPECT_TRUE(m->validate());
    return std::pair(hash, ended.nr_steps);
  };
  std::set<u64> hashes;
  for (u64 seed = 1; seed <= 20; ++seed) {
    const auto first = run(seed);
    EXPECT_EQ(first, run(seed));
    hashes.insert(first.first);
  }
  EXPECT_GT(hashes.size(), 1U) << "other seeds are other runs";
}

}  // namespace
}  // namespace hvo::test
