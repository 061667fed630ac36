#include "bench/savings/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "bench/savings/json.h"
#include "bench/savings/progress.h"

namespace hvo::bench::savings {
namespace {

using testing::HasSubstr;

Results results_of(u64 memory_bytes, unsigned nr_rounds) {
  Plan plan{.memory_bytes = memory_bytes, .order = Order{9}, .nr_rounds = nr_rounds};
  std::vector<std::vector<Built>> rounds(nr_rounds);
  const u64 frames = memory_bytes >> 18;
  for (const Design& design : kDesigns) {
    plan.designs.push_back(&design);
    const u64 kept = design.frames_kept(8) * frames / 8;
    for (auto& round : rounds) {
      round.push_back({.design = &design,
                       .nr_hugepages = memory_bytes >> 21,
                       .mapped_before = frames,
                       .mapped = kept,
                       .pte_pages = design.optimizes() ? frames / 512 : 0,
                       .given_back = frames - kept,
                       .before = {.frames = frames << 12, .beside = u64{90} << 20},
                       .after = {.frames = kept << 12, .beside = u64{90} << 20},
                       .boot_seconds = 1234.56,
                       .pool_seconds = 2345.67});
    }
  }
  return summarise(plan, rounds);
}

TEST(Print, NoLineIsWiderThanAMail) {
  const Facts facts{{"cpu", std::string(200, 'x')}, {"kernel", "6.1"}};
  for (const u64 bytes : {u64{1} << 30, u64{64} << 30, u64{1} << 40, u64{64} << 40}) {
    const std::string text = text_of(results_of(bytes, 3), facts, "./hvo savings");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), kColumns) << line;
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
}

TEST(Print, ALongCommandCanBePastedAsItStands) {
  const std::string text = text_of(results_of(u64{1} << 40, 1), {}, command_of(make_plan({.rounds = "3"}).value()));
  EXPECT_THAT(text, HasSubstr("again:\n  ./hvo savings --memory 64G --hugepage 2M --rounds 3\n"));
  const Plan some = make_plan({.designs = {"5.15", "6.1", "6.5", "6.12"}}).value();
  EXPECT_THAT(text_of(results_of(u64{1} << 40, 1), {}, command_of(some)),
              HasSubstr("again:\n  ./hvo savings --memory 64G --hugepage 2M --design none \\\n"
                        "    --design two-frame --design fake-head --design fake-head-copy \\\n"
                        "    --design fake-head-rcu\n"));
}

TEST(Print, SaysWhatTheSeedClaimed) {
  EXPECT_THAT(text_of(results_of(u64{1} << 40, 1), {}, ""), HasSubstr("two-frame -> fake-head: 2 GiB more returned"));
}

TEST(Print, WhatWasInterruptedSaysSo) {
  Results results = results_of(u64{1} << 30, 1);
  results.is_interrupted = true;
  EXPECT_THAT(text_of(results, {}, ""), HasSubstr("interrupted"));
  results.rows.clear();
  EXPECT_THAT(text_of(results, {}, ""), HasSubstr("nothing was built"));
  EXPECT_THAT(to_json(results, {}, ""), HasSubstr("\"interrupted\": true"));
}

TEST(Print, TheCommandBuildsTheSamePlan) {
  const Plan plan = make_plan({.memory = "3GiB", .hugepage = "1G", .designs = {"fake-head"}, .rounds = "5"}).value();
  EXPECT_EQ(command_of(plan), "./hvo savings --memory 3G --hugepage 1G --rounds 5 --design none --design fake-head");
}

TEST(Progress, SaysWhichPoolAndHowFar) {
  EXPECT_EQ(progress_text("fake-head", 3, 8, Stage::pool, 45, 100), "fake-head, 3 of 8: pool, 45 %");
  EXPECT_EQ(progress_text("none", 1, 8, Stage::boot, 0, 0), "none, 1 of 8: boot, 0 %");
}

}  // namespace
}  // namespace hvo::bench::savings
