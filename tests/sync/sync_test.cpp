#include <gtest/gtest.h>

#include "core/sync/mutex.h"
#include "core/sync/rcu.h"
#include "core/sync/rw_sem.h"
#include "core/sync/spin_lock.h"
#include "core/sync/static_key.h"
#include "tests/support/test_machine.h"

namespace hvo::test {
namespace {

/// Two Cpus on one host thread: more than a per-thread analysis can follow.
HVO_THREAD_SAFETY(no_thread_safety_analysis)
void share_after_downgrade(Cpu& a, Cpu& b, RwSem& sem) {
  sem.down_write(a);
  sem.downgrade_write(a);
  sem.down_read(b);
  sem.up_read(b);
  sem.up_read(a);
}

struct SyncTest : testing::Test {
  TestMachine m{2};
  Cpu& a = m.cpu(0);
  Cpu& b = m.cpu(1);
  SpinLock& outer = m.arena().make<SpinLock>(LockRank{LockClass::page_table});
  SpinLock& inner = m.arena().make<SpinLock>(LockRank{LockClass::zone});
  Mutex& mutex = m.arena().make<Mutex>(LockRank{LockClass::resize});
  Mutex& late = m.arena().make<Mutex>(LockRank{LockClass::hugetlb});
  RwSem& sem = m.arena().make<RwSem>(LockRank{LockClass::mmap});
  StaticKey& key = m.arena().make<StaticKey>();
  u64 lock_order() { return m.violations(Rule::lock_order); }
};

TEST_F(SyncTest, ARankInversionIsReportedAndTheRightOrderIsNot) {
  {
    const SpinGuard first(a, outer);
    const SpinGuard second(a, inner);
    EXPECT_EQ(lock_order(), 0u);
  }
  const SpinGuard first(a, inner);
  const SpinGuard second(a, outer);
  EXPECT_EQ(lock_order(), 1u);
}

TEST_F(SyncTest, TheOrderOfALeafSectionIsCheckedAndNotNoted) {
  {
    const SpinGuard first(a, outer);
    const SpinLeafGuard leaf(a, inner);
    EXPECT_EQ(a.state().nr_held, 1U);
    EXPECT_EQ(lock_order(), 0U);
  }
  const SpinGuard first(a, inner);
  const SpinLeafGuard leaf(a, outer);
  EXPECT_EQ(lock_order(), 1U);
}

TEST_F(SyncTest, ASleepingLockUnderASpinlockIsReported) {
  const SpinGuard spin(a, outer);
  const MutexGuard sleeping(a, late);
  EXPECT_EQ(lock_order(), 1u);
}

TEST_F(SyncTest, ASleepingLockWithInterruptsOffOrInAReadSectionIsReported) {
  a.local_irq_disable();
  {
    const MutexGuard sleeping(a, mutex);
  }
  a.local_irq_enable();
  EXPECT_EQ(lock_order(), 1u);
  const RcuReadGuard section(a);
  const MutexGuard sleeping(a, mutex);
  EXPECT_EQ(lock_order(), 2u);
}

TEST_F(SyncTest, AFlushWithInterruptsOffAndAGracePeriodInASectionAreReported) {
  a.local_irq_disable();
  broadcast(a, m.all(), kRequestFlush, 0, 1);
  a.local_irq_enable();
  EXPECT_EQ(lock_order(), 1u);
  const RcuReadGuard section(a);
  synchronize_rcu(a, m.all());
  EXPECT_EQ(lock_order(), 2u);
}

TEST_F(SyncTest, AQuiescentStateAskedForInASectionThatEndsWithInterruptsOffIsServedOnceTheyAreOn) {
  Slot& slot = b.slot_of(a, kRequestQuiesce);
  b.run();
  rcu_read_lock(b);
  const u64 ticket = b.post(a, kRequestQuiesce, 0, 0);
  ASSERT_NE(ticket, 0U);
  b.serve();
  b.local_irq_disable();
  rcu_read_unlock(b);
  EXPECT_NE(ref(slot.served).load(), ticket) << "interrupts are off";
  b.local_irq_enable();
  b.idle();
  EXPECT_EQ(ref(slot.served).load(), ticket);
}

TEST_F(SyncTest, ReadersShareAndADowngradedWriterIsAReader) {
  share_after_downgrade(a, b, sem);
  const ReadGuard again(a, sem);
  EXPECT_EQ(m.violations(), 0u);
}

TEST_F(SyncTest, AStaticKeyCountsAndSwitchesAtZeroOnlyAndReportsUnderflow) {
  a.run();
  key.inc(a, m.all());
  key.inc(a, m.all());
  EXPECT_EQ(key.count(a), 2u);
  key.dec(a, m.all());
  EXPECT_TRUE(key.is_enabled(a));
  key.dec(a, m.all());
  EXPECT_FALSE(key.is_enabled(a));
  EXPECT_EQ(a.diagnostics().counts[Event::key_transition], 2u);
  key.dec(a, m.all());
  EXPECT_EQ(m.violations(Rule::range), 1u);
}

TEST_F(SyncTest, LocksExcludeEachOther) {
  u64 spun = 0, spun_in_leaf = 0, slept = 0, written = 0;  // plain on purpose
  const auto body = [&](Cpu& cpu) {
    for (int i = 0; i < 2000; ++i) {
      {
        const SpinGuard g(cpu, outer);
        ++spun;
      }
      {
        const SpinLeafGuard g(cpu, inner);
        ++spun_in_leaf;
      }
      {
        const MutexGuard g(cpu, mutex);
        ++slept;
      }
      sem.down_write(cpu);
      ++written;
      sem.up_write(cpu);
    }
  };
  m.run_threads({body, body});
  EXPECT_EQ(spun, 4000u);
  EXPECT_EQ(spun_in_leaf, 4000u);
  EXPECT_EQ(slept, 4000u);
  EXPECT_EQ(written, 4000u);
  EXPECT_EQ(m.violations(), 0u);
}

TEST_F(SyncTest, TwoCpusThatFlushAtOnceUnderAndBesideALockFinish) {
  const auto body = [&](Cpu& cpu) {
    for (int i = 0; i < 500; ++i) {
      broadcast(cpu, m.all(), kRequestFlush, 0, ~u64{0});
      const SpinGuard g(cpu, outer);
      broadcast(cpu, m.all(), kRequestFlush, 0, ~u64{0});
    }
  };
  m.run_threads({body, body});
  EXPECT_EQ(m.violations(), 0u);
}

TEST_F(SyncTest, AGracePeriodWaitsForTheSectionsThatHadBegun) {
  u64 object = 1;  // plain: only the grace period orders the reader before the updater
  Word<u64>& published = m.pte(0);
  Word<u64>& entered = m.pte(1);
  u64 seen = 0;
  m.run_threads({[&](Cpu& cpu) {
                   const RcuReadGuard section(cpu);
                   cpu.write_once(entered, u64{1});
                   for (int i = 0; i < 1000; ++i) cpu.read_once(published);
                   seen = object;
                 },
                 [&](Cpu& cpu) {
                   cpu.wait_until(WaitFor::work, entered, [](u64 v) { return v != 0; });
                   synchronize_rcu(cpu, m.all());
                   object = 2;
                 }});
  EXPECT_EQ(seen, 1u);
}

}  // namespace
}  // namespace hvo::test
