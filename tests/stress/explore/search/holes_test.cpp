// The holes that kernels had are found from a cold start, in few schedules, with a story that a person can read; and
// where they were fixed there is none.
#include <gtest/gtest.h>

#include <algorithm>

#include "stress/explore/explain/retell.h"
#include "tests/stress/explore/all_schedules.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here

struct Hunt {
  std::string_view name;
  SmallRace race;
  Key find{};
  bool weak = false;
  bool is_there = true;
};

constexpr std::size_t kMostRows = 40;
constexpr u64 kMostSchedules = 120'000;  // of all passes; some seconds

class Hole : public testing::TestWithParam<Hunt> {};

TEST_P(Hole, IsFoundWhereItWasAndNowhereElse) {
  const Hunt& hunt = GetParam();
  const EngineOptions engine{.weak = hunt.weak};
  const auto result = search(
      maker_of(hunt.race),
      {.strategy = {StrategySpec::Kind::dfs, 2}, .nr_schedules = kMostSchedules, .engine = engine, .find = hunt.find});
  ASSERT_TRUE(result) << result.error();
  ASSERT_EQ(result->witness.has_value(), hunt.is_there) << result->nr_schedules << " schedules";
  if (!hunt.is_there) {
    EXPECT_TRUE(result->is_complete) << result->nr_schedules << " schedules";
    EXPECT_EQ(result->outcomes.nr_forbidden(), 0U);
    return;
  }
  EXPECT_LE(result->nr_schedules, 2000U) << "in a moment";
  const auto subject = make_subject(hunt.race);
  std::vector<Moment> moments;
  const Replayed replayed = replay(*subject, engine, 0, result->witness->decisions, &moments);
  EXPECT_NE(replayed.outcomes.of(hunt.find), 0U);
  const Told told = retell(*subject, engine, 0, replayed, moments);
  const Story story = told.story.at_most(kMostRows);
  EXPECT_LE(story.rows.size(), kMostRows);
  EXPECT_LE(story.nr_before, 2U) << "it begins where the story begins, or right after";
  EXPECT_TRUE(std::ranges::any_of(story.rows, &Row::is_culprit));
  EXPECT_FALSE(told.words.empty());
}

constexpr FlushBy kBroadcast = FlushBy::broadcast;
Safeguards without_acquire() { return Safeguards{}.without(Safeguard::walker_acquire); }

std::vector<Hunt> hunts() {
  std::vector<Hunt> all{
      {"rcu_order", {"recycle+filtered", "fake-head-rcu"}, Key::known_violation},
      {"acquire_is_enough", {"recycle+filtered", "fake-head-acquire"}, Key::violation, false, false},
      {"acquire_is_enough_on_arm64",
       {"recycle+filtered", "fake-head-acquire", kBroadcast},
       Key::violation,
       true,
       false},
      {"no_acquire_on_arm64",
       {"recycle+filtered", "fake-head-acquire", kBroadcast, false, without_acquire()},
       Key::violation,
       true},
      {"no_acquire_with_ipis",
       {"recycle+filtered", "fake-head-acquire", FlushBy::ipi, false, without_acquire()},
       Key::violation,
       true,
       false},
      {"no_acquire_in_order",
       {"recycle+filtered", "fake-head-acquire", kBroadcast, false, without_acquire()},
       Key::violation,
       false,
       false},
  };
  for (const std::string_view design : {"fake-head", "fake-head-rcu", "fake-head-acquire"}) {
    all.push_back({"self_head", {"lookup+restore", design}, Key::self_head});
  }
  for (const std::string_view design : {"two-frame", "fake-head"}) {
    all.push_back({"unfiltered_store", {"recycle+walker", design}, Key::known_violation});
    all.push_back({"filtered_store", {"recycle+filtered", design}, Key::known_violation});
  }
  // The answer to O1, per knob.
  for (const std::string_view walker : {"recycle+walker", "recycle+filtered"}) {
    const bool is_filtered = walker == "recycle+filtered";
    for (const FlushBy by : {FlushBy::ipi, kBroadcast}) {
      all.push_back({is_filtered ? "O1_filtered" : "O1", {walker, "shared-tail", by}, Key::known_violation});
      all.push_back({is_filtered ? "O1_filtered_ll_sc" : "O1_ll_sc",
                     {walker, "shared-tail", by, true},
                     Key::known_violation,
                     false,
                     false});
    }
  }
  return all;
}

std::string hunt_name(const testing::TestParamInfo<Hunt>& info) {
  std::string name = std::string(info.param.name) + "_" + std::string(info.param.race.design) +
                     (info.param.race.flush_by == kBroadcast ? "_broadcast" : "_ipi");
  std::ranges::replace(name, '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Hunts, Hole, testing::ValuesIn(hunts()), hunt_name);

}  // namespace
}  // namespace hvo::test
