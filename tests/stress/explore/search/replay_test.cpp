// A witness again, to the bit; the file that it is kept in; and what is left of it when it is shrunk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "stress/explore/search/schedule_file.h"
#include "stress/explore/search/shrink.h"
#include "tests/stress/explore/all_schedules.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here
using testing::HasSubstr;

/// A search by lots: its witnesses have more switches than they need.
ExploreOptions options_for(const std::string& subject, const std::string& find, std::string_view design) {
  ExploreWords words;
  words.subject = subject;
  words.run.design = design;
  words.find = find;
  words.strategy = "pct:3";
  words.schedules = "20000";
  words.workers = "1";
  return to_explore_options(words, "hvo-stress explore").value();
}

Witness witness_of(const ExploreOptions& options) {
  const auto result = search(subject_maker(options), options.search);
  EXPECT_TRUE(result && result->witness);
  return result->witness.value();
}

std::size_t nr_set(const std::vector<u8>& decisions) {
  return static_cast<std::size_t>(std::ranges::count_if(decisions, [](u8 d) { return d != 0; }));
}

TEST(Replay, ComesToTheSameStateInAsManySteps) {
  const ExploreOptions options = options_for("recycle+filtered", "known-hole", "fake-head");
  const Witness w = witness_of(options);
  const auto subject = subject_maker(options)().value();
  std::vector<Moment> moments;
  const Replayed first = replay(*subject, {}, variant_of(w.strategy, w.index), w.decisions, &moments);
  EXPECT_EQ(first.nr_steps, w.nr_steps);
  EXPECT_EQ(first.end, w.end);
  EXPECT_FALSE(first.has_strayed);
  EXPECT_EQ(first.outcomes.count, w.outcomes.count);
  EXPECT_EQ(first.violations.size(), 1U);
  EXPECT_GT(moments.size(), w.nr_steps / 2);
  // On another machine too, and with nobody recording.
  const auto other = subject_maker(options)().value();
  const Replayed again = replay(*other, {}, variant_of(w.strategy, w.index), w.decisions, nullptr);
  EXPECT_EQ(again.state_hash, first.state_hash);
  EXPECT_EQ(again.nr_steps, first.nr_steps);
}

TEST(Replay, NoticesDecisionsThatAreNoneOfItsAlternatives) {
  const auto subject = make_subject({.ops = "lookup+restore"});
  EXPECT_FALSE(replay(*subject, {}, 0, std::vector<u8>{0, 1}, nullptr).has_strayed);
  EXPECT_TRUE(replay(*subject, {}, 0, std::vector<u8>{0, 7}, nullptr).has_strayed);
}

ScheduleFile sample_file() {
  Witness w{.strategy = {StrategySpec::Kind::pct, 3},
            .seed = 9,
            .index = 12,
            .decisions = {0, 0, 1, 0, 2, 0, 0},
            .end = End::violation,
            .outcomes = {},
            .state_hash = 0xfedcba9876543210,
            .nr_steps = 77};
  w.outcomes.add(Key::violation);
  return {.program = "--scenario lookup",
          .subject = "lookup",
          .witness = w,
          .start_hash = 5,
          .command = "hvo-stress explore"};
}

TEST(ScheduleFile, IsReadAsItWasWritten) {
  const ScheduleFile file = sample_file();
  const auto read = parse_schedule(schedule_text(file));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->program, file.program);
  EXPECT_EQ(read->command, file.command);
  EXPECT_EQ(read->start_hash, file.start_hash);
  EXPECT_EQ(read->witness.strategy, file.witness.strategy);
  EXPECT_EQ(read->witness.seed, 9U);
  EXPECT_EQ(read->witness.index, 12U);
  EXPECT_EQ(read->witness.end, End::violation);
  EXPECT_EQ(read->witness.state_hash, file.witness.state_hash);
  EXPECT_EQ(read->witness.nr_steps, 77U);
  EXPECT_EQ(read->witness.outcomes.of(Key::violation), 1U);
  // Where a schedule says nothing more nobody is preempted: zeros at the end say nothing.
  EXPECT_EQ(read->witness.decisions, (std::vector<u8>{0, 0, 1, 0, 2}));
}

