#include "bench/frame_arms.h"

#include <gtest/gtest.h>

#include "bench/spin.h"

namespace hvo::bench {
namespace {

TEST(FramePool, EveryWayToTakeHalfLeavesNothingBehind) {
  auto pool = FramePool::make(1 << 14);
  ASSERT_TRUE(pool.has_value()) << pool.error();
  for (const FrameCalls calls : {FrameCalls::single, FrameCalls::bulk}) {
    for (const u32 nr_threads : {1U, 2U}) {
      EXPECT_GT((*pool)->time_half(calls, nr_threads), 0);
      EXPECT_TRUE((*pool)->validate()) << frames_name("allocator", calls, nr_threads);
    }
  }
}

TEST(Spin, MoreStepsTakeLonger) { EXPECT_LT(time_spinning(1 << 8, 1), time_spinning(1 << 14, 1)); }

}  // namespace
}  // namespace hvo::bench
