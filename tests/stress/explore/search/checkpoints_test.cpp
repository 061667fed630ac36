// Checkpoints: what a search goes on with from the middle comes out as if it had been run from its beginning.
#include <gtest/gtest.h>

#include <memory>

#include "stress/explore/engine/strategies.h"
#include "stress/explore/search/search.h"
#include "tests/stress/explore/all_schedules.h"
#include "tests/stress/explore/little_subject.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here

SearchResult searched(const MakeSubject& make, SearchOptions options, bool checkpoints) {
  options.checkpoints = checkpoints;
  auto result = search(make, options);
  EXPECT_TRUE(result) << result.error();
  return std::move(*result);
}

void expect_alike(const SearchResult& a, const SearchResult& b) {
  EXPECT_EQ(a.nr_schedules, b.nr_schedules);
  EXPECT_EQ(a.nr_steps, b.nr_steps);
  EXPECT_EQ(a.nr_states, b.nr_states);
  EXPECT_EQ(a.ends, b.ends);
  EXPECT_EQ(a.outcomes.count, b.outcomes.count);
  EXPECT_EQ(a.outcomes.holes, b.outcomes.holes);
  EXPECT_EQ(a.events.v, b.events.v);
  EXPECT_EQ(a.is_complete, b.is_complete);
  EXPECT_EQ(a.bound, b.bound);
  EXPECT_EQ(a.nr_witnesses, b.nr_witnesses);
  ASSERT_EQ(a.witness.has_value(), b.witness.has_value());
  if (!a.witness) return;
  EXPECT_EQ(a.witness->index, b.witness->index);
  EXPECT_EQ(a.witness->decisions, b.witness->decisions);
  EXPECT_EQ(a.witness->nr_steps, b.witness->nr_steps);
}

struct Case {
  SmallRace race;
  u32 preemptions;
  bool reduced = true;
  EngineOptions engine{};
};

class CheckpointsChange : public testing::TestWithParam<Case> {};

TEST_P(CheckpointsChange, Nothing) {
  if (!Fibers::can_keep()) GTEST_SKIP() << "no checkpoints under sanitizers";
  const Case& c = GetParam();
  const SearchOptions options{.strategy = {StrategySpec::Kind::dfs, c.preemptions},
                              .engine = c.engine,
                              .reduced = c.reduced,
                              .stops_at_witness = false};
  const SearchResult from_start = searched(maker_of(c.race), options, false);
  const SearchResult gone_on = searched(maker_of(c.race), options, true);
  expect_alike(from_start, gone_on);
  EXPECT_EQ(from_start.nr_steps_taken, from_start.nr_steps);
  EXPECT_LT(gone_on.nr_steps_taken, gone_on.nr_steps) << "none was used";
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoints, CheckpointsChange,
    testing::Values(Case{{.ops = "restore+lookup", .design = "fake-head"}, 3},
                    Case{{.ops = "restore+lookup", .design = "fake-head"}, 2, false},
                    Case{{.ops = "optimise+walker", .design = "fake-head-rcu"}, 3},
                    Case{{.ops = "restore+optimise", .design = "shared-tail"}, 2},
                    Case{{.ops = "restore+lookup", .design = "fake-head", .flush_by = FlushBy::broadcast}, 2},
                    Case{{.ops = "split+restore", .design = "two-frame"}, 2},
                    Case{{.ops = "alloc+lookup", .design = "fake-head"}, 1},
                    Case{{.ops = "recycle+walker", .design = "fake-head-rcu"}, 1},
                    Case{{.ops = "demote+free", .design = "fake-head"}, 1},
                    Case{{.ops = "restore+lookup", .design = "fake-head"}, 1, true, {.most_evictions = 1}},
                    Case{{.ops = "restore+lookup", .design = "fake-head"}, 1, true, {.most_failures = 1}},
                    Case{{.ops = "alloc+poison", .design = "fake-head-copy"}, 1},
                    Case{{.ops = "gigantic+lookup",
                          .design = "fake-head",
                          .safeguards = Safeguards{}.without(Safeguard::key_before_remap)},
                         2,
                         true,
                         {.most_failures = 1}},
                    Case{{.ops = "recycle+walker",
                          .design = "fake-head-acquire",
                          .safeguards = Safeguards{}.without(Safeguard::walker_guard)},
                         2},
                    Case{{.ops = "restore+lookup+lookup", .design = "fake-head"}, 1}));

