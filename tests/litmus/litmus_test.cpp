#include "tests/litmus/litmus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sync/mutex.h"
#include "core/sync/rcu.h"
#include "core/sync/rw_sem.h"
#include "core/sync/spin_lock.h"
#include "core/sync/static_key.h"

namespace hvo::test {
namespace {

using testing::IsSubsetOf;
using Outcomes = std::set<std::string>;

/// Threads may see any acceptable outcome and no other; fibers reach exactly the acceptable ones.
template <class T>
void expect_outcomes(const Outcomes& acceptable) {
  const MakeInstance make = [] { return std::make_unique<T>(); };
  EXPECT_THAT(run_by_threads(make, 200), IsSubsetOf(acceptable));
  EXPECT_EQ(run_by_fibers(make, 3), acceptable);
}

class MessagePassing : public Instance {
 public:
  void program(u32 i, Cpu& cpu) override {
    if (i == 0) {
      cpu.write_once(data_, u32{1});
      cpu.store_release(flag_, u32{1});
    } else {
      seen_flag_ = cpu.load_acquire(flag_);
      seen_data_ = cpu.read_once(data_);
    }
  }
  std::string outcome() override { return std::to_string(seen_flag_) + std::to_string(seen_data_); }

 private:
  Word<u32>& data_ = machine_.arena().make<Word<u32>>();
  Word<u32>& flag_ = machine_.arena().make<Word<u32>>();
  u32 seen_flag_ = 0;
  u32 seen_data_ = 0;
};

TEST(Litmus, AReleasedMessageIsSeenWhole) { expect_outcomes<MessagePassing>({"00", "01", "11"}); }

class StoreBuffering : public Instance {
 public:
  void program(u32 i, Cpu& cpu) override {
    cpu.xchg(*word_[i], u32{1});
    const u32 seen = cpu.fetch_add(*word_[1 - i], u32{0});
    (i == 0 ? seen_0_ : seen_1_) = seen;
  }
  std::string outcome() override { return std::to_string(seen_0_) + std::to_string(seen_1_); }

 private:
  std::array<Word<u32>*, 2> word_{&machine_.arena().make<Word<u32>>(), &machine_.arena().make<Word<u32>>()};
  u32 seen_0_ = 9;
  u32 seen_1_ = 9;
};

TEST(Litmus, FullyOrderedOperationsDoNotBothMissEachOther) { expect_outcomes<StoreBuffering>({"01", "10", "11"}); }

/// Two increments of ordinary data under a lock.
template <class Lock>
class LockedCounter : public Instance {
 public:
  void program(u32 /*i*/, Cpu& cpu) override {
    acquire(cpu);
    const u64 seen = cpu.plain_load(counter_);
    cpu.read_once(other_);  // a step inside, so that the other CPU may run here
    cpu.plain_store(counter_, seen + 1);
    release(cpu);
  }
  std::string outcome() override {
    return std::to_string(counter_.raw) + (machine_.violations() != 0 ? " violation" : "");
  }

 private:
  void acquire(Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
    if constexpr (std::is_same_v<Lock, RwSem>) {
      lock_.down_write(cpu);
    } else {
      lock_.lock(cpu);
    }
  }
  void release(Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
    if constexpr (std::is_same_v<Lock, RwSem>) {
      lock_.up_write(cpu);
    } else {
      lock_.unlock(cpu);
    }
  }
  Lock& lock_ = this->machine_.arena().template make<Lock>(LockRank(LockClass::static_key));
  Word<u64>& counter_ = machine_.arena().template make<Word<u64>>();
  Word<u64>& other_ = machine_.arena().template make<Word<u64>>();
};

TEST(Litmus, ASpinLockExcludes) { expect_outcomes<LockedCounter<SpinLock>>({"2"}); }
TEST(Litmus, AMutexExcludes) { expect_outcomes<LockedCounter<Mutex>>({"2"}); }
TEST(Litmus, AWriterExcludesWriters) { expect_outcomes<LockedCounter<RwSem>>({"2"}); }

/// The updater unlinks, waits for a grace period and scribbles; a reader that met the old link must not see that.
class GracePeriod : public Instance {
 public:
  void program(u32 i, Cpu& cpu) override {
    if (i == 0) {
      cpu.store_release(linked_, u32{0});
      synchronize_rcu(cpu, machine_.all());
      cpu.write_once(data_, u32{7});
    } else {
      const RcuReadGuard guard(cpu);
      const u32 linked = cpu.load_acquire(linked_);
      const u32 data = cpu.read_once(data_);
      seen_ = linked == 0 ? "unlinked" : "data " + std::to_string(data);
    }
  }
  std::string outcome() override { return seen_; }

