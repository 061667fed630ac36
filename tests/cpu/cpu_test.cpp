#include "core/cpu/cpu.h"

#include <gtest/gtest.h>

#include "core/cpu/ipi.h"
#include "tests/support/test_machine.h"

namespace hvo::test {
namespace {

/// The proof of the seam: a whole engine that traces every step.
struct Tracer : Engine {
  std::vector<Kind> scheduled, performed;
  std::function<void(const Access&)> on_before = [](const Access&) {};
  void before(Cpu&, const Access& a) override { scheduled.push_back(a.kind), on_before(a); }
  u64 perform(Cpu& cpu, const Access& a, void* w) override {
    performed.push_back(a.kind);
    return cpu.perform(a, w);
  }
  void wait(Cpu&, WaitFor, const void*) override {}
  u32 choose(Cpu&, Choice, u32) override { return 0; }
  void report(Cpu&, const Violation&) override {}
};

struct CpuTest : testing::Test {
  TestMachine m{2};
  Cpu& a = m.cpu(0);
  Cpu& b = m.cpu(1);
  Tracer tracer;
  void map(u64 page, u64 entry) { ref(m.pte(page)).store(entry, std::memory_order::relaxed); }
};

TEST_F(CpuTest, AnEngineSeesEachStepOnceScheduledAndOncePerformed) {
  map(1, TestMachine::entry(1));
  a.run();
  a.attach(&tracer);
  EXPECT_TRUE(a.write_once_at<u64>(TestMachine::va(1), 7));
  EXPECT_EQ(a.read_once_at<u64>(TestMachine::va(1)), 7u);
  EXPECT_EQ(tracer.scheduled, (std::vector{Kind::store, Kind::walker_load, Kind::load}));
  EXPECT_EQ(tracer.performed, (std::vector{Kind::walker_load, Kind::store, Kind::load}));
}

TEST_F(CpuTest, AnInterruptIsAStepOfItsOwnAndTheAccessIsScheduledAgain) {
  map(1, TestMachine::entry(1));
  a.run();
  a.attach(&tracer);
  EXPECT_EQ(a.post(b, kRequestSyncCore, 0, 0), 1u);
  a.read_once_at<u64>(TestMachine::va(1));
  EXPECT_EQ(tracer.scheduled, (std::vector{Kind::load, Kind::load, Kind::walker_load}));
  EXPECT_EQ(tracer.performed, (std::vector{Kind::fetch_add, Kind::store, Kind::walker_load, Kind::load}));
}

TEST_F(CpuTest, NothingIsServedAtAWalkerLoad) {
  map(1, TestMachine::entry(1));
  a.run();
  a.attach(&tracer);
  tracer.on_before = [&](const Access& x) {
    if (x.kind == Kind::walker_load) a.post(b, kRequestFlush, 0, ~u64{0});
  };
  a.read_once_at<u64>(TestMachine::va(1));
  EXPECT_EQ(a.state().nr_served, 0u);
  a.read_once_at<u64>(TestMachine::va(1));
  EXPECT_EQ(a.state().nr_served, 1u);
}

TEST_F(CpuTest, AnIdleCpuIsNotWaitedForAndItsSlotIsWidened) {
  EXPECT_EQ(a.post(b, kRequestFlush, 100, 200), 0u);
  EXPECT_EQ(a.post(b, kRequestSyncCore, 50, 150), 0u);
  EXPECT_EQ(a.slot_of(b, 0).first.raw, 50u);
  EXPECT_EQ(a.slot_of(b, 0).last.raw, 200u);
  EXPECT_EQ(a.slot_of(b, 0).what.raw, u32{kRequestFlush | kRequestSyncCore});
  a.run();
  EXPECT_EQ(a.slot_of(b, 0).served.raw, 2u);
  EXPECT_EQ(a.post(b, kRequestFlush, 0, 1), 3u);
}

TEST_F(CpuTest, AFlushDropsEntriesOfBothSizesThatOverlap) {
  map(1, TestMachine::entry(1));
  map(4, TestMachine::entry(4, TestMachine::kBlock));
  a.run();
  a.read_once_at<u64>(TestMachine::va(1));
  a.read_once_at<u64>(TestMachine::va(4));
  const Tlb& tlb = a.wiring().tlb;
  tlb.flush(TestMachine::va(2), TestMachine::va(4) - 1);
  EXPECT_NE(tlb.page_slot(TestMachine::va(1)).tag, TlbEntry::kEmpty);
  EXPECT_NE(tlb.block_slot(TestMachine::va(4)).tag, TlbEntry::kEmpty);
  tlb.flush(TestMachine::va(2) - 1, TestMachine::va(7));
  EXPECT_EQ(tlb.page_slot(TestMachine::va(1)).tag, TlbEntry::kEmpty);
  EXPECT_EQ(tlb.block_slot(TestMachine::va(4)).tag, TlbEntry::kEmpty);
}

TEST_F(CpuTest, NothingIsServedWithInterruptsOff) {
  a.run();
  a.post(b, kRequestFlush, 0, 1);
  a.local_irq_disable();
  a.read_once(m.pte(0));
  EXPECT_EQ(a.state().nr_served, 0u);
  a.local_irq_enable();
  a.read_once(m.pte(0));
  EXPECT_EQ(a.state().nr_served, 1u);
}

TEST_F(CpuTest, EveryWriteThroughAReadOnlyEntryTrapsAsAValueAndIsReportedOnce) {
  map(1, TestMachine::entry(1, 0));
  a.run();
  EXPECT_FALSE(a.write_once_at<u64>(TestMachine::va(1), 7));
  EXPECT_EQ(m.violations(Rule::read_only_store), 1u);
  EXPECT_FALSE(a.fetch_add_at<u64>(TestMachine::va(1), 1));
  EXPECT_EQ(m.violations(Rule::read_only_store), 2u);
  EXPECT_FALSE(a.cmpxchg_at<u64>(TestMachine::va(1), 99, 1));
  EXPECT_EQ(m.violations(), 3u);
  EXPECT_EQ(a.read_once_at<u64>(TestMachine::va(1)), 0u);
}

TEST_F(CpuTest, ABroadcastFlushIsServedWithInterruptsOffAndOtherRequestsAreNot) {
  TestMachine broadcasting(2, {.flush_by = FlushBy::broadcast});
  Cpu& x = broadcasting.cpu(0);
  Cpu& y = broadcasting.cpu(1);
  broadcasting.pte(1).raw = TestMachine::entry(1);
  x.run();
  x.read_once_at<u64>(TestMachine::va(1));
  x.local_irq_disable();
  EXPECT_EQ(x.post(y, kRequestFlush, 0, ~u64{0}), 1u);
  EXPECT_EQ(x.post(y, kRequestSyncCore, 0, 0), 1u);
  x.read_once(broadcasting.pte(0));
  EXPECT_EQ(x.wiring().tlb.page_slot(TestMachine::va(1)).tag, TlbEntry::kEmpty);
  EXPECT_EQ(x.slot_of(y, kRequestFlush).served.raw, 1u);
  EXPECT_EQ(x.slot_of(y, kRequestSyncCore).served.raw, 0u);
  x.local_irq_enable();
  x.read_once(broadcasting.pte(0));
  EXPECT_EQ(x.slot_of(y, kRequestSyncCore).served.raw, 1u);
}

TEST_F(CpuTest, ABroadcastFlushMayBeAskedForWithInterruptsOff) {
  TestMachine broadcasting(2, {.flush_by = FlushBy::broadcast});
  Cpu& x = broadcasting.cpu(0);
  x.run();
  x.local_irq_disable();
  broadcast(x, broadcasting.all(), kRequestFlush, 0, 1);
  EXPECT_EQ(broadcasting.violations(), 0u);
  broadcast(x, broadcasting.all(), kRequestSyncCore);
  EXPECT_EQ(broadcasting.violations(Rule::lock_order), 1u);
  x.local_irq_enable();
}

TEST_F(CpuTest, WithLlScAFailedCompareExchangeReadsAndASuccessfulOneTraps) {
  TestMachine ll_sc(1, {.ll_sc = true});
  Cpu& x = ll_sc.cpu(0);
  ll_sc.pte(1).raw = TestMachine::entry(1, 0);
  x.run();
  const auto seen = x.cmpxchg_at<u64>(TestMachine::va(1), 99, 1);
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, 0u);
  EXPECT_EQ(ll_sc.violations(), 0u);
  EXPECT_FALSE(x.cmpxchg_at<u64>(TestMachine::va(1), 0, 1));
  EXPECT_EQ(ll_sc.violations(Rule::read_only_store), 1u);
  EXPECT_FALSE(x.fetch_add_at<u64>(TestMachine::va(1), 0));
}

TEST_F(CpuTest, AStaleTranslationIsReportedOnlyWhenTheFrameMovedOn) {
  map(1, TestMachine::entry(1));
  a.run();
  a.read_once_at<u64>(TestMachine::va(1));
  m.retire(2);
  a.read_once_at<u64>(TestMachine::va(1));
  EXPECT_EQ(m.violations(), 0u);
  m.retire(1);
  a.read_once_at<u64>(TestMachine::va(1));
  EXPECT_EQ(m.violations(Rule::stale_translation), 1u);
}

TEST_F(CpuTest, APageIsCopiedWholeAndAFrameIsFilledWhole) {
  map(1, TestMachine::entry(1));
  a.run();
  std::array<std::byte, TestMachine::kPage> from{}, to{};
  for (u32 i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7);
  a.fill_frame({1}, from.data());
  a.copy_page(to.data(), TestMachine::va(1));
  EXPECT_EQ(from, to);
}

}  // namespace
}  // namespace hvo::test
