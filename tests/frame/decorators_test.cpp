#include <gtest/gtest.h>

#include "tests/frame/frame_machine.h"

namespace hvo {
namespace {

using Mode = FailurePlan::Mode;

std::vector<bool> failures(const FailurePlan& plan, int n) {
  test::FrameMachine m(1024, 1024, {.pcp_high = 0});
  m.failing().set_plan(plan);
  std::vector<bool> failed;
  for (int i = 0; i < n; ++i) failed.push_back(!m.source().alloc(m.cpu(), Order{0}).has_value());
  const auto injected = static_cast<u64>(std::count(failed.begin(), failed.end(), true));
  EXPECT_EQ(m.cpu().diagnostics().counts[Event::alloc_failure_injected], injected);
  EXPECT_EQ(m.source().frames_in_use(), static_cast<u64>(n) - injected);
  return failed;
}

TEST(FailingAllocator, FailsNothingWithoutAPlan) { EXPECT_EQ(failures({}, 5), std::vector<bool>(5)); }

TEST(FailingAllocator, FailsTheNthAlone) {
  EXPECT_EQ(failures({.mode = Mode::nth, .n = 3}, 6), (std::vector<bool>{false, false, true, false, false, false}));
}

TEST(FailingAllocator, FailsEveryNth) {
  EXPECT_EQ(failures({.mode = Mode::every, .n = 2}, 6), (std::vector<bool>{false, true, false, true, false, true}));
}

TEST(FailingAllocator, SameSeedFailsTheSameAllocations) {
  const auto first = failures({.mode = Mode::rate, .n = 4, .seed = 7}, 400);
  EXPECT_EQ(first, failures({.mode = Mode::rate, .n = 4, .seed = 7}, 400));
  EXPECT_NE(first, failures({.mode = Mode::rate, .n = 4, .seed = 8}, 400));
  const auto nr_failed = std::count(first.begin(), first.end(), true);
  EXPECT_GT(nr_failed, 60);
  EXPECT_LT(nr_failed, 140);
}

TEST(FailingAllocator, BulkIsOneAllocationAndTakesNothingWhenItFails) {
  test::FrameMachine m(64, 64, {.pcp_high = 0});
  m.failing().set_plan({.mode = Mode::nth, .n = 2});
  std::vector<FrameNo> out(8);
  EXPECT_TRUE(m.source().alloc_bulk(m.cpu(), out).has_value());
  EXPECT_FALSE(m.source().alloc_bulk(m.cpu(), out).has_value());
  EXPECT_EQ(m.source().frames_in_use(), 8U);
  EXPECT_EQ(m.allocator().nr_free(m.cpu()), 56U);
}

TEST(CountingAllocator, KnowsInUsePeakAndOrders) {
  test::FrameMachine m(2048, 2048, {});
  FrameSource& source = m.source();
  const FrameNo block = source.alloc(m.cpu(), Order{9}).value();
  std::vector<FrameNo> singles(100);
  ASSERT_TRUE(source.alloc_bulk(m.cpu(), singles).has_value());
  EXPECT_EQ(source.frames_in_use(), 612U);
  EXPECT_EQ(source.blocks_in_use(Order{9}), 1U);
  source.free_bulk(m.cpu(), singles);
  EXPECT_EQ(source.frames_in_use(), 512U);
  source.split_page(m.cpu(), block, Order{9});
  EXPECT_EQ(source.blocks_in_use(Order{9}), 0U);
  EXPECT_EQ(source.blocks_in_use(Order{0}), 512U);
  for (u64 i = 0; i < 512; ++i) source.free(m.cpu(), block + i, Order{0});
  EXPECT_EQ(source.frames_in_use(), 0U);
  EXPECT_EQ(source.peak_frames(), 612U);
  EXPECT_TRUE(m.allocator().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

TEST(CountingAllocator, AddsUpWhatOneCpuTookAndAnotherGaveBack) {
  using Source = FrameSource;
  test::FrameMachine m(2048, 2048, {.nr_cpus = 2});
  Source& source = m.source();
  std::vector<FrameNo> frames;
  for (int i = 0; i < 1000; ++i) {
    frames.push_back(source.alloc(m.cpu(i % 2 == 0 ? 0 : 1), Order{0}).value());
    ASSERT_EQ(source.frames_in_use(), frames.size());
    ASSERT_LE(source.peak_frames(), frames.size());
    ASSERT_GE(source.peak_frames() + Source::kFold, frames.size()) << "what the other CPU has not told yet";
  }
  for (const FrameNo f : frames) source.free(m.cpu(1), f, Order{0});
  EXPECT_EQ(source.frames_in_use(), 0U);
  EXPECT_EQ(source.blocks_in_use(Order{0}), 0U);
  EXPECT_LE(source.peak_frames(), 1000U);
}

}  // namespace
}  // namespace hvo
