#include "stress/parallel/watchdog.h"

#include <gmock/gmock.h>

namespace hvo::stress {
namespace {

using testing::HasSubstr;

TEST(Watchdog, SeesOneCpuStuckWhileOthersGoOn) {
  Watchdog dog(2, 5, 100);
  for (u64 t = 1; t <= 5; ++t) {
    EXPECT_FALSE(dog.is_stuck(0, t, false, 100 + static_cast<double>(t)));
    EXPECT_FALSE(dog.is_stuck(1, 0, false, 100 + static_cast<double>(t)));
  }
  EXPECT_FALSE(dog.is_stuck(0, 6, false, 105.5));
  EXPECT_TRUE(dog.is_stuck(1, 0, false, 105.5));
}

TEST(Watchdog, LeavesACpuAloneThatHasNothingMoreToDo) {
  Watchdog dog(1, 5, 0);
  EXPECT_FALSE(dog.is_stuck(0, 3, true, 100));
  EXPECT_FALSE(dog.is_stuck(0, 3, false, 104));
  EXPECT_TRUE(dog.is_stuck(0, 3, false, 106));
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
