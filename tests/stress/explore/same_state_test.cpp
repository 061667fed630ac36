// The same seed ends in the same state, to the bit, in every build: these numbers hold for clang and g++, debug and
// release, with sanitizers and without.
#include <gtest/gtest.h>

#include "stress/explore/options.h"

namespace hvo::stress {
namespace {

struct Known {
  const char* subject;
  const char* design;
  const char* strategy;
  u64 seed;
  u64 index;
  u32 nr_steps;
  u64 state;
};

ExploreOptions options_of(const Known& known) {
  ExploreWords words;
  words.subject = known.subject;
  words.run.design = known.design;
  words.run.seed = std::to_string(known.seed);
  words.strategy = known.strategy;
  return to_explore_options(words, "explore").value();
}

class SameState : public testing::TestWithParam<Known> {};

TEST_P(SameState, InEveryBuild) {
  const Known& known = GetParam();
  const ExploreOptions options = options_of(known);
  const auto subject = subject_maker(options)().value();
  const u64 variant = variant_of(options.search.strategy, known.index);
  ExploringEngine engine(subject->machine().cpus(), options.search.engine);
  const auto strategy =
      make_random_strategy(options.search.strategy, {.seed = known.seed, .first = known.index}, {.steps = {100, 100}});
  ASSERT_TRUE(strategy->begin());
  subject->restart(variant);
  EXPECT_EQ(engine.run(*subject, *strategy), End::done);
  EXPECT_EQ(engine.nr_steps(), known.nr_steps);
  EXPECT_EQ(subject->machine().state_hash(), known.state) << std::hex << subject->machine().state_hash();
}

INSTANTIATE_TEST_SUITE_P(
    Schedules, SameState,
    testing::Values(Known{"restore+lookup", "fake-head", "random:8", 1, 0, 35, 0xdb1de3bdf102b8eb},
                    Known{"recycle+filtered", "fake-head-rcu", "pct:3", 2, 5, 126, 0x29d3f36d51968473},
                    Known{"free+alloc", "shared-tail", "urw", 3, 7, 318, 0x5d36abb535a607a},
                    Known{"demote+alloc", "two-frame", "random:8", 4, 1, 489, 0x65b79b274d12c703},
                    Known{"mixed", "fake-head-acquire", "random:16", 5, 2, 1402, 0x397b2bcd9901d07e},
                    Known{"enomem_rollback", "fake-head-copy", "pct:4", 6, 3, 219, 0xc79a010fabcde715}));

}  // namespace
}  // namespace hvo::stress
