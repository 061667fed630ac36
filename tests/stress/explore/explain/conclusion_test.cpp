#include "stress/explore/explain/conclusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "stress/explore/explain/step_table.h"
#include "tests/stress/explore/explain/replayed.h"

namespace hvo::stress {
namespace {

using test::Ended;
using testing::HasSubstr;

TEST(Conclusion, SaysWhatWasExpectedAndSeenAndThatItIsKnown) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  const Conclusion f = conclusion_of(race.violation(), race.machine(), race.moments());
  EXPECT_EQ(f.name, "read-only-store");
  EXPECT_THAT(f.expected, HasSubstr("page[8].refcount is mapped read-write when CPU 1 (unfiltered pfn walk)"));
  EXPECT_THAT(f.seen, HasSubstr("cmpxchg page[8].refcount 1→2 trapped: its PTE is frame"));
  EXPECT_THAT(f.known, HasSubstr("shared-tail"));
  EXPECT_THAT(f.known, testing::EndsWith("; open"));
  const std::string text = conclusion_text(f);
  for (const std::string_view title : {"rule:", "expected:", "seen:", "known:"}) EXPECT_THAT(text, HasSubstr(title));
  EXPECT_EQ(conclusion_json(f).at("name"), "read-only-store");
}

TEST(Conclusion, SaysWhichWordOfAPageIsBad) {
  test::Replayed run("none");
  Machine& m = run.machine();
  const u64 va = m.vmemmap().page_of({3}).va;
  // A page is freed although somebody has left a mapping in it.
  const auto body = [&](Cpu& cpu) {
    const auto page = m.pages().alloc_frozen_pages(cpu, Order{0});
    const u64 at = m.vmemmap().page_of(*page).va;
    (void)cpu.write_once_at<u64>(at + page_field::mapping, 77);
    m.pages().free_frozen_pages(cpu, *page, Order{0});
  };
  Violation v;
  ASSERT_TRUE(run.find({body}, 0, [&](const Ended& r) {
    if (!r.violations.empty()) v = r.violations[0];
    return !r.violations.empty();
  }));
  ASSERT_EQ(v.rule, Rule::bad_page);
  EXPECT_NE(v.object, va) << "the first page is handed out first";
  const Conclusion f = conclusion_of(v, m, run.moments());
  EXPECT_THAT(f.expected, HasSubstr(".mapping is 0"));
  EXPECT_THAT(f.seen, HasSubstr("77, by CPU 0"));
  EXPECT_TRUE(f.known.empty());
  EXPECT_THAT(step_table(tell(m, run.moments(), culprits_of(v, m, run.moments()))), HasSubstr(".mapping 0→77"));
}

TEST(Conclusion, SaysWhoWaitsForWhomInADeadlock) {
  test::Replayed run("none");
  Machine& m = run.machine();
  InitMm& mm = m.page_table().init_mm();
  auto& other = const_cast<SpinLock&>(m.hugetlb().hugetlb_lock());
  const auto both = [](SpinLock& first, SpinLock& second) {
    return [&](Cpu& cpu) {
      const SpinGuard outer(cpu, first);
      const SpinGuard inner(cpu, second);
    };
  };
  ASSERT_TRUE(run.find({both(mm.page_table_lock, other), both(other, mm.page_table_lock)}, 1,
                       [](const Ended& r) { return r.is_stuck(); }));
  const Conclusion f = conclusion_of_deadlock(m, run.moments());
  EXPECT_EQ(f.name, "deadlock");
  EXPECT_THAT(f.seen, HasSubstr("CPU 0 (-) waits for hugetlb_lock: CPU 1 has it"));
  EXPECT_THAT(f.seen, HasSubstr("CPU 1 (-) waits for page_table_lock: CPU 0 has it"));
  const std::string table = step_table(tell(m, run.moments(), culprits_of_deadlock(run.moments())));
  for (const std::string_view part :
       {"locks page_table_lock", "locks hugetlb_lock", "waits for page_table_lock: CPU 0"})
    EXPECT_THAT(table, HasSubstr(part));
}

}  // namespace
}  // namespace hvo::stress
