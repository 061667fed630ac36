// The walker holes of every design, answered by exploration: found where they must be, with as few preemptions as they
// need, and absent where they must be.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/litmus/step_table.h"
#include "tests/litmus/walker_answers.h"

namespace hvo {
namespace {

// A sanitizer makes a schedule ten times as dear: then only the plain machine is tried with all preemptions, else all
// but both knobs at once.
#if HVO_FIBERS_ASAN || HVO_FIBERS_TSAN
constexpr bool kIsDear = true;
#else
constexpr bool kIsDear = false;
#endif
constexpr u32 kPreemptions = 2;

/// What a design's row says of this walker's traps.
bool is_known_hole(const Design& design, Walker walker) {
  const Op op = walker == Walker::filtered ? Op::pfn_walk_filtered : Op::pfn_walk_unfiltered;
  return std::ranges::any_of(design.holes,
                             [op](const KnownHole& h) { return h.rule == Rule::read_only_store && h.op == op; });
}

void expect_answer(const WalkerRaceConfig& config, const Least& least, u32 preemptions) {
  WalkerRace race(config);
  const WalkerRaceResult r = race.explore(preemptions);
  EXPECT_EQ(r.nr_other, 0U) << "another violation, or a deadlock";
  EXPECT_GT(r.nr_met, r.nr_schedules / 8) << "the page seldom became a tail: the race was not met";
  if (!least || *least > preemptions) {
    EXPECT_EQ(r.nr_trapped, 0U) << "found with " << r.least << " preemptions";
    return;
  }
  ASSERT_GT(r.nr_trapped, 0U) << "not found in " << r.nr_schedules << " schedules";
  EXPECT_EQ(r.least, *least);
  EXPECT_TRUE(is_known_hole(*config.design, config.walker));
}

class WalkerLitmus : public testing::TestWithParam<WalkerAnswer> {};

TEST_P(WalkerLitmus, IsAnsweredAsTheTableSaysUnderEveryKnob) {
  const WalkerAnswer& answer = GetParam();
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    for (const bool ll_sc : {false, true}) {
      SCOPED_TRACE(by == FlushBy::ipi ? "flush by ipi" : "flush by broadcast");
      SCOPED_TRACE(ll_sc ? "ll/sc" : "no ll/sc");
      const int nr_knobs = (by == FlushBy::ipi ? 0 : 1) + (ll_sc ? 1 : 0);
      const bool tries_less = nr_knobs > (kIsDear ? 0 : 1);
      expect_answer({find_design(answer.design), answer.walker, by, ll_sc}, ll_sc ? answer.ll_sc : answer.plain,
                    tries_less ? kPreemptions - 1 : kPreemptions);
    }
  }
}

std::string test_name(const testing::TestParamInfo<WalkerAnswer>& info) {
  std::string name = std::string(info.param.design) + "_" + std::string(walker_name(info.param.walker));
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(AllDesigns, WalkerLitmus, testing::ValuesIn(kWalkerAnswers), test_name);

TEST(WalkerLitmusTable, AnswersEveryWalkerOfEveryDesign) {
  EXPECT_EQ(kWalkerAnswers.size(), kDesigns.size() * kWalkers.size());
  for (const WalkerAnswer& answer : kWalkerAnswers) EXPECT_NE(find_design(answer.design), nullptr) << answer.design;
}

TEST(WalkerLitmusTable, SchedulesThatAreLeftOutChangeNoAnswer) {
  for (const std::string_view design : {"two-frame", "fake-head-rcu", "fake-head-acquire", "shared-tail"}) {
    SCOPED_TRACE(design);
    const u32 preemptions = design == "fake-head-rcu" && !kIsDear ? 2 : 1;
    WalkerRace race({.design = find_design(design), .walker = Walker::filtered});
    const WalkerRaceResult all = race.explore(preemptions, false);
    const WalkerRaceResult reduced = race.explore(preemptions);
    EXPECT_LT(reduced.nr_schedules, all.nr_schedules);
    EXPECT_EQ(reduced.nr_trapped != 0, all.nr_trapped != 0);
    EXPECT_EQ(reduced.least, all.least);
  }
}

TEST(WalkerLitmusTable, AWitnessTrapsAgainWhenItIsReplayed) {
  WalkerRace race({.design = find_design("shared-tail"), .walker = Walker::unfiltered});
  const WalkerRaceResult r = race.explore(1);
  ASSERT_GT(r.nr_trapped, 0U);
  const std::vector<Moment> moments = race.replay(r.witness);
  const auto is_trap = [](const Moment& m) {
    return m.said.why == HandBack::Why::violation && m.said.violation.rule == Rule::read_only_store;
  };
  EXPECT_EQ(std::ranges::count_if(moments, is_trap), 1);
}

TEST(WalkerLitmusTable, AFlushByBroadcastIsServedAsOne) {
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    WalkerRace race({.design = find_design("shared-tail"), .walker = Walker::unfiltered, .flush_by = by});
    (void)race.replay(race.explore(1).witness);
    const EventCounts& counts = race.machine().diagnostics(1).counts;
    EXPECT_EQ(counts[Event::tlbi_served] != 0, by == FlushBy::broadcast);
    EXPECT_EQ(counts[Event::ipi_served] != 0, by == FlushBy::ipi);
  }
}

TEST(WalkerLitmusTable, AScheduleIsShownWithAColumnPerCpu) {
  WalkerRace race({.design = find_design("shared-tail"), .walker = Walker::unfiltered});
  const std::string shown = step_table(race, race.replay(race.explore(1).witness));
  // In this order, and in the walker's column but for the PTE.
  std::size_t at = 0;
  for (const std::string_view step :
       {"page[8].refcount is 1", "page[8].refcount 1→0", "PTE[1] = frame", "cmpxchg page[8].refcount: 1→2", "TRAP"}) {
    at = shown.find(step, at);
    ASSERT_NE(at, std::string::npos) << step << " in\n" << shown;
  }
  std::istringstream lines(shown);
  for (std::string line; std::getline(lines, line);) {
    const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; });
    EXPECT_LE(columns, 100) << line;
  }
}

}  // namespace
}  // namespace hvo
