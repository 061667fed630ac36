#include "core/frame/frame_allocator.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/frame/frame_machine.h"

namespace hvo {
namespace {

using test::FrameMachine;

/// One CPU's random traffic: single, bulk, blocks, blocks split and freed by halves of themselves.
void traffic(FrameMachine& m, Cpu& cpu, int nr_steps) {
  FrameAllocator& a = m.allocator();
  Rng rng = Rng::seeded(1, cpu.id());
  std::vector<std::pair<FrameNo, Order>> held;
  for (int i = 0; i < nr_steps; ++i) {
    const u64 what = rng.below(8);
    if (what < 3) {
      const Order order{static_cast<u8>(what == 0 ? rng.below(10) : 0)};
      if (const auto f = a.alloc(cpu, order)) held.emplace_back(*f, order);
    } else if (what == 3) {
      std::vector<FrameNo> out(rng.below(100));
      if (!a.alloc_bulk(cpu, out)) continue;
      for (const FrameNo f : out) held.emplace_back(f, Order{0});
    } else if (what == 4 && !held.empty()) {
      auto& [frame, order] = held[rng.below(held.size())];
      const auto [first, was] = std::pair(frame, order);
      a.split_page(cpu, first, was);
      order = Order{0};
      for (u64 n = 1; n < was.nr_pages(); ++n) held.emplace_back(first + n, Order{0});
    } else if (what == 5) {
      std::vector<FrameNo> singles;
      for (u64 n = rng.below(200); n > 0 && !held.empty() && held.back().second.v == 0; --n) {
        singles.push_back(held.back().first);
        held.pop_back();
      }
      a.free_bulk(cpu, singles);
    } else if (!held.empty()) {
      std::swap(held[rng.below(held.size())], held.back());
      a.free(cpu, held.back().first, held.back().second);
      held.pop_back();
    }
    // A plain store: that no other CPU owns the frame is what ThreadSanitizer checks here.
    if (!held.empty()) *m.frames().address(held.back().first) = std::byte{static_cast<unsigned char>(i)};
  }
  for (const auto& [frame, order] : held) a.free(cpu, frame, order);
}

TEST(FrameAllocator, FourThreadsLoseNoFrame) {
  for (const u32 high : {0U, 8U, 512U}) {
    FrameMachine m(5000, 4000, {.nr_cpus = 4, .pcp_high = high, .pcp_batch = 7, .poison = true});
    m.run_threads([&](Cpu& cpu) { traffic(m, cpu, 20'000); });
    EXPECT_TRUE(m.allocator().validate(m.cpu()));
    m.allocator().drain_all(m.cpu());
    EXPECT_EQ(m.allocator().nr_free(m.cpu()), 5000U);
    EXPECT_EQ(m.budget().free_pages(m.cpu()), 4000U);
    EXPECT_TRUE(m.allocator().validate(m.cpu()));
    EXPECT_EQ(m.violations(), 0U);
  }
}

TEST(FrameAllocator, NoMemoryExactlyAtTheBudget) {
  for (const u32 high : {0U, 16U, 512U}) {
    FrameMachine m(1000, 700, {.pcp_high = high, .pcp_batch = 10});
    std::set<u32> seen;
    for (int i = 0; i < 700; ++i) {
      const auto f = m.allocator().alloc(m.cpu(), Order{0});
      ASSERT_TRUE(f.has_value()) << i;
      ASSERT_TRUE(seen.insert(f->v).second);
    }
    EXPECT_EQ(m.allocator().alloc(m.cpu(), Order{0}).error(), Errno::enomem);
    EXPECT_EQ(m.budget().free_pages(m.cpu()), 0U);
    for (const u32 f : seen) m.allocator().free(m.cpu(), {f}, Order{0});
    EXPECT_TRUE(m.allocator().validate(m.cpu()));
    EXPECT_EQ(m.violations(), 0U);
  }
}

TEST(FrameAllocator, ReturnsTheChargeWhenFramesRunOutBeforeTheBudget) {
  for (const u32 high : {0U, 16U}) {
    FrameMachine m(50, 100, {.pcp_high = high, .pcp_batch = 4});
    std::vector<FrameNo> out(51);
    EXPECT_EQ(m.allocator().alloc_bulk(m.cpu(), out).error(), Errno::enomem);
    EXPECT_EQ(m.allocator().alloc(m.cpu(), Order{6}).error(), Errno::enomem);
    EXPECT_EQ(m.budget().free_pages(m.cpu()), 100U);
  }
}

TEST(FrameAllocator, BulkTakesAllOrNothing) {
  FrameMachine m(100, 100, {.pcp_high = 20, .pcp_batch = 5});
  std::vector<FrameNo> out(60);
  ASSERT_TRUE(m.allocator().alloc_bulk(m.cpu(), out).has_value());
  std::vector<FrameNo> more(41);
  EXPECT_EQ(m.allocator().alloc_bulk(m.cpu(), more).error(), Errno::enomem);
  EXPECT_EQ(m.budget().free_pages(m.cpu()), 40U);
  more.resize(40);
  EXPECT_TRUE(m.allocator().alloc_bulk(m.cpu(), more).has_value());
  EXPECT_TRUE(m.allocator().validate(m.cpu()));
}

TEST(FrameAllocator, DrainsTheListsOfOtherCpusBeforeItFails) {
  FrameMachine m(512, 512, {.nr_cpus = 2, .pcp_high = 512, .pcp_batch = 63});
  std::vector<FrameNo> all(512);
  ASSERT_TRUE(m.allocator().alloc_bulk(m.cpu(0), all).has_value());
  m.allocator().free_bulk(m.cpu(0), all);
  EXPECT_EQ(m.allocator().nr_cached(m.cpu(0)), 512U);
  EXPECT_EQ(m.allocator().nr_free(m.cpu(0)), 0U);
  EXPECT_EQ(m.frames().state_of(all[0]), FrameState::cached);
  EXPECT_TRUE(m.allocator().alloc(m.cpu(1), Order{9}).has_value());
  EXPECT_EQ(m.allocator().nr_cached(m.cpu(0)), 0U);
  EXPECT_EQ(m.violations(), 0U);
}

TEST(FrameAllocator, BlocksAboveOrderNineAreAligned) {
  FrameMachine m(4096 + 5, 8192, {});
  const FrameNo single = m.allocator().alloc(m.cpu(), Order{0}).value();
  const FrameNo block = m.allocator().alloc(m.cpu(), Order{11}).value();
  EXPECT_TRUE(is_aligned(block.v, 2048));
  EXPECT_EQ(m.allocator().alloc(m.cpu(), Order{12}).error(), Errno::enomem);
  m.allocator().free(m.cpu(), block, Order{11});
  m.allocator().free(m.cpu(), single, Order{0});
  EXPECT_TRUE(m.allocator().alloc(m.cpu(), Order{12}).has_value());
}

TEST(FrameAllocator, FrameOfABlockIsFreedAloneOnlyAfterSplitPage) {
  FrameMachine m(1024, 1024, {});
  FrameAllocator& a = m.allocator();
  const FrameNo block = a.alloc(m.cpu(), Order{9}).value();
  a.free(m.cpu(), block, Order{0});
  a.free(m.cpu(), block + 8, Order{0});
  EXPECT_EQ(m.violations(Rule::conservation), 2U);
  EXPECT_EQ(m.frames().state_of(block), FrameState::allocated) << "leaked";
  EXPECT_TRUE(a.validate(m.cpu()));
  a.split_page(m.cpu(), block, Order{9});
  for (u64 i = 0; i < 512; ++i) a.free(m.cpu(), block + i, Order{0});
  EXPECT_EQ(m.violations(), 2U);
  EXPECT_TRUE(a.validate(m.cpu()));
  a.drain_all(m.cpu());
  EXPECT_EQ(a.nr_free(m.cpu()), 1024U);
}

TEST(FrameAllocator, DoubleFreeIsReportedAndChangesNothing) {
  for (const u32 high : {0U, 64U}) {
    FrameMachine m(512, 512, {.pcp_high = high, .pcp_batch = 8});
    FrameAllocator& a = m.allocator();
    const FrameNo f = a.alloc(m.cpu(), Order{0}).value();
    const FrameNo g = a.alloc(m.cpu(), Order{0}).value();
    a.free(m.cpu(), f, Order{0});
    a.free(m.cpu(), f, Order{0});
    a.free_bulk(m.cpu(), std::vector{g, f, g});
    EXPECT_EQ(m.violations(Rule::conservation), 3U);
    EXPECT_TRUE(a.validate(m.cpu()));
    a.drain_all(m.cpu());
    EXPECT_EQ(m.budget().free_pages(m.cpu()), 512U);
  }
}

TEST(FrameAllocator, TheEpochOfAFreedFrameIsPastTheClockWhichCatchesUpWhenItIsUsedAgain) {
  FrameMachine m(512, 512, {});
  FrameAllocator& a = m.allocator();
  auto clock = [&] { return ref(*m.frames().clock).load(std::memory_order::relaxed); };
  std::vector<FrameNo> out(3);
  ASSERT_TRUE(a.alloc_bulk(m.cpu(), out).has_value());
  EXPECT_EQ(m.epoch(out[0]), 0U);
  a.free_bulk(m.cpu(), out);
  for (const FrameNo f : out) EXPECT_GT(m.epoch(f), clock()) << "whatever was filled before is stale";
  for (int round = 0; round < 3; ++round) {
    const FrameNo again = a.alloc(m.cpu(), Order{0}).value();
    const u32 epoch = m.epoch(again);
    EXPECT_LE(epoch, clock()) << "whatever is filled from now on is not";
    a.free(m.cpu(), again, Order{0});
    EXPECT_GT(m.epoch(again), epoch);
    EXPECT_GT(m.epoch(again), clock());
  }
  const FrameNo block = a.alloc(m.cpu(), Order{3}).value();
  for (u64 i = 0; i < 8; ++i) EXPECT_LE(m.epoch(block + i), clock());
  a.free(m.cpu(), block, Order{3});
  for (u64 i = 0; i < 8; ++i) EXPECT_GT(m.epoch(block + i), clock());
  EXPECT_EQ(m.frames().state_of(block), FrameState::free);
}

TEST(FrameAllocator, PoisonsWhatIsFreed) {
  FrameMachine m(64, 64, {.pcp_high = 0, .poison = true});
  const FrameNo f = m.allocator().alloc(m.cpu(), Order{0}).value();
  m.allocator().free(m.cpu(), f, Order{0});
  for (u64 i = 0; i < m.memory().frame_bytes(); ++i) {
    ASSERT_EQ(m.frames().address(f)[i], FrameAllocator::kPoisonByte);
  }
}

TEST(FrameAllocator, ValidateSeesAFrameWhoseStateWasForged) {
  FrameMachine m(64, 64, {.pcp_high = 0});
  const FrameNo f = m.allocator().alloc(m.cpu(), Order{0}).value();
  m.frames().set_state(f, FrameState::free);
  EXPECT_FALSE(m.allocator().validate(m.cpu()));
  EXPECT_GT(m.violations(Rule::conservation), 0U);
}

TEST(Budget, NeverGoesBelowZeroAndReportsWhatWasNeverTaken) {
  FrameMachine m(64, 10, {.pcp_high = 0});
  EXPECT_FALSE(m.budget().charge(m.cpu(), 11));
  EXPECT_TRUE(m.budget().charge(m.cpu(), 10));
  EXPECT_FALSE(m.budget().charge(m.cpu(), 1));
  m.budget().uncharge(m.cpu(), 10);
  EXPECT_EQ(m.violations(), 0U);
  m.budget().uncharge(m.cpu(), 1);
  EXPECT_EQ(m.violations(Rule::conservation), 1U);
}

}  // namespace
}  // namespace hvo
