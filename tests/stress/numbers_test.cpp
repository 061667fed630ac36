#include "stress/numbers.h"

#include <gtest/gtest.h>

namespace hvo::stress {
namespace {

TEST(WholeNumber, TakesDecimalAndHexadecimalUpToTheLargest) {
  EXPECT_EQ(whole_number("0"), 0U);
  EXPECT_EQ(whole_number("0x1F"), 31U);
  EXPECT_EQ(whole_number("18446744073709551615"), ~u64{0});
}

TEST(WholeNumber, RefusesWhatIsNotWhollyANumberOrDoesNotFit) {
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x", "x", "18446744073709551616"}) {
    EXPECT_EQ(whole_number(text), std::nullopt) << text;
  }
}

TEST(RealNumber, RefusesInfinityAndNoNumber) {
  EXPECT_EQ(real_number("0.5"), 0.5);
  for (const char* text : {"", "inf", "nan", "1s", "1e999"}) EXPECT_EQ(real_number(text), std::nullopt) << text;
}

TEST(ShortNumber, StaysWithinFourCharacters) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999.4), "999");
  EXPECT_EQ(short_number(999.6), "1.0k");
  EXPECT_EQ(short_number(12345), "12k");
  EXPECT_EQ(short_number(999999), "1.0M");
  EXPECT_EQ(short_number(9940), "9.9k");
  EXPECT_EQ(short_number(9960), "10k");
  for (double n = 1; n < 1e19; n *= 1.013) EXPECT_LE(short_number(n).size(), 4U) << n;
}

}  // namespace
}  // namespace hvo::stress
