#include "stress/zoo/table.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <sstream>

#include "program/exit_codes.h"
#include "stress/zoo/markdown.h"
#include "stress/zoo/removed_pairs.h"
#include "stress/zoo/tour_json.h"

namespace hvo::stress {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using End = Attempt::End;

Attempt found(double seconds, std::string by = "conservation", u64 nr_steps = 0) {
  return {.end = End::found,
          .by = std::move(by),
          .seconds = seconds,
          .nr_steps = nr_steps,
          .story = nr_steps == 0 ? "" : "story of " + std::to_string(nr_steps) + "\n",
          .command = "explore x"};
}
Attempt not_found(double seconds) { return {.end = End::not_found, .seconds = seconds}; }
Attempt failed() { return {.end = End::failed, .why = "it is not there"}; }

ZooRow row(std::string_view name, std::vector<Attempt> attempts, std::vector<Attempt> controls = {}) {
  ZooRow r{.exhibit = find_exhibit(name), .cells = {}};
  r.cells.push_back(
      {.way = Way::explore_sc, .not_applicable = {}, .attempts = std::move(attempts), .controls = std::move(controls)});
  r.cells.push_back({.way = Way::host, .not_applicable = "no reason"});
  return r;
}

TEST(ZooTable, DurationsHaveTwoDigitsThatCount) {
  EXPECT_EQ(duration_text(0.0001), "1 ms");
  EXPECT_EQ(duration_text(0.012), "12 ms");
  EXPECT_EQ(duration_text(0.0996), "0.1 s");
  EXPECT_EQ(duration_text(9.96), "10 s");
  EXPECT_EQ(duration_text(600), "10 min");
  EXPECT_EQ(spread_text({.least = 0.008, .median = 0.01, .most = 0.031}), "8-31 ms");
  EXPECT_EQ(spread_text({.least = 0.008, .median = 0.01, .most = 1.2}), "8ms-1.2s");
  EXPECT_EQ(spread_text({.least = 2, .median = 2, .most = 2}), "2.0 s");
}

TEST(ZooTable, TheMedianIsOfThoseThatFound) {
  const auto times = times_of({found(3), not_found(10), found(1), found(2), found(4)});
  ASSERT_TRUE(times);
  EXPECT_DOUBLE_EQ(times->least, 1);
  EXPECT_DOUBLE_EQ(times->median, 2.5);
  EXPECT_DOUBLE_EQ(times->most, 4);
  EXPECT_FALSE(times_of({not_found(1)}));
}

TEST(ZooTable, ABugMissedByHalfOfTheSeedsIsNotCaughtInTime) {
  EXPECT_TRUE(row("Z2", {found(1), not_found(10), found(2)}).is_caught_within(10));
  EXPECT_FALSE(row("Z2", {found(1), not_found(10)}).is_caught_within(10));
  EXPECT_TRUE(row("Z2", {found(1), not_found(10)}).is_caught());
}

TEST(ZooTable, EachDetectorIsNamedOnce) {
  EXPECT_EQ(detectors_of({found(1, "range, bad-page"), found(1, "bad-page"), not_found(1)}), "bad-page, range");
}

TEST(ZooTable, ACellThatCantBeExpressedIsNotNotFound) {
  const ZooRow r = row("Z2", {not_found(10)});
  EXPECT_EQ(found_text(r.cells[0]), "0/1");
  EXPECT_EQ(found_text(r.cells[1]), "n/a");
  EXPECT_EQ(found_text(ZooCell{}), "-");
  EXPECT_EQ(found_text({.way = Way::run, .not_applicable = {}, .attempts = {failed()}}), "error");
}

TEST(ZooTable, TheBlockFitsAMail) {
  Tour tour{.rows = {row("Z2", {found(0.008, "conservation", 31), found(1.2, "range")}, {not_found(1)}),
                     row("Z34", {not_found(10)}), row("Z5", {failed()})}};
  tour.rows.push_back({.exhibit = find_exhibit("Z29"), .cells = {{.way = Way::run, .not_applicable = "no"}}});
  std::istringstream lines(tour_text(tour));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 72U) << line;
  EXPECT_THAT(tour_text(tour), AllOf(HasSubstr("2/2"), HasSubstr("8ms-1.2s"), HasSubstr("conservation, range"),
                                     HasSubstr("31 steps"), HasSubstr("not caught: Z34"), HasSubstr("Z29: "),
                                     HasSubstr("it is not there"), HasSubstr("0 false alarms")));
}

