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
  for (const char* part : {"12 s", "round 3", "123.5k operations/s", "7.8M lookups/s", "16 folios optimised",
                           "112 frames saved", "5 interesting", "6 known-hole", "7 forbidden", "48 s left"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ShortStatusText, FitsAnOrdinaryTerminalAlsoWithLargeNumbers) {
  Progress large = kSample;
  large.seconds_left = 36000;
  large.numbers = {
      .nr_optimized = 65536, .frames_saved = 458752, .interesting = 1u << 30, .known_hole = 1u << 30, .forbidden = 999};
  EXPECT_LE(short_status_text(large, 123456789, 123456789).size(), 110U);
  EXPECT_LE(short_status_text(kSample, 123456, 7.8e6).size(), 79U);
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
