#include "stress/grading.h"

#include <gtest/gtest.h>

#include "stress/result.h"

namespace hvo::stress {
namespace {

constexpr Violation kBadPage{.rule = Rule::bad_page, .op = Op::free_pages, .what = "bad"};

ViolationLog log_of(std::initializer_list<Violation> violations) {
  ViolationLog log;
  for (const Violation& v : violations) log.add(v);
  return log;
}

TEST(Grading, AKnownHoleOfTheDesignIsNotForbiddenAndTheSameElsewhereIs) {
  const Design& holed = *find_design("fake-head");
  ASSERT_FALSE(holed.holes.empty());
  const Violation hole{.rule = holed.holes[0].rule, .op = holed.holes[0].op, .what = "hole"};

  Outcomes in_holed;
  ViolationLog log = log_of({hole});
  grade_violations(holed, log, in_holed);
  EXPECT_EQ(in_holed.nr_of(Grade::known_hole), 1U);
  EXPECT_EQ(in_holed.holes[0], 1U);
  EXPECT_EQ(in_holed.nr_forbidden(), 0U);
  EXPECT_EQ(log.total(), 0U) << "the log is taken, so that nothing is graded twice";

  Outcomes elsewhere;
  log = log_of({hole});
  grade_violations(*find_design("none"), log, elsewhere);
  EXPECT_EQ(elsewhere.nr_forbidden(), 1U);
}

TEST(Grading, KeepsTheFirstOfEachKindAndCountsAll) {
  Violation other = kBadPage;
  other.op = Op::validate;
  ViolationLog log = log_of({kBadPage, kBadPage, other, kBadPage});
  Outcomes outcomes;
  grade_violations(*find_design("fake-head"), log, outcomes);
  EXPECT_EQ(outcomes.nr_first, 2U);
  EXPECT_EQ(outcomes.of(Key::violation), 4U);
}

TEST(RunResult, RemembersTheFirstBadRoundAndTheRoundOfEachFinding) {
  Outcomes bad;
  bad.keep(kBadPage);
  bad.add(Key::violation);
  Outcomes worse = bad;
  worse.keep({.rule = Rule::range, .what = "later"});
  RunResult result;
  result.add({}, 0);
  result.add(bad, 1);
  result.add(worse, 2);
  EXPECT_EQ(result.first_bad_round, 1U);
  ASSERT_EQ(result.findings.size(), 2U);
  EXPECT_EQ(result.findings[0].round, 1U);
  EXPECT_EQ(result.findings[1].round, 2U);
}

TEST(Outcomes, EachKeyHasARowOfItsOwnWithAFullSentence) {
  for (unsigned i = 0; i < kNrKeys; ++i) {
    EXPECT_EQ(static_cast<unsigned>(kOutcomes[i].key), i);
    EXPECT_TRUE(kOutcomes[i].why.ends_with(".")) << kOutcomes[i].name;
  }
}

}  // namespace
}  // namespace hvo::stress
