#include "stress/parallel/watchdog.h"

#include <gmock/gmock.h>

namespace hvo::stress {
namespace {

using testing::HasSubstr;

using Cpus = std::vector<CpuProgress>;

TEST(Watchdog, SeesOneCpuHangWhileOthersGoOn) {
  Watchdog dog(2, 5, 100);
  for (u64 t = 1; t <= 5; ++t) {
    EXPECT_FALSE(dog.find_hung(Cpus{{.nr_ops = t}, {}}, 100 + static_cast<double>(t)));
  }
  EXPECT_EQ(dog.find_hung(Cpus{{.nr_ops = 6}, {}}, 105.5), 1U);
}

TEST(Watchdog, LeavesACpuAloneThatHasNothingMoreToDo) {
  Watchdog dog(1, 5, 0);
  EXPECT_FALSE(dog.find_hung(Cpus{{.nr_ops = 3, .is_done = true}}, 100));
  EXPECT_FALSE(dog.find_hung(Cpus{{.nr_ops = 3}}, 104));
  EXPECT_EQ(dog.find_hung(Cpus{{.nr_ops = 3}}, 106), 0U);
}

TEST(Watchdog, LongOperationThatMakesStepsIsSlowUntilItLastsForEver) {
  Watchdog dog(1, 5, 0);
  const double most = 5 * Watchdog::kMostTimeouts;
  for (u64 t = 1; static_cast<double>(t) <= most; ++t) {
    EXPECT_FALSE(dog.find_hung(Cpus{{.nr_marks = t}}, static_cast<double>(t)));
  }
  EXPECT_EQ(dog.find_hung(Cpus{{.nr_marks = 1000}}, most + 1), 0U);
}

TEST(Watchdog, QueueForALockIsSlowWhileItsHolderMoves) {
  Watchdog dog(3, 5, 0);
  // 2 waits for 1, 1 for 0, and 0 makes steps.
  const auto at = [](u64 t) { return Cpus{{.nr_marks = t}, {.waits_for = 1}, {.waits_for = 2}}; };
  for (u64 t = 1; t <= 20; ++t) EXPECT_FALSE(dog.find_hung(at(t), static_cast<double>(t)));
  EXPECT_FALSE(dog.find_hung(at(20), 25));
  EXPECT_EQ(dog.find_hung(at(20), 26), 0U) << "now nobody moves";
}

TEST(Watchdog, DeadlockIsFoundThoughAnotherCpuMoves) {
  Watchdog dog(3, 5, 0);
  const auto at = [](u64 t) { return Cpus{{.waits_for = 2}, {.waits_for = 1}, {.nr_ops = t}}; };
  for (u64 t = 1; t <= 5; ++t) EXPECT_FALSE(dog.find_hung(at(t), static_cast<double>(t)));
  EXPECT_EQ(dog.find_hung(at(6), 6), 0U);
}

TEST(Watchdog, CpuThatWaitsForAHostThreadIsSlowWhileAnotherMovesAndHungWhenAllOthersAreDone) {
  Watchdog dog(2, 5, 0);
  const CpuProgress queued{.waits_for = ~u64{0}};
  for (u64 t = 1; t <= 20; ++t) EXPECT_FALSE(dog.find_hung(Cpus{{.nr_ops = t}, queued}, static_cast<double>(t)));
  EXPECT_FALSE(dog.find_hung(Cpus{{.nr_ops = 20, .is_done = true}, {.nr_ops = 1}}, 21));
  EXPECT_EQ(dog.find_hung(Cpus{{.nr_ops = 20, .is_done = true}, {.nr_ops = 1, .waits_for = ~u64{0}}}, 27), 1U);
}

TEST(ProgressOf, NamesTheHolderOfTheLockThatIsWaitedFor) {
  MachineConfig config;
  config.nr_cpus = 3;
  const auto machine = Machine::create(config);
  ASSERT_TRUE(machine);
  Machine& m = **machine;
  EXPECT_EQ(progress_of(m, 2, false).waits_for, ~u64{0}) << "idle: it waits for a host thread";
  m.cpu(2).run();
  Cpu& cpu = m.cpu(1);
  cpu.run();
  SpinLock& lock = m.page_table().init_mm().page_table_lock;
  const u64 before = progress_of(m, 1, false).nr_marks;
  {
    const SpinGuard guard(cpu, lock);
    Activity& other = m.diagnostics(2).activity;
    other.wait_object.store(cpu.name_of(&lock));
    other.wait.store(WaitFor::spin_lock);
    EXPECT_EQ(progress_of(m, 2, false).waits_for, 2U);
    Activity& own = m.diagnostics(1).activity;
    own.wait_object.store(cpu.name_of(&lock));
    own.wait.store(WaitFor::spin_lock);
    EXPECT_EQ(progress_of(m, 1, false).waits_for, ~u64{0}) << "it has just been given the lock";
    own.wait.store(WaitFor::nothing);
    other.wait.store(WaitFor::nothing);
    EXPECT_EQ(progress_of(m, 2, false).waits_for, 0U);
    other.wait.store(WaitFor::spin_lock);
  }
  EXPECT_EQ(progress_of(m, 2, false).waits_for, ~u64{0}) << "it is free";
  {
    const ReadGuard guard(cpu, m.page_table().init_mm().mmap_lock);
    Activity& other = m.diagnostics(2).activity;
    other.wait_object.store(cpu.name_of(&m.page_table().init_mm().mmap_lock));
    other.wait.store(WaitFor::write_lock);
    EXPECT_EQ(progress_of(m, 2, false).waits_for, 2U);
  }
  {
    const OpScope scope(cpu, Op::test);
  }
  EXPECT_GT(progress_of(m, 1, false).nr_marks, before);
}

TEST(DescribeHang, NamesOperationWaitLocksViolationsAndLastMarks) {
  const auto machine = Machine::create({});
  ASSERT_TRUE(machine);
  Machine& m = **machine;
  Cpu& cpu = m.cpu(1);
  cpu.run();
  const OpScope scope(cpu, Op::vmemmap_split_pmd);
  m.diagnostics(1).activity.wait.store(WaitFor::spin_lock);
  cpu.report({.rule = Rule::lock_order, .object = 0xabc, .what = "for the test"});
  const ReadGuard guard(cpu, m.page_table().init_mm().mmap_lock);
  const std::string text = describe_hang(m);
  EXPECT_THAT(text, HasSubstr("CPU 1: in vmemmap_split_pmd"));
  EXPECT_THAT(text, HasSubstr("waits for: spin lock"));
  EXPECT_THAT(text, HasSubstr("holds: mmap_lock"));
  EXPECT_THAT(text, HasSubstr("reported: lock-order in vmemmap_split_pmd: for the test (object 0xabc"));
  EXPECT_THAT(text, HasSubstr("ms ago"));
  EXPECT_THAT(text, HasSubstr("CPU 0: in -"));
}

}  // namespace
}  // namespace hvo::stress
