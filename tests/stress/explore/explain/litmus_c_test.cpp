#include "stress/explore/explain/litmus_c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "tests/stress/explore/explain/replayed.h"

namespace hvo::stress {
namespace {

using test::Ended;
using test::Explorer;
using testing::HasSubstr;

/// The grammar that herd7 reads, as far as these tests use it: name, comment, initial values, threads, condition.
void expect_well_formed(const std::string& text) {
  static const std::regex whole(
      R"(C [A-Za-z0-9+-]+\n\n\(\*\n( \*[^\n]*\n)+ \*\)\n\{(\n(\t[a-z_A-Z0-9]+ = -?\d+;\n)+)?\}\n)"
      R"((\nP\d\(((int|atomic_t|spinlock_t) \*\w+(, )?)+\)\n\{\n(\tint r\d+;\n)*\n?(\t[^\n]+;\n)+\}\n)+)"
      R"(\nexists \((\d:r\d+|\w+)=-?\d+( /\\ (\d:r\d+|\w+)=-?\d+)*\)\n)");
  EXPECT_TRUE(std::regex_match(text, whole)) << text;
  // Every register that is asked for is declared and written.
  static const std::regex asked(R"((\d):(r\d+)=)");
  for (std::sregex_iterator it(text.begin(), text.end(), asked), end; it != end; ++it) {
    const std::size_t thread = text.find("P" + (*it)[1].str() + "(");
    ASSERT_NE(thread, std::string::npos);
    const std::string body = text.substr(thread, text.find("\n}", thread) - thread);
    EXPECT_THAT(body, HasSubstr("int " + (*it)[2].str() + ";"));
    EXPECT_THAT(body, HasSubstr("\t" + (*it)[2].str() + " = "));
  }
}

class Litmus : public testing::Test {
 protected:
  u64 field(u64 offset) { return run_.machine().vmemmap().page_of({3}).va + offset; }
  /// Message passing: data in `index`, the flag in `private`.
  Explorer::Body writer() {
    return [this](Cpu& cpu) {
      (void)cpu.write_once_at<u64>(field(page_field::index), 5);
      (void)cpu.store_release_at<u64>(field(page_field::priv), 1);
    };
  }
  Explorer::Body reader() {
    return [this](Cpu& cpu) {
      flag_ = cpu.load_acquire_at<u64>(field(page_field::priv));
      data_ = cpu.read_once_at<u64>(field(page_field::index));
    };
  }

  test::Replayed run_{"none"};
  u64 flag_ = 0;
  u64 data_ = 0;
};

TEST_F(Litmus, OfMessagePassingHasReleaseAndAcquire) {
  ASSERT_TRUE(run_.find({writer(), reader()}, 1, [this](const Ended&) { return flag_ == 1; }));
  const auto text = litmus_c("MP", run_.machine(), run_.moments(), {});
  ASSERT_TRUE(text) << text.error();
  expect_well_formed(*text);
  EXPECT_THAT(*text, HasSubstr("P0(int *page_3_index, int *page_3_private)\n{\n\tWRITE_ONCE(*page_3_index, 5);\n"
                               "\tsmp_store_release(page_3_private, 1);\n}\n"));
  EXPECT_THAT(*text, HasSubstr("\tr0 = smp_load_acquire(page_3_private);\n\tr1 = READ_ONCE(*page_3_index);\n"));
  EXPECT_THAT(*text, HasSubstr("exists (1:r0=1 /\\ 1:r1=5)"));
}

TEST_F(Litmus, KeepsTheLocksThatBothHold) {
  auto& lock = const_cast<SpinLock&>(run_.machine().hugetlb().hugetlb_lock());
  const auto locked = [&lock](Explorer::Body body) {
    return [&lock, body = std::move(body)](Cpu& cpu) {
      const SpinGuard guard(cpu, lock);
      body(cpu);
    };
  };
  ASSERT_TRUE(run_.find({locked(writer()), locked(reader())}, 0, [](const Ended&) { return true; }));
  const auto text = litmus_c("MP+locks", run_.machine(), run_.moments(), {});
  ASSERT_TRUE(text) << text.error();
  expect_well_formed(*text);
  EXPECT_THAT(*text, HasSubstr("spinlock_t *hugetlb_lock"));
  EXPECT_EQ(std::ranges::count(*text, '\t'), 10) << "two registers, four accesses, two pairs of lock and unlock";
}

TEST_F(Litmus, WritesCountersAsAtomics) {
  const u64 count = field(page_field::refcount);
  const auto take = [count](Cpu& cpu) { (void)cpu.cmpxchg_at<u32>(count, 0, 1); };
  const auto drop = [count](Cpu& cpu) { (void)cpu.fetch_add_at<u32>(count, ~u32{0}); };
  ASSERT_TRUE(run_.find({take, drop}, 0, [](const Ended&) { return true; }));
  const auto text = litmus_c("RMW", run_.machine(), run_.moments(), {});
  ASSERT_TRUE(text) << text.error();
  expect_well_formed(*text);
  EXPECT_THAT(*text, HasSubstr("r0 = atomic_cmpxchg(page_3_refcount, 0, 1);"));
  EXPECT_THAT(*text, HasSubstr("r0 = atomic_fetch_add(-1, page_3_refcount);"));
  EXPECT_THAT(*text, HasSubstr("page_3_refcount=0)"));
}

TEST_F(Litmus, KeepsReadSectionsAndGracePeriods) {
  const auto writes = [this](Cpu& cpu) {
    (void)cpu.write_once_at<u64>(field(page_field::index), 1);
    synchronize_rcu(cpu, run_.machine().cpus());
    (void)cpu.write_once_at<u64>(field(page_field::priv), 1);
  };
  const auto reads = [this](Cpu& cpu) {
    const RcuReadGuard guard(cpu);
    data_ = cpu.read_once_at<u64>(field(page_field::priv));
    flag_ = cpu.read_once_at<u64>(field(page_field::index));
  };
  ASSERT_TRUE(run_.find({writes, reads}, 1, [](const Ended&) { return true; }));
  const auto text = litmus_c("RCU", run_.machine(), run_.moments(), {});
  ASSERT_TRUE(text) << text.error();
  expect_well_formed(*text);
  EXPECT_THAT(*text, HasSubstr("1);\n\tsynchronize_rcu();\n\tWRITE_ONCE"));
  EXPECT_THAT(*text, HasSubstr("\trcu_read_lock();\n\tr0 = "));
  EXPECT_THAT(*text, HasSubstr("\trcu_read_unlock();\n}"));
}

TEST_F(Litmus, IsRefusedWhereNobodyMeets) {
  ASSERT_TRUE(run_.find({writer()}, 0, [](const Ended&) { return true; }));
  const auto text = litmus_c("one", run_.machine(), run_.moments(), {});
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error(), HasSubstr("no word is touched by two CPUs"));
}

TEST(LitmusOfAWalk, IsRefusedBecauseOfTheTranslation) {
  test::ReplayedWalk race("shared-tail");
  ASSERT_TRUE(race.find(1));
  const auto text =
      litmus_c("walk", race.machine(), race.moments(), culprits_of(race.violation(), race.machine(), race.moments()));
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error(), HasSubstr("this story is no litmus test: PTE page[8..15] changes during the story"));
}

}  // namespace
}  // namespace hvo::stress