TEST(ScheduleFile, IsRefusedInOneClearLineWhenItIsDamaged) {
  const std::string text = schedule_text(sample_file());
  const auto with = [&text](const std::string& from, const std::string& to) {
    std::string damaged = text;
    const auto at = damaged.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return damaged.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> damaged{
      {"", "is no schedule"},
      {"{}", "is no schedule"},
      {"[1, 2]", "is no schedule"},
      {text.substr(0, text.size() / 2), "is no schedule"},
      {with("\"hvolab_schedule\": 1", "\"hvolab_schedule\": 2"), "format 2"},
      {with("\"program\"", "\"pogrom\""), "damaged"},
      {with("\"pct:3\"", "\"pct:99\""), "damaged"},
      {with("\"2 1 1 2\"", "\"2 1 1\""), "damaged"},
      {with("\"2 1 1 2\"", "\"2 1 x 2\""), "damaged"},
      {with("\"2 1 1 2\"", "\"2 1 99999999999 2\""), "damaged"},
      {with("\"2 1 1 2\"", "\"2 999\""), "damaged"},
      {with("\"2 1 1 2\"", "[2, 1]"), "damaged"},
      {with("\"fedcba9876543210\"", "\"of the union\""), "damaged"},
      {with("\"violation\",", "\"a bang\","), "damaged"},
      {with("77", "\"77\""), "damaged"},
  };
  for (const auto& [t, why] : damaged) {
    const auto read = parse_schedule(t);
    ASSERT_FALSE(read) << t;
    EXPECT_THAT(read.error(), HasSubstr(why));
    EXPECT_EQ(read.error().find('\n'), std::string::npos);
  }
}

/// Schedules, not time: what is left is the same on any host.
constexpr ShrinkLimits kLimits{.seconds_each = 600, .schedules_each = 20000, .seconds = 3600};

TEST(Shrink, KeepsTheFailureAndNeverGrows) {
  for (const auto& [subject, find, design] : {std::tuple{"recycle+filtered", "known-hole", "fake-head"},
                                              std::tuple{"lookup+restore", "self-head", "fake-head"},
                                              std::tuple{"recycle+walker", "known-hole", "shared-tail"}}) {
    SCOPED_TRACE(subject);
    ExploreOptions options = options_for(subject, find, design);
    const Witness w = witness_of(options);
    const auto shrunk = shrink(options, w, kLimits);
    ASSERT_TRUE(shrunk) << shrunk.error();
    EXPECT_EQ(shrunk->nr_switches_before, nr_set(w.decisions));
    EXPECT_EQ(shrunk->nr_switches_after, nr_set(shrunk->witness.decisions));
    EXPECT_LE(shrunk->nr_switches_after, shrunk->nr_switches_before);
    EXPECT_LE(shrunk->nr_switches_after, 6U) << "three preemptions and their returns at most";
    const auto again = subject_maker(options)().value();
    const Replayed r = replay(*again, {}, 0, shrunk->witness.decisions, nullptr);
    EXPECT_TRUE(is_same(failure_of(w.outcomes, w.end, options.search.find), r.outcomes, r.end));
    EXPECT_EQ(r.nr_steps, shrunk->witness.nr_steps);
    EXPECT_EQ(r.state_hash, shrunk->witness.state_hash);
    EXPECT_FALSE(r.has_strayed);
  }
}

/// What a replay makes of the words that a schedule file keeps.
ExploreOptions reread(const ExploreOptions& options) {
  CLI::App app;
  ExploreWords words;
  add_explore_options(app, words);
  app.parse(program_words(options), false);
  return to_explore_options(words, "hvo-stress explore").value();
}

/// Of a scenario, or small operations, by the strategy that is usual.
ExploreOptions shrunk_of(const ExploreWords& words) {
  ExploreOptions options = to_explore_options(words, "hvo-stress explore").value();
  const Witness w = witness_of(options);
  const Shrunk shrunk = shrink(options, w, kLimits).value();
  EXPECT_EQ(shrunk.after, size_of(options)) << "the options make what is left";
  // As the file is read: to the bit.
  const ExploreOptions again = reread(options);
  const Witness& left = shrunk.witness;
  const auto replayed = [&left](const ExploreOptions& o) {
    const auto subject = subject_maker(o)().value();
    return replay(*subject, o.search.engine, variant_of(left.strategy, left.index), left.decisions, nullptr);
  };
  const Replayed r = replayed(again);
  EXPECT_TRUE(is_same(failure_of(w.outcomes, w.end, options.search.find), r.outcomes, r.end));
  EXPECT_FALSE(r.has_strayed) << program_words(options);
  EXPECT_EQ(r.nr_steps, left.nr_steps) << program_words(options);
  EXPECT_EQ(r.state_hash, replayed(options).state_hash) << program_words(options);
  return options;
}

ExploreWords words_for(const std::string& subject, const std::string& find, const std::string& design) {
  ExploreWords words;
  words.subject = subject;
  words.run.design = design;
  words.find = find;
  words.workers = "1";
  return words;
}

TEST(Shrink, LeavesFewerOperationsAndCpusOfAScenario) {
  ExploreWords words = words_for("walker_vs_remap", "known-hole", "fake-head");
  words.ops = "6";
  words.run.cpus = "4";
  const ExploreOptions left = shrunk_of(words);
  EXPECT_LT(left.nr_ops, 6U);
  EXPECT_EQ(left.machine.nr_cpus, 2U) << "the walker and who makes the hugepage";
}

TEST(Shrink, LeavesFewerHugepagesInThePools) {
  ExploreWords words = words_for("demote_vs_alloc", "", "fake-head");
  words.run.pool = "8K=6,32K=1";
  words.run.without = {"split-page"};
  const ExploreOptions left = shrunk_of(words);
  EXPECT_LT(size_of(left).nr_folios, 7U) << left.words.run.pool;
}

TEST(Shrink, LeavesOutOperationsThatTakeNoPart) {
  EXPECT_EQ(shrunk_of(words_for("lookup+recycle+walker", "known-hole", "shared-tail")).subject, "recycle+walker");
}

TEST(Shrink, LeavesNoReadersAlone) {
  // What is wrong was wrong before the lookup, had the folio been made beforehand.
  ExploreWords words = words_for("alloc+lookup", "", "fake-head-copy");
  words.run.without = {"flag-before-copy"};
  EXPECT_EQ(shrunk_of(words).subject, "alloc");
  EXPECT_EQ(shrunk_of(words_for("recycle+walker", "known-hole", "fake-head")).subject, "recycle+walker");
}

TEST(Shrink, OfWhatOneCpuDoesAloneNothingElseIsLeft) {
  ExploreWords words = words_for("lookup+optimise", "", "fake-head");
  words.run.without = {"split-page"};
  EXPECT_EQ(shrunk_of(words).subject, "optimise");
}

TEST(Shrink, NothingIsTriedWhenTheTimeIsUp) {
  ExploreWords words = words_for("lookup+recycle+walker", "known-hole", "shared-tail");
  ExploreOptions options = to_explore_options(words, "hvo-stress explore").value();
  const Witness w = witness_of(options);
  bool tried = false;
  const auto shrunk =
      shrink(options, w, {.seconds_each = 1, .seconds = 0}, [&](const ExploreOptions&) { tried = true; });
  EXPECT_FALSE(tried);
  EXPECT_EQ(shrunk.value().witness.decisions, w.decisions);
  EXPECT_EQ(shrunk->after, shrunk->before);
}

TEST(Shrink, AnotherFailureDoesNotDo) {
  Outcomes trap;
  trap.add(Key::violation);
  trap.keep({.rule = Rule::read_only_store, .op = Op::pfn_walk_filtered, .what = {}});
  const Failure failure = failure_of(trap, End::done, {});
  EXPECT_TRUE(is_same(failure, trap, End::done));
  Outcomes by_other;
  by_other.add(Key::violation);
  by_other.keep({.rule = Rule::read_only_store, .op = Op::pfn_walk_unfiltered, .what = {}});
  EXPECT_FALSE(is_same(failure, by_other, End::done));
  Outcomes stuck;
  stuck.add(Key::stuck);
  EXPECT_FALSE(is_same(failure, stuck, End::deadlock));
  EXPECT_FALSE(is_same(failure, {}, End::done));
  EXPECT_TRUE(is_same(failure_of(stuck, End::deadlock, Key::stuck), stuck, End::deadlock));
  EXPECT_FALSE(is_same(failure_of(stuck, End::deadlock, Key::stuck), stuck, End::endless)) << "not for the same reason";
  EXPECT_TRUE(is_same(failure_of(trap, End::done, Key::stuck), trap, End::done))
      << "what must not be is never passed over";
  Outcomes hole;
  hole.add(Key::known_violation);
  hole.holes[1] = 1;
  Outcomes other_hole;
  other_hole.add(Key::known_violation);
  other_hole.holes[0] = 1;
  const Failure known = failure_of(hole, End::done, Key::known_violation);
  EXPECT_TRUE(is_same(known, hole, End::done));
  EXPECT_FALSE(is_same(known, other_hole, End::done)) << "another hole of the same design";
}

}  // namespace
}  // namespace hvo::test
