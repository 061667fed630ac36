// The words that name an explored program in a schedule file: read again, they make the same program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stress/explore/options.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here
using testing::HasSubstr;

std::expected<ExploreOptions, std::string> parsed(const std::string& text) {
  CLI::App app;
  ExploreWords words;
  add_explore_options(app, words);
  app.parse(text, false);
  return to_explore_options(words, "hvo-stress explore");
}

u64 start_of(const ExploreOptions& options) { return subject_maker(options)().value()->machine().state_hash(); }

void expect_same(const ExploreOptions& a, const ExploreOptions& b) {
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.nr_ops, b.nr_ops);
  EXPECT_EQ(a.search.seed, b.search.seed);
  const MachineConfig& m = a.machine;
  const MachineConfig& n = b.machine;
  EXPECT_EQ(m.design, n.design);
  EXPECT_EQ(m.geometry.name, n.geometry.name);
  EXPECT_EQ(m.nr_cpus, n.nr_cpus);
  EXPECT_EQ(m.nr_nodes, n.nr_nodes);
  EXPECT_EQ(m.memory_pages, n.memory_pages);
  EXPECT_EQ(m.self_hosted_pages, n.self_hosted_pages);
  for (std::size_t i = 0; i < m.pools.size(); ++i) {
    EXPECT_EQ(m.pools[i].order, n.pools[i].order);
    EXPECT_EQ(m.pools[i].nr_huge_pages, n.pools[i].nr_huge_pages);
    EXPECT_EQ(m.pools[i].at_boot, n.pools[i].at_boot);
  }
  EXPECT_EQ(m.flush_by, n.flush_by);
  EXPECT_EQ(m.ll_sc, n.ll_sc);
  EXPECT_EQ(m.break_before_make, n.break_before_make);
  EXPECT_EQ(removed_text(m.safeguards), removed_text(n.safeguards));
  EXPECT_EQ(failures_text(m.failures), failures_text(n.failures));
  EXPECT_EQ(a.search.engine.weak, b.search.engine.weak);
  EXPECT_EQ(a.search.engine.most_evictions, b.search.engine.most_evictions);
  EXPECT_EQ(a.search.engine.most_failures, b.search.engine.most_failures);
  EXPECT_EQ(a.search.engine.most_steps, b.search.engine.most_steps);
  EXPECT_EQ(start_of(a), start_of(b));
}

TEST(ProgramWords, MakeTheSameProgramAgain) {
  for (const std::string text :
       {"--scenario restore+lookup", "--scenario restore+lookup+lookup --design shared-tail --flush broadcast",
        "--scenario mixed", "--scenario mixed --geometry x86-64 --pool 2M=3", "--scenario mixed --geometry tiny-chain",
        "--scenario mixed --fail-alloc rate:6", "--scenario enomem_rollback",
        "--scenario enomem_rollback --fail-alloc none", "--scenario demote_vs_alloc --cpus 3 --ops 2",
        "--scenario batch_flush --pool 8K=2", "--scenario mixed --nodes 2 --hot-added 1",
        "--scenario mixed --design shared-tail --at-boot", "--scenario mixed --ll-sc --break-before-make",
        "--scenario mixed --without split-page,page-table-lock", "--scenario recycle+walker --memory weak",
        "--scenario mixed --evict 2 --fail 1 --max-steps 5000 --seed 7"}) {
    SCOPED_TRACE(text);
    const auto options = parsed(text);
    ASSERT_TRUE(options) << options.error();
    const auto again = parsed(program_words(*options));
    ASSERT_TRUE(again) << program_words(*options) << ": " << again.error();
    expect_same(*options, *again);
  }
}

TEST(ProgramWords, KeepWhatWasAskedFor) {
  const auto options = parsed("--scenario mixed --at-boot --hot-added 1 --pool 8K=5,32K=2 --design shared-tail");
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->machine.pools[0].nr_huge_pages, 5U);
  EXPECT_TRUE(options->machine.pools[1].at_boot);
  EXPECT_NE(options->machine.self_hosted_pages, 0U);
  EXPECT_TRUE(subject_maker(*options)());
}

TEST(ProgramWords, APoolOfAnySizeFindsRoomUnderEveryDesign) {
  for (const Design& design : kDesigns) {
    for (const char* pool : {"8K=1", "8K=700,32K=40"}) {
      const auto options =
          parsed(std::string("--scenario mixed --pool ") + pool + " --design " + std::string(design.name));
      ASSERT_TRUE(options) << options.error();
      const auto subject = subject_maker(*options)();
      EXPECT_TRUE(subject) << design.name << ", " << pool << ": " << subject.error();
    }
  }
}

TEST(ProgramWords, SmallOperationsRefuseWhatTheyWouldNotHeed) {
  for (const char* option : {"--cpus 3", "--pool 8K=2", "--at-boot", "--hot-added 1", "--ops 2"}) {
    const auto options = parsed(std::string("--scenario restore+lookup --design shared-tail ") + option);
    ASSERT_FALSE(options) << option;
    EXPECT_THAT(options.error(), HasSubstr("small operation"));
  }
}

TEST(ProgramWords, OfARunThatIsExploredNameItsGeometryOnlyForPools) {
  RunWords words;
  words.scenario = "enomem_rollback";
  words.seed = "5";
  const auto command = [&] { return command_of_exploration(to_options(words, "./hvo stress").value(), 0); };
  EXPECT_EQ(command(), "./hvo explore --scenario enomem_rollback --seed 5");
  words.fail_alloc = "none";
  words.pool = "2M=8";
  EXPECT_EQ(command(),
            "./hvo explore --scenario enomem_rollback --geometry x86-64 --pool 2M=8 --fail-alloc none --seed 5");
}

}  // namespace
}  // namespace hvo::test
