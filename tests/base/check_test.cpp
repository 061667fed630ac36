#include "core/base/check.h"

#include <gtest/gtest.h>

namespace hvo {
namespace {

TEST(CheckDeathTest, PrintsPlaceReasonAndConditionAndAborts) {
  EXPECT_DEATH(HVO_CHECK(1 + 1 == 3, "sums don't add up"), "check_test.cpp:[0-9]+: sums don't add up .1 . 1 == 3.");
}

TEST(Check, EvaluatesItsConditionOnceAndLetsATrueOnePass) {
  int evaluated = 0;
  HVO_CHECK(++evaluated == 1, "once");
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace hvo
