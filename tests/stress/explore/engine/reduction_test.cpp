// Schedules that are left out differ in nothing; and schedules of one trace end in one state.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/stress/explore/all_schedules.h"

namespace hvo::test {
namespace {

struct Reduced {
  SmallRace race;
  u32 preemptions = 1;
  bool weak = false;
};

class Reduction : public testing::TestWithParam<Reduced> {};

TEST_P(Reduction, LeavesOutNoOutcomeNoStateAndNoTrace) {
  const Reduced& p = GetParam();
  const auto subject = make_subject(p.race);
  const stress::EngineOptions options{.weak = p.weak};
  const Seen all = all_schedules(*subject, p.preemptions, false, options);
  const Seen reduced = all_schedules(*subject, p.preemptions, true, options);
  EXPECT_LE(reduced.nr_schedules, all.nr_schedules);
  EXPECT_EQ(reduced.outcomes, all.outcomes);
  EXPECT_EQ(reduced.states, all.states);
  EXPECT_TRUE(reduced.traces_but_for_interrupts == all.traces_but_for_interrupts)
      << reduced.traces_but_for_interrupts.size() << " of " << all.traces_but_for_interrupts.size() << " traces";
  // The same trace is the same state, so a state that differs is another trace.
  EXPECT_EQ(all.ends.size(), all.traces().size()) << "one trace, two states";
}

std::vector<Reduced> sample() {
  std::vector<Reduced> all;
  for (const Design& design : kDesigns) {
    for (const std::string_view ops : {"lookup+restore", "walker+optimise", "filtered+restore", "optimise+split",
                                       "restore+restore", "lookup+split", "optimise+restore"}) {
      all.push_back({.race = {.ops = ops, .design = design.name}});
    }
    all.push_back({.race = {.ops = "lookup+restore", .design = design.name, .flush_by = FlushBy::broadcast}});
  }
  for (const std::string_view design : {"fake-head-rcu", "shared-tail"}) {
    all.push_back({.race = {.ops = "lookup+restore", .design = design}, .preemptions = 2});
    all.push_back({.race = {.ops = "walker+restore", .design = design}, .preemptions = 2});
    all.push_back({.race = {.ops = "recycle+filtered", .design = design}});
    all.push_back({.race = {.ops = "lookup+free", .design = design}});
    all.push_back({.race = {.ops = "lookup+restore", .design = design, .flush_by = FlushBy::broadcast}, .weak = true});
  }
  all.push_back({.race = {.ops = "recycle+walker", .design = "two-frame"}});
  all.push_back({.race = {.ops = "lookup+lookup+restore", .design = "fake-head"}});
  return all;
}

std::string reduction_name(const testing::TestParamInfo<Reduced>& info) {
  const Reduced& p = info.param;
  std::string name = std::string(p.race.design) + "_" + std::string(p.race.ops) + "_" + std::to_string(p.preemptions) +
                     (p.race.flush_by == FlushBy::broadcast ? "_broadcast" : "") + (p.weak ? "_weak" : "");
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '+'; }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Pairs, Reduction, testing::ValuesIn(sample()), reduction_name);

}  // namespace
}  // namespace hvo::test