 private:
  Word<u32>& linked_ = machine_.arena().make<Word<u32>>(u32{1});
  Word<u32>& data_ = machine_.arena().make<Word<u32>>(u32{1});
  std::string seen_;
};

TEST(Litmus, AGracePeriodOutlastsEveryReader) { expect_outcomes<GracePeriod>({"unlinked", "data 1"}); }

/// Once inc() has returned, a CPU that learns of it sees the key on.
class KeyIsOnEverywhere : public Instance {
 public:
  void program(u32 i, Cpu& cpu) override {
    if (i == 0) {
      key_.inc(cpu, machine_.all());
      cpu.store_release(told_, u32{1});
    } else {
      const u32 told = cpu.load_acquire(told_);
      const bool on = key_.is_enabled(cpu);
      seen_ = told == 0 ? "not told" : on ? "on" : "off";
    }
  }
  std::string outcome() override { return seen_; }

 private:
  StaticKey& key_ = machine_.arena().make<StaticKey>();
  Word<u32>& told_ = machine_.arena().make<Word<u32>>();
  std::string seen_;
};

TEST(Litmus, AKeyThatWasRaisedIsOnEverywhere) { expect_outcomes<KeyIsOnEverywhere>({"not told", "on"}); }

/// A frame is replaced, its old one retired after the flush: no CPU reads the old one afterwards.
template <bool kFlushes>
class FlushBeforeFree : public Instance {
 public:
  FlushBeforeFree() { machine_.pte(0).raw = TestMachine::entry(1); }
  void program(u32 i, Cpu& cpu) override {
    if (i == 0) {
      cpu.store_release(machine_.pte(0), TestMachine::entry(2));
      if (kFlushes) broadcast(cpu, machine_.all(), kRequestFlush, 0, TestMachine::kPage - 1);
      machine_.retire(1);
    } else {
      cpu.read_once_at<u64>(TestMachine::va(0));
      cpu.read_once_at<u64>(TestMachine::va(0));
    }
  }
  std::string outcome() override { return machine_.violations(Rule::stale_translation) != 0 ? "stale" : "fresh"; }
};

TEST(Litmus, AfterAFlushNoOldTranslationIsUsed) { expect_outcomes<FlushBeforeFree<true>>({"fresh"}); }

TEST(Litmus, WithoutTheFlushAnOldTranslationIsCaught) {
  EXPECT_EQ(run_by_fibers([] { return std::make_unique<FlushBeforeFree<false>>(); }, 3), (Outcomes{"fresh", "stale"}));
}

/// Two locks, taken in both orders.
class BothOrders : public Instance {
 public:
  void program(u32 i, Cpu& cpu) override HVO_THREAD_SAFETY(no_thread_safety_analysis) {
    SpinLock& first = i == 0 ? a_ : b_;
    SpinLock& second = i == 0 ? b_ : a_;
    first.lock(cpu);
    second.lock(cpu);
    second.unlock(cpu);
    first.unlock(cpu);
  }
  std::string outcome() override { return machine_.violations(Rule::lock_order) != 0 ? "inversion" : "clean"; }

 private:
  SpinLock& a_ = machine_.arena().make<SpinLock>(LockRank(LockClass::pcp));
  SpinLock& b_ = machine_.arena().make<SpinLock>(LockRank(LockClass::zone));
};

TEST(Litmus, AnInversionIsReportedInEveryScheduleAndDeadlocksInSome) {
  EXPECT_EQ(run_by_fibers([] { return std::make_unique<BothOrders>(); }, 2), (Outcomes{"deadlock", "inversion"}));
}

}  // namespace
}  // namespace hvo::test