TEST(Checkpoints, StopAtTheSameWitness) {
  const MakeSubject make = maker_of({.ops = "restore+lookup", .design = "fake-head"});
  const SearchOptions options{.strategy = {StrategySpec::Kind::dfs, 3}, .find = Key::self_head};
  const SearchResult gone_on = searched(make, options, true);
  ASSERT_TRUE(gone_on.witness);
  expect_alike(searched(make, options, false), gone_on);
}

TEST(Checkpoints, SeveralWorkersSeeTheSame) {
  const MakeSubject make = maker_of({.ops = "restore+lookup", .design = "fake-head-rcu"});
  const SearchOptions options{.strategy = {StrategySpec::Kind::dfs, 3}, .nr_workers = 3, .stops_at_witness = false};
  const SearchResult gone_on = searched(make, options, true);
  expect_alike(searched(make, options, false), gone_on);
  if (Fibers::can_keep()) EXPECT_LT(gone_on.nr_steps_taken, gone_on.nr_steps);
}

TEST(Checkpoints, ASearchThatIsTakenUpAgainComesToTheSame) {
  const MakeSubject make = maker_of({.ops = "restore+optimise", .design = "fake-head"});
  SearchOptions options{.strategy = {StrategySpec::Kind::dfs, 2}, .stops_at_witness = false};
  const SearchResult at_once = searched(make, options, true);
  options.nr_schedules = at_once.nr_schedules / 2;
  const SearchResult first = searched(make, options, true);
  ASSERT_TRUE(first.rest);
  EXPECT_FALSE(first.is_complete);
  options.nr_schedules = 0;
  options.resume = &*first.rest;
  expect_alike(at_once, searched(make, options, true));
}

TEST(Checkpoints, EverySchedulesSecondRunFromTheBeginningEndsInTheSameState) {
  const MakeSubject make = maker_of({.ops = "restore+optimise", .design = "fake-head"});
  const SearchOptions options{
      .strategy = {StrategySpec::Kind::dfs, 2}, .check_determinism = true, .stops_at_witness = false};
  const SearchResult r = searched(make, options, true);
  EXPECT_EQ(r.nr_checked, r.nr_schedules);
  EXPECT_EQ(r.nr_undetermined, 0U);
  if (Fibers::can_keep()) EXPECT_LT(r.nr_steps_taken, r.nr_steps);
}

/// Two CPUs that add to words of their own. The first also counts where no checkpoint sees it.
TEST(Checkpoints, WhatAProgramKeepsToItselfIsFoundByTheSecondRun) {
  if (!Fibers::can_keep()) GTEST_SKIP() << "no checkpoints under sanitizers";
  const auto make_with = [](bool hides) {
    return [hides] {
      const auto hidden = std::make_shared<u64>(0);
      const LittleSubject::Body first = [hides, hidden](LittleSubject& s, Cpu& cpu) {
        *hidden = 0;
        for (u32 i = 0; i < 24; ++i) {
          if (hides) ++*hidden;
          cpu.write_once(s.word(0), hides ? *hidden : u64{i} + 1);
        }
      };
      const LittleSubject::Body second = [](LittleSubject& s, Cpu& cpu) {
        for (u32 i = 0; i < 24; ++i) cpu.write_once(s.word(1), u64{i});
      };
      auto subject = std::make_unique<LittleSubject>(std::vector{first, second});
      subject->allow_checkpoints();
      return subject;
    };
  };
  const SearchOptions options{
      .strategy = {StrategySpec::Kind::dfs, 1}, .reduced = false, .check_determinism = true, .stops_at_witness = false};
  const SearchResult honest = searched(make_with(false), options, true);
  EXPECT_LT(honest.nr_steps_taken, honest.nr_steps);
  EXPECT_EQ(honest.nr_undetermined, 0U);
  EXPECT_GT(searched(make_with(true), options, true).nr_undetermined, 0U);
}

}  // namespace
}  // namespace hvo::test
