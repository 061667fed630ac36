#include "stress/command_line.h"

#include <gmock/gmock.h>

#include "program/usage.h"
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
    return std::unexpected(plain_words(e));
  }
  return to_options(words, "hvo-stress run");
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
                    Bad{"--without x", "known: split-page"}, Bad{"--without split-page x", "unknown argument x"},
                    Bad{"--cpus 0", "--cpus must be 1 to 64"}, Bad{"--cpus 65", "--cpus must be 1 to 64"},
                    Bad{"--cpus 2x", "not '2x'"}, Bad{"--cpus \"\"", "--cpus"}, Bad{"--json \"\"", "--json"},
                    Bad{"--cpus 2 --cpus 3", "--cpus is given more than once"},
                    Bad{"--cpus", "--cpus needs a value: N"}, Bad{"--threads 0", "--threads must be"},
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
                    Bad{"--nodes 5", "1 to 4"}, Bad{"--mmu x", "software or host, not 'x'"},
                    Bad{"--mmu host --ll-sc", "contradict"}, Bad{"--mmu host --geometry arm64-64k", "4 KiB pages"},
                    Bad{"--mmu host --without flag-before-copy --design 6.12", "nothing with --mmu host"},
                    Bad{"--nodes 2 --memory 3072 --pool 2M=1", "4096 can"}, Bad{"--plant x", "takes hang"},
                    Bad{"extra", "unknown argument extra"}, Bad{"extra more", "unknown arguments extra more"},
                    Bad{"--design v4.19.3", "began with 5.14"}, Bad{"--design 6", "or a kernel version"},
                    Bad{"--design 6.12.3.4", "or a kernel version"}, Bad{"--design 6.", "or a kernel version"},
                    Bad{"--pool 1G=16384", "take a smaller --pool"}, Bad{"--hot-added 0", "--hot-added must be"},
                    Bad{"--without self-hosted-check", "without --hot-added"},
                    Bad{"--without self-hosted-check --hot-added 128 --design none", "never gets there"},
                    Bad{"--without flag-before-copy", "with --design fake-head"},
                    Bad{"--without reset-struct-pages --design 7.1", "changes nothing"},
                    Bad{"--without split-recheck --design two-frame", "changes nothing"},
                    Bad{"--without split-page --geometry arm64-64k", "on arm64-64k"}));

TEST(CommandLine, APoolLargerThanMemorySaysWhatIsNeededAndWhatIsThere) {
  const auto options = parse("--pool 2M=512 --memory 512");
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error(), testing::ContainsRegex("needs 10[0-9]+ MiB.*there are 512 MiB"));
}

TEST(CommandLine, TheMemoryThatItAsksForIsEnough) {
  for (const std::string rest : {" --pool 2M=512", " --pool 1G=3 --nodes 2", " --geometry tiny --pool 8K=4000", ""}) {
    const auto refused = parse("--memory 1" + rest);
    ASSERT_FALSE(refused) << rest;
    constexpr std::string_view kAdvice = "give --memory ";
    const auto at = refused.error().find(kAdvice);
    ASSERT_NE(at, std::string::npos) << refused.error();
    const u64 mib = std::stoull(refused.error().substr(at + kAdvice.size()));
    const auto options = parse("--memory " + std::to_string(mib) + rest);
    ASSERT_TRUE(options) << options.error();
    const auto machine = Machine::create(options->machine);
    EXPECT_TRUE(machine) << machine.error();
  }
}

