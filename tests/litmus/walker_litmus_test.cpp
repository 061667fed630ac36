// The walker holes of every design, answered by exploration: found where they must be, with as few preemptions as they
// need, and absent where they must be.
#include <gtest/gtest.h>

#include <algorithm>

#include "stress/explore/explain/retell.h"
#include "tests/litmus/walker_answers.h"
#include "tests/stress/explore/all_schedules.h"

namespace hvo::test {
namespace {

using stress::Key;

// A sanitizer makes a schedule ten times as dear: then only the plain machine is tried with all preemptions, else all
// but both knobs at once.
#if HVO_ASAN || HVO_TSAN
constexpr bool kIsDear = true;
#else
constexpr bool kIsDear = false;
#endif
constexpr u32 kPreemptions = 2;

stress::SearchResult explore(const SmallRace& race, u32 preemptions, bool reduced = true) {
  auto result = stress::search(maker_of(race), {.strategy = {stress::StrategySpec::Kind::dfs, preemptions},
                                                .reduced = reduced,
                                                .find = Key::known_violation,
                                                .stops_at_witness = false});
  EXPECT_TRUE(result && result->is_complete);
  return std::move(*result);
}

/// The preemptions of the first schedule that trapped: fewer are tried first.
Least least_of(const stress::SearchResult& result) {
  return result.witness ? Least{result.witness->strategy.n} : std::nullopt;
}

class WalkerLitmus : public testing::TestWithParam<WalkerAnswer> {};

TEST_P(WalkerLitmus, IsAnsweredAsTheTableSaysUnderEveryKnob) {
  const WalkerAnswer& answer = GetParam();
  const std::string ops = "recycle+" + std::string(answer.walker);
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    for (const bool ll_sc : {false, true}) {
      SCOPED_TRACE(by == FlushBy::ipi ? "flush by ipi" : "flush by broadcast");
      SCOPED_TRACE(ll_sc ? "ll/sc" : "no ll/sc");
      const int nr_knobs = (by == FlushBy::ipi ? 0 : 1) + (ll_sc ? 1 : 0);
      const u32 preemptions = nr_knobs > (kIsDear ? 0 : 1) ? kPreemptions - 1 : kPreemptions;
      const stress::SearchResult r = explore({ops, answer.design, by, ll_sc}, preemptions);
      const Least& least = ll_sc ? answer.ll_sc : answer.plain;
      // What the design's row does not know would be forbidden, and so would a deadlock.
      EXPECT_EQ(r.outcomes.nr_forbidden(), 0U) << "another violation, or a deadlock";
      EXPECT_GT(r.events[Event::huge_alloc], r.nr_schedules / 8) << "the page seldom became a tail";
      EXPECT_EQ(least_of(r), least && *least <= preemptions ? least : std::nullopt);
    }
  }
}

std::string test_name(const testing::TestParamInfo<WalkerAnswer>& info) {
  std::string name = std::string(info.param.design) + "_" + std::string(info.param.walker);
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(AllDesigns, WalkerLitmus, testing::ValuesIn(kWalkerAnswers), test_name);

TEST(WalkerLitmusTable, AnswersEveryWalkerOfEveryDesign) {
  EXPECT_EQ(kWalkerAnswers.size(), kDesigns.size() * 3);
  for (const WalkerAnswer& answer : kWalkerAnswers) {
    EXPECT_NE(find_design(answer.design), nullptr) << answer.design;
    EXPECT_NE(stress::find_small_op(answer.walker), nullptr) << answer.walker;
  }
}

TEST(WalkerLitmusTable, SchedulesThatAreLeftOutChangeNoAnswer) {
  for (const std::string_view design : {"two-frame", "fake-head-rcu", "fake-head-acquire", "shared-tail"}) {
    SCOPED_TRACE(design);
    const SmallRace race{.ops = "recycle+filtered", .design = design};
    const u32 preemptions = design == "fake-head-rcu" && !kIsDear ? 2 : 1;
    const stress::SearchResult all = explore(race, preemptions, false);
    const stress::SearchResult reduced = explore(race, preemptions);
    EXPECT_LT(reduced.nr_schedules, all.nr_schedules);
    EXPECT_EQ(reduced.witness.has_value(), all.witness.has_value());
    EXPECT_EQ(reduced.nr_states, all.nr_states);
  }
}

/// A schedule of the open hole, again.
struct ReplayedHole {
  explicit ReplayedHole(FlushBy by) : subject(make_subject({"recycle+walker", "shared-tail", by})) {
    const auto found = explore({"recycle+walker", "shared-tail", by}, 1);
    replayed = stress::replay(*subject, {}, 0, found.witness.value().decisions, &moments);
  }
  std::unique_ptr<stress::Subject> subject;
  std::vector<stress::Moment> moments;
  stress::Replayed replayed;
};

TEST(WalkerLitmusTable, AWitnessTrapsAgainWhenItIsReplayed) {
  const ReplayedHole hole(FlushBy::ipi);
  const auto is_trap = [](const stress::Moment& m) {
    return m.what == stress::Moment::What::violation && m.violation.rule == Rule::read_only_store;
  };
  EXPECT_EQ(std::ranges::count_if(hole.moments, is_trap), 1);
}

TEST(WalkerLitmusTable, AFlushByBroadcastIsServedAsOne) {
  for (const FlushBy by : {FlushBy::ipi, FlushBy::broadcast}) {
    const ReplayedHole hole(by);
    const EventCounts& counts = hole.subject->machine().diagnostics(1).counts;
    EXPECT_EQ(counts[Event::tlbi_served] != 0, by == FlushBy::broadcast);
    EXPECT_EQ(counts[Event::ipi_served] != 0, by == FlushBy::ipi);
  }
}

TEST(WalkerLitmusTable, TheStoryOfTheOpenHoleIsToldInOrder) {
  ReplayedHole hole(FlushBy::ipi);
  const std::string shown = told_text(retell(*hole.subject, {}, 0, hole.replayed, hole.moments), false);
  std::size_t at = 0;
  for (const std::string_view step : {"page[8].refcount is 1", "page[8].refcount 1→0", "PTE page[8..15] frame",
                                      "cmpxchg page[8].refcount 1→2: TRAP"}) {
    at = shown.find(step, at);
    ASSERT_NE(at, std::string::npos) << step << " in\n" << shown;
  }
}

}  // namespace
}  // namespace hvo::test
