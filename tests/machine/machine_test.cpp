#include "core/machine/machine.h"

#include <gtest/gtest.h>

#include "core/vmemmap/page_ref.h"
#include "tests/support/folio_machine.h"

namespace hvo {
namespace {

using test::FolioMachine;

u64 hash(FolioMachine& m) {
  return m.quiet([](Machine& machine) { return machine.state_hash(); });
}

/// The same few operations, as far as told.
void play(FolioMachine& m, int nr_steps) {
  std::vector<Pfn> folios;
  for (int i = 0; i < nr_steps; ++i) {
    if (i % 3 == 2) {
      m.free_folio(folios.back(), Order{4});
      folios.pop_back();
    } else {
      folios.push_back(m.make_folio());
    }
  }
}

TEST(Machine, EqualRunsHaveEqualHashesAtEachStepInEachDesign) {
  for (const Design& design : kDesigns) {
    for (int n = 0; n < 8; ++n) {
      FolioMachine a(FolioMachine::tiny(design.name));
      FolioMachine b(FolioMachine::tiny(design.name));
      play(a, n);
      play(b, n);
      EXPECT_EQ(hash(a), hash(b)) << design.name << " step " << n;
    }
  }
}

TEST(Machine, TheHashMovesWithEveryKindOfStep) {
  FolioMachine m(FolioMachine::tiny());
  std::vector<u64> hashes{hash(m)};
  auto step = [&](auto f) {
    f();
    hashes.push_back(hash(m));
    EXPECT_NE(hashes.back(), hashes[hashes.size() - 2]) << "step " << hashes.size() - 1;
  };
  Pfn folio;
  Pfn single;
  step([&] { folio = m.make_folio(); });
  step([&] { EXPECT_TRUE(page_ref_unfreeze(m->vmemmap().pages(m.cpu()), m->vmemmap().page_of(folio), 1)); });
  step([&] { single = m->pages().alloc_pages(m.cpu(), Order{0}).value(); });
  step([&] { m->optimizer().set_enabled(m.cpu(), false); });
  step([&] { EXPECT_TRUE(m.cpu().write_once_at<u64>(m->vmemmap().page_of(single).va + page_field::index, 5)); });
}

TEST(Machine, CountersAndRecordersAreNoStateOfTheMachine) {
  FolioMachine a(FolioMachine::tiny());
  MachineConfig quiet = FolioMachine::tiny();
  quiet.recording = false;
  FolioMachine b(quiet);
  play(a, 4);
  play(b, 4);
  a.cpu().count(Event::lookup, 99);
  EXPECT_EQ(hash(a), hash(b));
}

TEST(Machine, TheDesignAloneDecidesWhatIsMapped) {
  FolioMachine none(FolioMachine::tiny("none"));
  FolioMachine hvo(FolioMachine::tiny("fake-head"));
  EXPECT_EQ(none.census().mapped, hvo.census().mapped);
  for (FolioMachine* m : {&none, &hvo}) m->make_folio();
  EXPECT_EQ(none.census().mapped, hvo.census().mapped + 1) << "2 vmemmap pages, 1 kept";
}

TEST(Machine, TheCensusCountsFramesTablesAndReadOnlyEntries) {
  FolioMachine m(FolioMachine::tiny());
  const FrameCensus boot = m.census();
  EXPECT_EQ(boot.mapped, 256U / 8);
  EXPECT_EQ(boot.pte_pages, 0U);
  EXPECT_EQ(boot.pmd_pages, 2U);
  EXPECT_EQ(boot.read_only_ptes, 0U);
  m.make_folio(Order{6});
  const FrameCensus c = m.census();
  EXPECT_EQ(boot.mapped - c.mapped, 7U);
  EXPECT_EQ(c.read_only_ptes, 7U);
  EXPECT_EQ(c.pte_pages, 2U) << "8 vmemmap pages are two tables of 4";
}

TEST(Machine, BootLeavesNoCountsBehindAndArmsThePlanAfterwards) {
  MachineConfig config = FolioMachine::tiny();
  config.failures = {.mode = FailurePlan::Mode::nth, .n = 1};
  FolioMachine m(config);
  EXPECT_EQ(m->diagnostics(0).counts[Event::frame_alloc], 0U);
  EXPECT_FALSE(m->frames().alloc(m.cpu(), Order{0})) << "the first after boot is number 1";
  EXPECT_TRUE(m->frames().alloc(m.cpu(), Order{0}));
}

TEST(Machine, ViolationsOfAllCpusAreCounted) {
  FolioMachine m(FolioMachine::tiny());
  EXPECT_EQ(m->nr_violations(), 0U);
  m->cpu(0).report({.rule = Rule::range, .what = "planted"});
  m->cpu(1).report({.rule = Rule::range, .what = "planted"});
  EXPECT_EQ(m->nr_violations(), 2U);
}

}  // namespace
}  // namespace hvo