TEST(CommandLine, MemoryThatIsRoundedUpIsNamed) {
  EXPECT_EQ(parse("").value().note, "");
  EXPECT_EQ(parse("--pool 2M=4 --memory 128").value().note, "");
  EXPECT_EQ(parse("--hot-added 128").value().note, "");
  EXPECT_THAT(parse("--pool 2M=4 --memory 64").value().note, HasSubstr("memory is 128 MiB: rounded"));
  const RunOptions o = parse("--pool 2M=4 --memory 64 --hot-added 1").value();
  EXPECT_THAT(o.note, HasSubstr("memory is 256 MiB, of it 128 hot-added: rounded"));
  EXPECT_EQ(o.machine.self_hosted_pages, u64{128} << 8);
  const RunOptions nodes = parse("--nodes 2 --memory 4096 --hot-added 128").value();
  EXPECT_THAT(nodes.note, HasSubstr("memory is 6144 MiB, of it 128 hot-added: rounded up to whole PMDs"));
  EXPECT_THAT(nodes.note, HasSubstr("2 equal nodes"));
  EXPECT_EQ(nodes.machine.memory_pages, u64{6144} << 8);
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
  for (const char* line : {"--design 6.12", "--design v6.12", "--design 6.12.3", "--design v6.12.103"}) {
    EXPECT_EQ(parse(line)->machine.design->name, "fake-head-rcu") << line;
  }
  EXPECT_EQ(parse("--design none")->machine.design->name, "none");
}

TEST(CommandLine, WithoutASeedEachRunHasItsOwn) { EXPECT_NE(parse("")->seed, parse("")->seed); }

TEST(CommandLine, RepeatsEveryOptionThatShapesTheRun) {
  const char* line =
      "--scenario enomem_rollback --design two-frame --cpus 3 --threads 77 --nodes 2 --pool 2M=7 --memory 512 --flush "
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
                           "--without split-page,flush-before-free", "--pool 2M=7", "--memory 512", "--ll-sc",
                           "--nodes 2", "--flush broadcast", "--hang-timeout 3", "--cpus 3", "--threads 77",
                           "--scenario enomem_rollback", "--design two-frame"}) {
    EXPECT_THAT(command, HasSubstr(part));
  }
}

TEST(CommandLine, AnEndAtTheFirstForbiddenOutcomeIsPartOfTheRunAndNotOfOneRound) {
  const RunOptions o = parse("--stop-at-first --seed 1").value();
  EXPECT_TRUE(o.stops_at_first);
  EXPECT_EQ(command_of(o), "hvo-stress run --stop-at-first --seed 1");
  EXPECT_EQ(command_of_round(o, 0), "hvo-stress run --rounds 1 --seed 1");
  EXPECT_FALSE(parse("").value().stops_at_first);
}

TEST(CommandLine, TheRepeatLeavesOutWhatIsTheDefault) {
  EXPECT_EQ(command_of(parse("--seed 1").value()), "hvo-stress run --seed 1");
  EXPECT_EQ(command_of(parse("--scenario mixed --design 6.1 --cpus 2 --seconds 10 --perturb some --seed 1").value()),
            "hvo-stress run --seed 1");
  EXPECT_EQ(command_of_round(parse("--seed 1 --design 7.1").value(), 2),
            "hvo-stress run --design shared-tail --rounds 1 --seed 3");
}

TEST(CommandLine, TheHostsMmuIsAskedForByNameAndRepeated) {
  EXPECT_EQ(parse("--mmu software").value().machine.mmu, Mmu::software);
  const RunOptions o = parse("--mmu host --seed 1").value();
  EXPECT_EQ(o.machine.mmu, Mmu::host);
  EXPECT_EQ(command_of(o), "hvo-stress run --mmu host --seed 1");
}

TEST(CommandLine, TheRepeatOfARoundIsOneRoundWithItsSeed) {
  const RunOptions o = parse("--seed 100 --seconds 9").value();
  const RunOptions round = parse(command_of_round(o, 5).substr(std::string("hvo-stress run ").size())).value();
  EXPECT_EQ(round.seed, 105U);
  EXPECT_EQ(round.nr_rounds, 1U);
  EXPECT_EQ(round.seconds, 0);
}

TEST(CommandLine, AProgramNameIsQuotedForTheShell) {
  EXPECT_EQ(quoted("/a/b-c"), "/a/b-c");
  EXPECT_EQ(quoted("/a dir/it's"), "'/a dir/it'\\''s'");
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