TEST(ZooTable, AFalseAlarmIsNamedWithItsCommand) {
  const Tour tour{.rows = {row("Z2", {found(1)}, {found(1, "wrong-head")})}};
  EXPECT_THAT(tour_text(tour),
              AllOf(HasSubstr("FALSE ALARM: Z2 explore-sc: wrong-head"), HasSubstr("./hvo explore x")));
}

TEST(ZooTable, WhatHasMachineryOfItsOwnIsCountedApart) {
  Exhibit own = *find_exhibit("Z2");
  own.own_machinery = true;
  Tour tour{.rows = {row("Z2", {found(1)})}};
  tour.rows[0].exhibit = &own;
  EXPECT_EQ(summary_of(tour).nr_caught, 0U);
  EXPECT_EQ(summary_of(tour).nr_own, 1U);
}

TEST(ZooExitCode, SaysTheWorstThatHappened) {
  const auto code = [](std::vector<ZooRow> rows, bool canaries = false) {
    return exit_code(Tour{.rows = std::move(rows)}, canaries);
  };
  EXPECT_EQ(code({row("Z2", {found(1)}, {not_found(1)})}), kPass);
  EXPECT_EQ(code({row("Z2", {found(1)}, {found(1)})}), kViolation);
  EXPECT_EQ(code({row("Z2", {not_found(1)})}), kVacuous);
  EXPECT_EQ(code({row("Z2", {not_found(1)})}, true), kViolation);
  EXPECT_EQ(code({row("Z2", {})}), kVacuous);
  EXPECT_EQ(code({row("Z2", {found(1), failed()})}), kResource);
  EXPECT_EQ(exit_code(Tour{.rows = {row("Z2", {found(1)})}, .is_interrupted = true}, false), kInterrupted);
}

TEST(ZooMarkdown, HasATableAndForEachBugItsHistoryStoryAndFix) {
  const Tour tour{.rows = {row("Z2", {found(0.5, "range", 40), found(1, "range", 31)})}};
  const std::string page = tour_markdown(tour, "./hvo zoo", "2026-11-26");
  const Exhibit& e = *find_exhibit("Z2");
  EXPECT_THAT(page, AllOf(HasSubstr("| [Z2](#z2) | split-recheck | 2/2, 0.8 s (0.5-1.0 s) | n/a |"),
                          HasSubstr(std::string(e.title)), HasSubstr(std::string(e.fix)),
                          HasSubstr("```text\nstory of 31\n```"), HasSubstr("    ./hvo explore x"),
                          HasSubstr("2026-11-26"), Not(HasSubstr("story of 40"))));
}

TEST(ZooMarkdown, WhatIsNotShownSaysWhy) {
  const Tour tour{.rows = {{.exhibit = find_exhibit("Z29"), .cells = {{.way = Way::run, .not_applicable = "no"}}}}};
  EXPECT_THAT(tour_markdown(tour, "c", "d"), HasSubstr("Not shown: " + std::string(find_exhibit("Z29")->why_not)));
}

TEST(ZooJson, HasEachCellAndWhatWasFound) {
  const Tour tour{.rows = {row("Z2", {found(2), not_found(10)}, {not_found(2)})}, .nr_seeds = 2};
  const auto json = nlohmann::json::parse(tour_json(tour, "the command"));
  EXPECT_EQ(json["command"], "the command");
  EXPECT_EQ(json["rows_caught"], 1);
  EXPECT_EQ(json["rows"][0]["id"], "Z2");
  EXPECT_EQ(json["rows"][0]["cells"][0]["found"], 1);
  EXPECT_EQ(json["rows"][0]["cells"][0]["seconds"]["median"], 2);
  EXPECT_EQ(json["rows"][0]["cells"][1]["not_applicable"], "no reason");
}

