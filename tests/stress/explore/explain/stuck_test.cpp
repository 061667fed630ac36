// Schedules that come to no end are called what they are: a deadlock, a lost wake-up, a retry without end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sync/spin_lock.h"
#include "stress/explore/explain/retell.h"
#include "tests/stress/explore/little_subject.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Finds a schedule that is stuck, and says why it is.
std::string why_stuck(const std::vector<LittleSubject::Body>& bodies, End end) {
  const EngineOptions engine{.most_steps = 500};
  const auto make = LittleSubject::maker(bodies);
  const auto result = search(make, {.strategy = {StrategySpec::Kind::dfs, 2}, .engine = engine});
  EXPECT_TRUE(result && result->witness);
  if (!result || !result->witness) return "";
  EXPECT_EQ(result->witness->end, end);
  EXPECT_EQ(result->witness->outcomes.of(Key::stuck), 1U);
  const auto subject = make().value();
  std::vector<Moment> moments;
  const Replayed replayed = replay(*subject, engine, 0, result->witness->decisions, &moments);
  EXPECT_EQ(replayed.end, end);
  const Told told = retell(*subject, engine, 0, replayed, moments);
  EXPECT_LE(told.story.at_most(40).rows.size(), 40U);
  return told.words;
}

// The orders are wrong on purpose.
void both(Cpu& cpu, SpinLock& first, SpinLock& second) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
  first.lock(cpu);
  second.lock(cpu);
  second.unlock(cpu);
  first.unlock(cpu);
}
void mutex_in(Cpu& cpu, Mutex& first, Mutex& second) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
  first.lock(cpu);
  second.lock(cpu);
  second.unlock(cpu);
  first.unlock(cpu);
}

TEST(Stuck, TwoSpinLocksInBothOrdersAreADeadlock) {
  const std::string why =
      why_stuck({[](LittleSubject& s, Cpu& cpu) { both(cpu, s.init_mm().page_table_lock, s.hugetlb_lock()); },
                 [](LittleSubject& s, Cpu& cpu) { both(cpu, s.hugetlb_lock(), s.init_mm().page_table_lock); }},
                End::deadlock);
  EXPECT_THAT(why, AllOf(HasSubstr("deadlock"), HasSubstr("CPU 0 holds it"), HasSubstr("CPU 1 holds it")));
  EXPECT_THAT(why, AllOf(HasSubstr("hugetlb_lock"), HasSubstr("page_table_lock"), Not(HasSubstr("lost"))));
}

TEST(Stuck, ThreeMutexesInACircleAreADeadlock) {
  const auto body = [](u32 first) {
    return [first](LittleSubject& s, Cpu& cpu) { mutex_in(cpu, s.mutex(first), s.mutex((first + 1) % 3)); };
  };
  const std::string why = why_stuck({body(0), body(1), body(2)}, End::deadlock);
  EXPECT_THAT(why, AllOf(HasSubstr("deadlock"), HasSubstr("CPU 0: "), HasSubstr("CPU 1: "), HasSubstr("CPU 2: ")));
  EXPECT_THAT(why, HasSubstr("waits for a mutex"));
}

/// Reads under the mmap lock, then takes the mutex; the others take the mutex, then want to write.
void read_then_mutex(LittleSubject& s, Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
  s.init_mm().mmap_lock.down_read(cpu);
  s.mutex(0).lock(cpu);
  s.mutex(0).unlock(cpu);
  s.init_mm().mmap_lock.up_read(cpu);
}
void mutex_then_write(LittleSubject& s, Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
  s.mutex(0).lock(cpu);
  s.init_mm().mmap_lock.down_write(cpu);
  s.init_mm().mmap_lock.up_write(cpu);
  s.mutex(0).unlock(cpu);
}
void write_only(LittleSubject& s, Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
  s.init_mm().mmap_lock.down_write(cpu);
  s.init_mm().mmap_lock.up_write(cpu);
}

TEST(Stuck, ARwSemInACircleIsADeadlockAndItsReaderIsNamed) {
  const std::string why = why_stuck({mutex_then_write, read_then_mutex}, End::deadlock);
  EXPECT_THAT(why, AllOf(HasSubstr("deadlock"), HasSubstr("waits for a rwsem for write"), HasSubstr("mmap_lock")));
  EXPECT_THAT(why, AllOf(HasSubstr("CPU 1 holds it"), HasSubstr("CPU 0 holds it")));
}

