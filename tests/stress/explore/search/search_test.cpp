// Search: what it counts, when it stops, and that workers change nothing.
#include "stress/explore/search/search.h"

#include <gtest/gtest.h>

#include "tests/stress/explore/all_schedules.h"
#include "tests/stress/explore/little_subject.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here

constexpr StrategySpec kDfs1{StrategySpec::Kind::dfs, 1};
constexpr StrategySpec kDfs2{StrategySpec::Kind::dfs, 2};
constexpr StrategySpec kPortfolio{StrategySpec::Kind::portfolio, 0};
const SmallRace kRace{.ops = "lookup+restore", .design = "fake-head"};

SearchResult found(const MakeSubject& make, const SearchOptions& options) {
  auto result = search(make, options);
  EXPECT_TRUE(result) << result.error();
  return std::move(*result);
}

TEST(Search, CountsWhatADepthFirstSearchSees) {
  const Seen seen = all_schedules(*make_subject(kRace), 2, true);
  const SearchResult r = found(maker_of(kRace), {.strategy = kDfs2, .stops_at_witness = false});
  EXPECT_TRUE(r.is_complete);
  EXPECT_EQ(r.bound, 2U);
  EXPECT_EQ(r.nr_schedules, seen.nr_schedules);
  EXPECT_EQ(r.nr_states, seen.states.size());
  EXPECT_EQ(r.ends[static_cast<std::size_t>(End::done)], r.nr_schedules);
  EXPECT_EQ(r.outcomes.of(Key::right) + r.outcomes.of(Key::self_head), r.nr_schedules);
  EXPECT_FALSE(r.witness);
  const SearchResult all = found(maker_of(kRace), {.strategy = kDfs2, .reduced = false, .stops_at_witness = false});
  EXPECT_GT(all.nr_schedules, r.nr_schedules);
  EXPECT_EQ(all.nr_states, r.nr_states);
}

TEST(Search, FindsWhatItIsToldToFind) {
  const SearchResult r = found(maker_of(kRace), {.strategy = kDfs2, .find = Key::self_head});
  ASSERT_TRUE(r.witness);
  EXPECT_FALSE(r.is_complete);
  EXPECT_EQ(r.witness->outcomes.of(Key::self_head), 1U);
  EXPECT_EQ(r.witness->strategy.n, 1U) << "fewer preemptions are tried first";
  const SearchResult none = found(maker_of(kRace), {.strategy = kDfs1, .find = Key::known_violation});
  EXPECT_FALSE(none.witness);
  EXPECT_TRUE(none.is_complete);
}

TEST(Search, SeveralWorkersSeeWhatOneSees) {
  SearchOptions options{.strategy = kDfs2, .find = Key::self_head, .stops_at_witness = false};
  const SearchResult one = found(maker_of(kRace), options);
  for (const u32 nr_workers : {2U, 3U}) {
    options.nr_workers = nr_workers;
    const SearchResult r = found(maker_of(kRace), options);
    EXPECT_TRUE(r.is_complete);
    EXPECT_EQ(r.nr_schedules, one.nr_schedules);
    EXPECT_EQ(r.nr_steps, one.nr_steps);
    EXPECT_EQ(r.nr_states, one.nr_states);
    EXPECT_EQ(r.outcomes.count, one.outcomes.count);
    EXPECT_EQ(r.nr_witnesses, one.nr_witnesses);
  }
  EXPECT_GE(one.nr_witnesses, one.outcomes.of(Key::self_head)) << "those of the passes before count too";
}

TEST(Search, WorkersShareThatWhichIsDrawnByLot) {
  SearchOptions options{.strategy = {StrategySpec::Kind::random, 4}, .seed = 5, .nr_schedules = 60};
  const SearchResult one = found(maker_of(kRace), options);
  EXPECT_EQ(one.nr_schedules, 60U);
  options.first_index = 30;
  options.nr_schedules = 30;
  const SearchResult second_half = found(maker_of(kRace), options);
  options.first_index = 0;
  const SearchResult first_half = found(maker_of(kRace), options);
  EXPECT_EQ(first_half.nr_steps + second_half.nr_steps, one.nr_steps);
  options.nr_schedules = 60;
  options.nr_workers = 2;
  EXPECT_EQ(found(maker_of(kRace), options).nr_schedules, 60U);
}

TEST(Search, StopsAtItsLimits) {
  SearchOptions options{.strategy = kDfs2, .nr_schedules = 7};
  const SearchResult few = found(maker_of(kRace), options);
  EXPECT_LE(few.nr_schedules, 7U);
  EXPECT_FALSE(few.is_complete);
  const SearchResult brief = found(maker_of(kRace), {.strategy = kPortfolio, .seconds = 0.05});
  EXPECT_GT(brief.nr_schedules, 0U);
  EXPECT_FALSE(brief.is_complete);
  const SearchResult left =
      found(maker_of({.ops = "restore+restore"}), {.strategy = {StrategySpec::Kind::dfs, 3}, .nr_schedules = 3000});
  EXPECT_GT(left.nr_left, 0);
}

TEST(Search, RunsSchedulesTwiceToSeeThatTheyAreDetermined) {
  const SearchResult r = found(maker_of(kRace), {.strategy = kDfs1, .check_determinism = true});
  EXPECT_EQ(r.nr_checked, r.nr_schedules);
  EXPECT_EQ(r.nr_undetermined, 0U);
}

TEST(Search, FindsOutThatAProgramIsNotDetermined) {
  const auto nr_runs = std::make_shared<u64>(0);
  const auto make = LittleSubject::maker({[nr_runs](LittleSubject& s, Cpu& cpu) {
                                            cpu.write_once(s.word(0), ++*nr_runs);  // from outside the machine
                                          },
                                          [](LittleSubject& s, Cpu& cpu) { cpu.read_once(s.word(0)); }});
  const SearchResult r = found(make, {.strategy = kDfs1, .check_determinism = true});
  EXPECT_EQ(r.nr_undetermined, r.nr_checked);
  EXPECT_GT(r.nr_checked, 0U);
}

TEST(Search, SaysWhyASubjectCannotBeMade) {
  const auto result = search([] { return std::unexpected(std::string("no room")); }, {.strategy = kDfs1});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), "no room");
}

TEST(Search, TellsHowItGetsOn) {
  u64 nr_told = 0;
  u64 last = 0;
  const auto result = search(maker_of({.ops = "recycle+recycle"}), {.strategy = kPortfolio, .seconds = 0.5},
                             [&](const SearchResult& so_far) {
                               ++nr_told;
                               EXPECT_GE(so_far.nr_schedules, last);
                               last = so_far.nr_schedules;
                             });
  ASSERT_TRUE(result);
  EXPECT_GT(nr_told, 0U);
  EXPECT_LE(last, result->nr_schedules);
}

}  // namespace
}  // namespace hvo::test
