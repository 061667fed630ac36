#include "stress/command_line.h"

#include <gmock/gmock.h>

#include "stress/host/memory.h"

namespace hvo::stress {
namespace {

using testing::HasSubstr;

/// Parses as the program does. Error: what the user would read.
std::expected<RunOptions, std::string> parse(const std::string& line) {
  CLI::App app;
  RunWords words;
  add_run_options(app, words);
  try {
    app.parse(line);
  } catch (const CLI::ParseError& e) {
    return std::unexpected(e.what());
  }
  return to_options(words, "hvo-stress");
}

struct Bad {
  const char* line;
  const char* why;
};
// A test per line: what a user gets wrong, and what must be said.
class BadLine : public testing::TestWithParam<Bad> {};

TEST_P(BadLine, IsRefusedInOneLine) {
  const auto options = parse(GetParam().line);
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error(), HasSubstr(GetParam().why));
  EXPECT_EQ(options.error().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, BadLine,
    testing::Values(Bad{"--scenario x", "known: mixed"}, Bad{"--design x", "or a kernel version"},
                    Bad{"--design 4.19", "began with 5.14"}, Bad{"--geometry x", "known: x86-64, tiny"},
                    Bad{"--without x", "known: flush-before-free"}, Bad{"--without split-page x", "not expected"},
                    Bad{"--cpus 0", "--cpus must be 1 to 64"}, Bad{"--cpus 65", "--cpus must be 1 to 64"},
                    Bad{"--cpus 2x", "not '2x'"}, Bad{"--cpus \"\"", "--cpus"}, Bad{"--json \"\"", "--json"},
                    Bad{"--cpus 2 --cpus 3", "--cpus"}, Bad{"--threads 0", "--threads must be"},
                    Bad{"--threads 100000", "--threads must be"}, Bad{"--ops 0", "--ops must be"},
                    Bad{"--ops 99999999999999999999", "--ops must be"}, Bad{"--rounds 0", "--rounds must be"},
                    Bad{"--seconds 0", "more than 0"}, Bad{"--seconds inf", "more than 0"},
                    Bad{"--seconds 1 --rounds 2", "contradict"}, Bad{"--ops 1 --rounds 2", "contradict"},
                    Bad{"--seed -1", "--seed must be 0 to"}, Bad{"--seed 18446744073709551616", "--seed must be 0 to"},
                    Bad{"--hang-timeout 0", "--hang-timeout"}, Bad{"--memory 0", "--memory must be"},
                    Bad{"--memory 999999999999", "--memory must be"}, Bad{"--fail-alloc nth", "nth:N"},
                    Bad{"--fail-alloc rate:0", "at least 1"}, Bad{"--pool 2M=512 --memory 1024", "needs"},
                    Bad{"--pool 1G=99999999", "must be 1 to"}, Bad{"--geometry tiny --pool 2M=1", "known: 8K, 32K"},
                    Bad{"--perturb x", "never, some or always"}, Bad{"--flush x", "ipi or broadcast"},
                    Bad{"--nodes 5", "1 to 4"}, Bad{"--nodes 2 --memory 3072 --pool 2M=1", "4096 can"},
                    Bad{"--plant x", "takes hang"}, Bad{"extra", "not expected"}));

TEST(CommandLine, APoolLargerThanMemorySaysWhatIsNeededAndWhatIsThere) {
  const auto options = parse("--pool 2M=512 --memory 512");
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error(), testing::ContainsRegex("needs 10[0-9]+ MiB.*there are 512 MiB"));
}

TEST(CommandLine, MemoryIsWhatNodesNeedUnlessItIsAskedFor) {
  const RunOptions o = parse("--nodes 2").value();
  EXPECT_EQ(o.machine.nr_nodes, 2U);
  EXPECT_EQ(o.machine.memory_pages, pages_for_nodes(o.machine.geometry, o.machine.memory_pages, 2));
  EXPECT_EQ(parse("--nodes 2 --memory 4096")->machine.memory_pages, u64{1} << 20);
  EXPECT_EQ(parse("")->machine.nr_nodes, 1U);
}

TEST(CommandLine, OneLimitReplacesTheDefaultTime) {
  EXPECT_EQ(parse("")->seconds, 10);
  EXPECT_EQ(parse("--ops 5")->seconds, 0);
  EXPECT_EQ(parse("--rounds 5")->nr_rounds, 5U);
}

TEST(CommandLine, ADesignIsNamedOrIsThatOfAKernel) {
  EXPECT_EQ(parse("--design 6.12")->machine.design->name, "fake-head-rcu");
  EXPECT_EQ(parse("--design none")->machine.design->name, "none");
}

TEST(CommandLine, WithoutASeedEachRunHasItsOwn) { EXPECT_NE(parse("")->seed, parse("")->seed); }

TEST(CommandLine, RepeatsEveryOptionThatShapesTheRun) {
  const char* line =
      "--scenario enomem_rollback --design two-frame --cpus 3 --threads 2 --nodes 2 --pool 2M=7 --memory 512 --flush "
      "broadcast "
      "--ll-sc --fail-alloc every:9 --without split-page,flush-before-free --swarm --perturb always --hang-timeout 3 "
      "--ops 77 --seed 0x10";
  const RunOptions once = parse(line).value();
  const std::string command = command_of(once);
  const std::string prefix = "hvo-stress run ";
  ASSERT_TRUE(command.starts_with(prefix));
  const auto twice = parse(command.substr(prefix.size()));
  ASSERT_TRUE(twice) << twice.error();
  EXPECT_EQ(command_of(*twice), command);
  for (const char* part : {"--seed 16", "--ops 77", "--swarm", "--fail-alloc every:9", "--perturb always",
                           "--without flush-before-free,split-page", "--pool 2M=7", "--memory 512", "--ll-sc",
                           "--nodes 2", "--flush broadcast", "--hang-timeout 3", "--cpus 3", "--threads 2"}) {
    EXPECT_THAT(command, HasSubstr(part));
  }
}

TEST(CommandLine, TheRepeatOfARoundIsOneRoundWithItsSeed) {
  const RunOptions o = parse("--seed 100 --seconds 9").value();
  const RunOptions round = parse(command_of_round(o, 5).substr(std::string("hvo-stress run ").size())).value();
  EXPECT_EQ(round.seed, 105U);
  EXPECT_EQ(round.nr_rounds, 1U);
  EXPECT_EQ(round.seconds, 0);
}

TEST(CommandLine, AProgramNameIsQuotedForTheShell) {
  RunOptions o = parse("").value();
  o.program = "/a dir/it's";
  EXPECT_TRUE(command_of(o).starts_with("'/a dir/it'\\''s' run ")) << command_of(o);
}

TEST(HostMemory, IsKnownHere) { EXPECT_GT(host_memory_available().value_or(0), u64{1} << 20); }

TEST(HostMemory, RefusesAMachineThatDoesNotFitAndSaysTheNumbers) {
  const RunOptions o = parse("--memory 4096").value();
  EXPECT_TRUE(check_host_memory(o.machine, u64{1} << 40));
  EXPECT_TRUE(check_host_memory(o.machine, std::nullopt));
  const auto refused = check_host_memory(o.machine, u64{10} << 20);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), testing::ContainsRegex("4096 MiB needs [0-9]+ MiB .* 10 MiB are available"));
}

}  // namespace
}  // namespace hvo::stress
