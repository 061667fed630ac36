#include "core/frame/node_frames.h"

#include <gtest/gtest.h>

#include "tests/frame/frame_machine.h"

namespace hvo {
namespace {

using test::FrameMachine;

constexpr u64 kPerNode = 1024;
constexpr u32 kNodes = 3;

FrameMachine three_nodes(u64 budget_of_each = kPerNode, const FrameAllocatorConfig& config = {.nr_cpus = 4}) {
  return {kPerNode * kNodes, budget_of_each, config, kNodes};
}

/// Takes all that a node has.
std::vector<FrameNo> drain(FrameMachine& m, NodeId node) {
  std::vector<FrameNo> taken;
  while (const auto frame = m.source().alloc(m.cpu(), Order{0}, Placement::only(node))) taken.push_back(*frame);
  return taken;
}

TEST(NodeFrames, EachNodeHasItsOwnRun) {
  FrameMachine m = three_nodes();
  for (u32 n = 0; n < kNodes; ++n) {
    EXPECT_EQ(m.allocator(n).first_frame(), FrameNo{static_cast<u32>(n * kPerNode)});
    EXPECT_EQ(m.allocator(n).nr_frames(), kPerNode);
    for (const u8 order : {u8{0}, u8{1}, u8{9}}) {
      const FrameNo frame = m.source().alloc(m.cpu(), Order{order}, Placement::only({n})).value();
      EXPECT_EQ(m.nodes().node_of(frame), NodeId{n});
      m.source().free(m.cpu(), frame, Order{order});
    }
  }
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

TEST(NodeFrames, ACpuAllocatesOnItsOwnNodeUnlessToldOtherwise) {
  FrameMachine m = three_nodes();
  for (u32 cpu = 0; cpu < 4; ++cpu) {
    const FrameNo frame = m.source().alloc(m.cpu(cpu), Order{0}).value();
    EXPECT_EQ(m.nodes().node_of(frame), NodeId{cpu % kNodes});
    m.source().free(m.cpu(cpu), frame, Order{0});
  }
}

TEST(NodeFrames, ThisNodeOnlyFailsWhereTheOthersHaveMemory) {
  FrameMachine m = three_nodes();
  const auto taken = drain(m, {1});
  EXPECT_EQ(taken.size(), kPerNode);
  EXPECT_EQ(m.source().alloc(m.cpu(), Order{0}, Placement::only({1})), std::unexpected(Errno::enomem));
  std::array<FrameNo, 8> several{};
  EXPECT_FALSE(m.source().alloc_bulk(m.cpu(), several, Placement::only({1})));
  EXPECT_TRUE(m.source().alloc_bulk(m.cpu(), several, Placement::first({1})));
  m.source().free_bulk(m.cpu(), several);
  m.source().free_bulk(m.cpu(), taken);
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

TEST(NodeFrames, TheNextNodeInOrderIsAskedWhenOneIsEmptyAndTheFirstAfterTheLast) {
  FrameMachine m = three_nodes();
  const auto last = drain(m, {2});
  EXPECT_EQ(m.nodes().node_of(m.source().alloc(m.cpu(), Order{9}, Placement::first({2})).value()), NodeId{0});
  const auto first = drain(m, {0});
  EXPECT_EQ(m.nodes().node_of(m.source().alloc(m.cpu(), Order{0}, Placement::first({2})).value()), NodeId{1});
  drain(m, {1});
  EXPECT_EQ(m.source().alloc(m.cpu(), Order{0}), std::unexpected(Errno::enomem));
  EXPECT_EQ(m.source().frames_in_use(), kPerNode * kNodes);
}

TEST(NodeFrames, FramesAreChargedWhereTheyLie) {
  FrameMachine m = three_nodes(100, {.nr_cpus = 4, .pcp_high = 0});
  const FrameNo frame = m.source().alloc(m.cpu(), Order{3}, Placement::first({2})).value();
  EXPECT_EQ(m.budget(0).free_pages(m.cpu()), 100U);
  EXPECT_EQ(m.budget(2).free_pages(m.cpu()), 92U);
  EXPECT_EQ(drain(m, {2}).size(), 92U) << "the node's budget ends before its frames";
  m.source().free(m.cpu(1), frame, Order{3});
  EXPECT_EQ(m.budget(2).free_pages(m.cpu()), 8U);
}

TEST(NodeFrames, WhatIsFreedGoesToTheNodeThatOwnsItWhoeverFreesIt) {
  FrameMachine m = three_nodes();
  std::vector<FrameNo> mixed;
  for (u32 i = 0; i < 300; ++i) {
    mixed.push_back(m.source().alloc(m.cpu(), Order{0}, Placement::only({i % 7 % kNodes})).value());
  }
  m.source().free_bulk(m.cpu(3), mixed);
  for (u32 n = 0; n < kNodes; ++n) {
    m.allocator(n).drain_all(m.cpu());
    EXPECT_EQ(m.allocator(n).nr_free(m.cpu()), kPerNode);
  }
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

TEST(NodeFrames, FailuresAreCountedForTheWholeMachineAndNoOtherNodeHelps) {
  FrameMachine m = three_nodes();
  m.failing().set_plan({.mode = FailurePlan::Mode::nth, .n = 3});
  EXPECT_TRUE(m.source().alloc(m.cpu(), Order{0}, Placement::only({0})));
  EXPECT_TRUE(m.source().alloc(m.cpu(), Order{0}, Placement::only({1})));
  EXPECT_FALSE(m.source().alloc(m.cpu(), Order{0}, Placement::first({2})));
  EXPECT_TRUE(m.source().alloc(m.cpu(), Order{0}, Placement::first({2})));
}

TEST(NodeFrames, AnAllocatorRefusesTheFramesOfAnother) {
  FrameMachine m = three_nodes();
  const FrameNo frame = m.source().alloc(m.cpu(), Order{0}, Placement::only({1})).value();
  for (const u32 wrong : {0U, 2U}) {
    m.allocator(wrong).free(m.cpu(), frame, Order{0});
    EXPECT_EQ(m.violations(Rule::conservation), wrong == 0 ? 1U : 2U);
  }
  m.source().free(m.cpu(), frame, Order{0});
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
}

TEST(NodeFrames, UnderThreadsNoFrameIsLostAndNoTwoZoneLocksAreHeldAtOnce) {
  FrameMachine m = three_nodes(kPerNode, {.nr_cpus = 4, .pcp_high = 32, .pcp_batch = 8});
  m.run_threads([&](Cpu& cpu) {
    std::vector<FrameNo> mine;
    for (u32 i = 0; i < 3000; ++i) {
      if (const auto frame = m.source().alloc(cpu, Order{0}, Placement::first({i % kNodes}))) mine.push_back(*frame);
      if (mine.size() < 900) continue;
      m.source().free_bulk(cpu, mine);
      mine.clear();
    }
    m.source().free_bulk(cpu, mine);
  });
  for (u32 n = 0; n < kNodes; ++n) {
    m.allocator(n).drain_all(m.cpu());
    EXPECT_EQ(m.allocator(n).nr_free(m.cpu()), kPerNode);
    EXPECT_EQ(m.budget(n).free_pages(m.cpu()), kPerNode);
  }
  EXPECT_TRUE(m.nodes().validate(m.cpu()));
  EXPECT_EQ(m.violations(), 0U);
}

}  // namespace
}  // namespace hvo