TEST(Stuck, WhoWaitsForARwSemDoesNotHoldIt) {
  // CPU 0 and CPU 1 both want to write; CPU 2 reads.
  const auto subject =
      std::make_unique<LittleSubject>(std::vector<LittleSubject::Body>{write_only, mutex_then_write, read_then_mutex});
  // CPU 2 first, until it has the lock; then CPU 1, until it has the mutex and waits; then CPU 0.
  const std::vector<std::vector<u8>> tries{{2, 0, 0, 2}, {2, 0, 0, 0, 2}, {2, 0, 2}, {2, 0, 0, 0, 0, 2}};
  bool met = false;
  for (const auto& decisions : tries) {
    std::vector<Moment> moments;
    const Replayed r = replay(*subject, {}, 0, decisions, &moments);
    if (r.end != End::deadlock || r.blocked[0].why != WaitFor::write_lock || r.blocked[1].why != WaitFor::write_lock) {
      continue;
    }
    met = true;
    const std::string why = retell(*subject, {}, 0, r, moments).words;
    EXPECT_THAT(why, AllOf(HasSubstr("deadlock"), Not(HasSubstr("CPU 0 holds it")))) << why;
    EXPECT_THAT(why, AllOf(HasSubstr("CPU 1 holds it"), HasSubstr("CPU 2 holds it"))) << why;
  }
  EXPECT_TRUE(met);
}

TEST(Stuck, AFlushWaitsForWhoHasItsInterruptsOffAndWaitsForTheFlusher) {
  const std::string why = why_stuck({[](LittleSubject& s, Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
                                       s.init_mm().page_table_lock.lock(cpu);
                                       broadcast(cpu, s.machine().cpus(), kRequestFlush, 0, 4095);
                                       s.init_mm().page_table_lock.unlock(cpu);
                                     },
                                     [](LittleSubject& s, Cpu& cpu) HVO_THREAD_SAFETY(no_thread_safety_analysis) {
                                       s.init_mm().page_table_lock.lock_irq(cpu);
                                       s.init_mm().page_table_lock.unlock_irq(cpu);
                                     }},
                                    End::deadlock);
  EXPECT_THAT(why, AllOf(HasSubstr("deadlock"), HasSubstr("waits for a TLB flush to be served")));
  EXPECT_THAT(why,
              AllOf(HasSubstr("CPU 1 has to\n  answer, which has its interrupts off"), HasSubstr("CPU 0 holds it")));
}

TEST(Stuck, AWakerThatLooksTooEarlyLosesTheWakeUp) {
  enum : u32 { kWork, kSleeps, kWoken };
  const std::string why = why_stuck({[](LittleSubject& s, Cpu& cpu) {
                                       if (cpu.read_once(s.word(kWork)) != 0) return;
                                       cpu.write_once(s.word(kSleeps), u64{1});
                                       cpu.wait_until(WaitFor::work, s.word(kWoken), [](u64 w) { return w != 0; });
                                     },
                                     [](LittleSubject& s, Cpu& cpu) {
                                       cpu.write_once(s.word(kWork), u64{1});
                                       if (cpu.read_once(s.word(kSleeps)) == 0) return;
                                       cpu.write_once(s.word(kWoken), u64{1});
                                     }},
                                    End::deadlock);
  EXPECT_THAT(why, AllOf(HasSubstr("lost wake-up"), HasSubstr("CPU 1: done"), Not(HasSubstr("deadlock"))));
  EXPECT_THAT(why, HasSubstr("nobody is left to change that"));
}

TEST(Stuck, ARetryThatNeverSucceedsIsEndless) {
  const std::string why = why_stuck({[](LittleSubject& s, Cpu& cpu) {
                                       const OpScope scope(cpu, Op::compound_head);
                                       u64 seen = cpu.read_once(s.word(0));
                                       // It does not look at what it met.
                                       while (cpu.cmpxchg(s.word(0), seen, u64{5}) != seen) {
                                       }
                                     },
                                     [](LittleSubject& s, Cpu& cpu) { cpu.write_once(s.word(0), u64{1}); }},
                                    End::endless);
  EXPECT_THAT(why, AllOf(HasSubstr("endless"), HasSubstr("500 steps"), HasSubstr("CPU 0 took"),
                         HasSubstr("compound_head"), HasSubstr("never succeeds")));
}

}  // namespace
}  // namespace hvo::test
