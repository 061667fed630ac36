#include "stress/zoo/hunt.h"

#include <gmock/gmock.h>

#include <csignal>

namespace hvo::stress {
namespace {

using testing::HasSubstr;
using End = Attempt::End;

Bounded ended(int code, std::string text = {}) { return {.text = std::move(text), .code = code, .seconds = 9}; }

constexpr const char* kExplored = R"({"seconds": 0.25, "schedules": 58, "verdict": "VIOLATION",
  "outcomes": [{"key": "violation", "grade": "FORBIDDEN", "count": 1}],
  "story": {"text": "the story"},
  "witness": {"steps": 33, "outcomes": ["violation"], "rules": ["bad-page", "bad-page", "range"]}})";
constexpr const char* kRan = R"({"seconds": 2.5, "rounds": 7, "verdict": "violation",
  "outcomes": [{"key": "lookup-right", "grade": "ACCEPTABLE", "count": 9},
               {"key": "not-valid", "grade": "FORBIDDEN", "count": 1}],
  "first_bad_round": {"round": 6, "seconds": 1.5},
  "violations": [{"rule": "conservation", "meaning": "All adds up.", "what": "one is lost"}]})";

TEST(Hunt, WhatExploringFoundIsReadWithRulesStepsAndStory) {
  const Attempt a = read_explored(ended(1), kExplored);
  EXPECT_EQ(a.end, End::found);
  EXPECT_EQ(a.by, "bad-page, range");
  EXPECT_DOUBLE_EQ(a.seconds, 0.25);
  EXPECT_EQ(a.nr_tries, 58U);
  EXPECT_EQ(a.nr_steps, 33U);
  EXPECT_EQ(a.story, "the story");
}

TEST(Hunt, AnOutcomeThatWasSearchedForCountsAsFound) {
  const Attempt a =
      read_explored(ended(0), R"({"verdict": "FOUND", "witness": {"outcomes": ["self-head"], "rules": []}})");
  EXPECT_EQ(a.end, End::found);
  EXPECT_EQ(a.by, "self-head");
}

TEST(Hunt, AnEndWithoutAFindIsNotOne) {
  for (const int code : {0, 7}) {
    const Attempt a = read_explored(ended(code), R"({"seconds": 3, "verdict": "INCOMPLETE"})");
    EXPECT_EQ(a.end, End::not_found);
    EXPECT_DOUBLE_EQ(a.seconds, 3);
    EXPECT_EQ(read_run(ended(code), R"({"seconds": 3, "first_bad_round": null})").end, End::not_found);
  }
}

TEST(Hunt, WhatARunFoundIsReadWithTheTimeToTheFirst) {
  const Attempt a = read_run(ended(1), kRan);
  EXPECT_EQ(a.end, End::found);
  EXPECT_EQ(a.by, "conservation");
  EXPECT_DOUBLE_EQ(a.seconds, 1.5);
  EXPECT_EQ(a.nr_tries, 7U);
  EXPECT_THAT(a.story, HasSubstr("one is lost"));
}

TEST(Hunt, ForbiddenOutcomesThatNoRuleReportedAreNamed) {
  EXPECT_EQ(read_run(ended(1), R"({"outcomes": [{"key": "lookup-wrong", "grade": "FORBIDDEN", "count": 2},
                                                {"key": "stuck", "grade": "FORBIDDEN", "count": 0}]})")
                .by,
            "lookup-wrong");
}

TEST(Hunt, AHangIsFoundBesideWhatWasSeenBefore) {
  EXPECT_EQ(read_run(ended(6), kRan).by, "conservation, hang");
  EXPECT_EQ(read_run(ended(6), R"({"outcomes": []})").by, "hang");
}

TEST(Hunt, ACrashOrAProcessThatDoesNotEndIsNamedAndNoFind) {
  EXPECT_EQ(read_run(ended(5), "").by, "crash");
  EXPECT_EQ(read_explored({.signal = SIGSEGV}, "").by, "crash by SIGSEGV");
  EXPECT_EQ(read_explored({.signal = SIGKILL, .is_late = true}, "").by, "hang");
  EXPECT_FALSE(read_run(ended(5), "").is_found());
  EXPECT_EQ(read_run(ended(5), "").end, Attempt::End::failed);
}

TEST(Hunt, WhatWasRefusedFailedInItsOwnWords) {
  const Attempt a = read_run(ended(2, "seed 1\nhvo-stress: it never gets there\n"), "");
  EXPECT_EQ(a.end, End::failed);
  EXPECT_EQ(a.why, "hvo-stress: it never gets there");
}

TEST(Hunt, AnInterruptIsNoResult) {
  EXPECT_EQ(read_run({.signal = SIGKILL, .is_interrupted = true}, kRan).end, End::interrupted);
  EXPECT_EQ(read_explored(ended(130), kExplored).end, End::interrupted);
}

TEST(Hunt, ABrokenResultFailsAndSaysSo) {
  for (const char* text : {"", "{", "[]", "7"}) {
    EXPECT_EQ(read_explored(ended(0), text).end, End::failed) << text;
    EXPECT_THAT(read_run(ended(1, "last words\n"), text).why, HasSubstr("last words")) << text;
  }
  // Whole, but nothing in it is what it should be.
  EXPECT_EQ(read_explored(ended(1), R"({"seconds": "x", "witness": 7, "story": [], "outcomes": {}})").end, End::found);
  EXPECT_EQ(read_run(ended(1), R"({"violations": {}, "first_bad_round": 3, "outcomes": [1]})").end, End::found);
}

TEST(Hunt, OnlyDataRacesCountInTheThreadSanitizerBuild) {
  const Attempt race = read_races(ended(1, "x\nSUMMARY: ThreadSanitizer: data race a.h:1 in f\ny"));
  EXPECT_EQ(race.by, "data race");
  EXPECT_EQ(race.story, "SUMMARY: ThreadSanitizer: data race a.h:1 in f\n");
  EXPECT_EQ(read_races(ended(1, "VIOLATION")).end, End::not_found);
  EXPECT_EQ(read_races(ended(66, "FATAL: unexpected memory mapping")).end, End::failed);
}

TEST(Hunt, TheCommandByHandIsThatOfTheFrontDoor) {
  EXPECT_EQ(typed_by_hand({"run", "--scenario", "mixed"}, 3), "stress --scenario mixed --seed 3");
  EXPECT_EQ(typed_by_hand({"explore", "--scenario", "a+b"}, 1), "explore --scenario a+b --seed 1");
}

}  // namespace
}  // namespace hvo::stress
