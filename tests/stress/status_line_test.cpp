#include "stress/parallel/status_line.h"

#include <gmock/gmock.h>

namespace hvo::stress {
namespace {

using testing::HasSubstr;

constexpr Progress kSample{.seconds = 12.4,
                           .seconds_left = 47.6,
                           .nr_rounds = 3,
                           .numbers = {.nr_ops = 1,
                                       .nr_lookups = 2,
                                       .nr_optimized = 16,
                                       .frames_saved = 112,
                                       .interesting = 5,
                                       .known_hole = 6,
                                       .forbidden = 7}};

TEST(StatusText, SaysAllThatALogWants) {
  const std::string text = status_text(kSample, 123456, 7.8e6);
  for (const char* part :
       {"48 s left", "123k op/s", "7.8M lookup/s", "opt 16", "saved 112", "int 5", "hole 6", "FORB 7"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(StatusText, FitsAHundredColumnsBehindTheProgramsNameHoweverLargeTheNumbers) {
  Progress large = kSample;
  constexpr u64 kMany = 888'888'888;
  large.numbers = {
      .nr_optimized = kMany, .frames_saved = kMany, .interesting = kMany, .known_hole = kMany, .forbidden = kMany};
  for (const double left : {9999.0, 59969.0, 59999.0, 1e7}) {
    large.seconds_left = left;
    EXPECT_LE(("hvo-stress: " + status_text(large, 888888888, 888888888)).size(), 100U) << left;
  }
  EXPECT_LE(status_text(kSample, 123456, 7.8e6).size(), 79U);
}

TEST(StatusText, SaysSoWhenTheEndIsNotKnown) {
  Progress p = kSample;
  p.seconds_left = std::nullopt;
  EXPECT_THAT(status_text(p, 0, 0), HasSubstr("no end set"));
}

TEST(StatusLine, IsDueNowAndThenOnATerminalMoreOften) {
  EXPECT_FALSE(StatusLine(StatusLine::Form::none).is_due(1e6));
  const StatusLine rewritten(StatusLine::Form::rewritten);
  EXPECT_FALSE(rewritten.is_due(0.1));
  EXPECT_TRUE(rewritten.is_due(0.3));
  const StatusLine appended(StatusLine::Form::appended);
  EXPECT_FALSE(appended.is_due(4.9));
  EXPECT_TRUE(appended.is_due(5.1));
}

}  // namespace
}  // namespace hvo::stress
