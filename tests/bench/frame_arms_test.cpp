#include <gtest/gtest.h>

#include "bench/frame_workloads.h"
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

TEST(FramePool, EveryWorkloadLeavesNothingBehind) {
  constexpr u64 kFrames = 1 << 14;
  auto pool = FramePool::make(kFrames);
  ASSERT_TRUE(pool.has_value()) << pool.error();
  for (const Workload workload : kWorkloads) {
    for (const Order order : {Order{0}, Order{9}}) {
      for (const u32 nr_threads : {1U, 2U}) {
        const FrameWork work{.workload = workload, .order = order, .nr_threads = nr_threads};
        EXPECT_GT(time_allocator(**pool, work), 0);
        EXPECT_TRUE((*pool)->validate()) << work.name("allocator");
        EXPECT_GT(time_mutex_list(kFrames, work), 0);
      }
    }
  }
}

TEST(FramePool, BlocksOf512AreWholeAgainAfterSingleFrames) {
  auto pool = FramePool::make(1 << 12);
  ASSERT_TRUE(pool.has_value()) << pool.error();
  time_allocator(**pool, {.workload = Workload::random, .order = Order{0}, .nr_threads = 2});
  Cpu& cpu = (*pool)->cpu(0);
  cpu.run();
  std::vector<FrameNo> blocks;
  while (const auto block = (*pool)->allocator().alloc(cpu, Order{9})) blocks.push_back(*block);
  EXPECT_EQ(blocks.size(), 8U) << "all of the memory, coalesced";
  for (const FrameNo block : blocks) (*pool)->allocator().free(cpu, block, Order{9});
  cpu.idle();
}

TEST(Spin, MoreStepsTakeLonger) { EXPECT_LT(time_spinning(1 << 8, 1), time_spinning(1 << 14, 1)); }

}  // namespace
}  // namespace hvo::bench