ZooWords words(std::vector<std::string> names = {}) {
  ZooWords w;
  w.names = std::move(names);
  return w;
}

TEST(ZooPlan, NamesAreNumbersOrSafeguards) {
  EXPECT_EQ(to_plan(words())->exhibits.size(), exhibits().size());
  EXPECT_EQ(to_plan(words({"z2", "split-recheck", "Z34"}))->exhibits.size(), 2U);
  EXPECT_THAT(to_plan(words({"nonsense"})).error(),
              AllOf(HasSubstr("nonsense"), HasSubstr("known: Z1 to Z38, split-page")));
  EXPECT_THAT(to_plan(words({"Z29"})).error(), HasSubstr("can't be shown"));
}

TEST(ZooPlan, ABugThatTheChosenDetectorCantHaveIsRefusedWithTheReason) {
  ZooWords w = words({"Z36"});
  w.detectors = {"explore-sc"};
  EXPECT_THAT(to_plan(w).error(), HasSubstr("needs weak memory"));
  w.detectors = {"nonsense"};
  EXPECT_THAT(to_plan(w).error(), HasSubstr("known: explore-sc"));
}

TEST(ZooPlan, TimesAreInSecondsMinutesOrHours) {
  EXPECT_EQ(read_duration("--budget", "", 7), 7);
  EXPECT_EQ(read_duration("--budget", "90", 7), 90);
  EXPECT_EQ(read_duration("--budget", "1.5s", 7), 1.5);
  EXPECT_EQ(read_duration("--budget", "10m", 7), 600);
  EXPECT_EQ(read_duration("--budget", "2h", 7), 7200);
  for (const char* bad : {"0", "-1s", "m", "10x", "1e9h"}) {
    EXPECT_THAT(read_duration("--budget", bad, 7).error(), HasSubstr("not '" + std::string(bad) + "'"));
  }
}

TEST(ZooPlan, CanariesTakeTheFirstWayThatCanShowABug) {
  ZooWords w = words({"Z2", "Z36"});
  w.canaries = true;
  const auto plan = to_plan(w);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->nr_seeds, 1U);
  for (const ZooRow& r : rows_of(*plan)) {
    EXPECT_EQ(std::ranges::count_if(r.cells, &ZooCell::is_asked), 1) << r.exhibit->id;
    EXPECT_TRUE(r.cells.back().is_asked());
  }
}

TEST(ZooPairs, AreDrawnByLotAndHaveADesignInCommon) {
  const std::vector<const Exhibit*> all = to_plan(words())->exhibits;
  const auto pairs = draw_pairs(all, 10, 1);
  ASSERT_EQ(pairs.size(), 10U);
  for (const RemovedPair& pair : pairs) {
    EXPECT_NE(pair.a, pair.b);
    EXPECT_FALSE(programs_of(pair, "explore").empty() && programs_of(pair, "run").empty());
    for (const Words& program : programs_of(pair, "run")) {
      EXPECT_EQ(value_of(program, "--design", ""), pair.design);
      EXPECT_THAT(value_of(program, "--without", ""), HasSubstr(std::string(pair.a->safeguard)));
      EXPECT_THAT(value_of(program, "--without", ""), HasSubstr(std::string(pair.b->safeguard)));
    }
  }
  const auto again = draw_pairs(all, 10, 1);
  EXPECT_EQ(again[3].a, pairs[3].a);
  const auto other = draw_pairs(all, 10, 2);
  EXPECT_TRUE(std::ranges::any_of(std::views::iota(0U, 10U),
                                  [&](unsigned i) { return other[i].a != pairs[i].a || other[i].b != pairs[i].b; }));
  // The shared tail is of one design, the reset of fake heads of others.
  const std::vector<const Exhibit*> apart{find_exhibit("publish-by-cmpxchg"), find_exhibit("reset-struct-pages")};
  EXPECT_TRUE(draw_pairs(apart, 1, 1).empty());
}

}  // namespace
}  // namespace hvo::stress
