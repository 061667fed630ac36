// What flushes, grace periods and idle CPUs order, and what a load may still see through a translation that is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cpu/ipi.h"
#include "core/sync/rcu.h"
#include "tests/stress/explore/every_choice.h"

namespace hvo::test {
namespace {

using testing::Contains;
using testing::Not;

constexpr u64 kPage = TestMachine::va(1);
constexpr u32 kOld = 5;
constexpr u32 kNew = 6;

/// Page 1 of the vmemmap is mapped by frame 5, whose word 0 is 1 and word 1 is 1; in frame 6 both are 2.
class FlushShape : public Litmus {
 public:
  using Body = void (*)(FlushShape&, Cpu&);
  FlushShape(std::vector<Body> bodies, FlushBy by)
      : Litmus(static_cast<u32>(bodies.size()), {.flush_by = by}), bodies_(std::move(bodies)) {
    machine_.pte(1).raw = TestMachine::entry(kOld);
    for (u64 i = 0; i < 2; ++i) {
      at(kOld)[i] = 1;
      at(kNew)[i] = 2;
    }
  }
  void program(u32 i, Cpu& cpu) override { bodies_[i](*this, cpu); }
  std::string outcome() override {
    std::string all;
    for (const u64 r : r_) {
      if (r != kUnset) all += std::to_string(r);
    }
    return all + (machine_.violations() != 0 ? " violation" : "");
  }
  void full_barrier(Cpu& cpu) { cpu.fetch_add(scratch_[cpu.id()], u64{0}); }
  void flush(Cpu& cpu) { broadcast(cpu, machine_.all(), kRequestFlush, kPage, kPage + TestMachine::kPage - 1); }
  void remap(Cpu& cpu, u32 frame) {
    cpu.store_release(machine_.pte(1), TestMachine::entry(frame));
    flush(cpu);
  }
  u64* at(u32 frame) { return reinterpret_cast<u64*>(machine_.frames().address({frame})); }
  std::span<Cpu* const> all() { return machine_.all(); }
  u64& r(u32 i) { return r_[i]; }
  Word<u64>& x = word();
  Word<u64>& y = word();

 private:
  static constexpr u64 kUnset = 99;
  std::vector<Body> bodies_;
  std::span<Word<u64>> scratch_ = machine_.arena().make_span<Word<u64>>(8);
  std::array<u64, 8> r_{kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset};
};

Outcomes weakly(FlushBy by, const std::vector<FlushShape::Body>& bodies, u32 preemptions = 3) {
  return weak<FlushShape>(preemptions, bodies, by);
}

constexpr std::array kBoth{FlushBy::ipi, FlushBy::broadcast};

// ---- flushes and grace periods order
// -----------------------------------------------------------------------------------

TEST(WeakFlush, AFlushIsAFullBarrierForWhoAsks) {
  const FlushShape::Body flusher = [](FlushShape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    s.flush(c);
    s.r(0) = c.read_once(s.y);
  };
  const FlushShape::Body other = [](FlushShape& s, Cpu& c) {
    c.write_once(s.y, u64{1});
    s.full_barrier(c);
    s.r(1) = c.read_once(s.x);
  };
  for (const FlushBy by : kBoth) EXPECT_THAT(weakly(by, {flusher, other}), Not(Contains("00")));
}

TEST(WeakFlush, AnInterruptIsAFullBarrierForWhoServesIt) {
  const FlushShape::Body flusher = [](FlushShape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    s.flush(c);
    c.write_once(s.y, u64{1});
  };
  const FlushShape::Body other = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.read_once(s.y);
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_THAT(weakly(FlushBy::ipi, {flusher, other}), Not(Contains("10")));
  EXPECT_THAT(weakly(FlushBy::broadcast, {flusher, other}), Contains("10"));
}

TEST(WeakFlush, AfterABroadcastFlushAnAcquireSeesWhatWasBeforeIt) {
  const FlushShape::Body flusher = [](FlushShape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    s.flush(c);
    c.write_once(s.y, u64{1});
  };
  const FlushShape::Body other = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.load_acquire(s.y);
    s.r(1) = c.read_once(s.x);
  };
  for (const FlushBy by : kBoth) EXPECT_THAT(weakly(by, {flusher, other}), Not(Contains("10")));
}

TEST(WeakFlush, WhoFlushesSeesWhatTheOthersStoredBefore) {
  const FlushShape::Body flusher = [](FlushShape& s, Cpu& c) {
    s.remap(c, kNew);
    s.r(0) = c.plain_load(reinterpret_cast<Word<u64>*>(s.at(kOld))[0]);
    s.r(1) = c.read_once(reinterpret_cast<Word<u64>*>(s.at(kOld))[0]);
  };
  const FlushShape::Body other = [](FlushShape&, Cpu& c) { (void)c.write_once_at<u64>(kPage, 3); };
  for (const FlushBy by : kBoth) EXPECT_EQ(weakly(by, {flusher, other}), (Outcomes{"11", "33"}));
}

TEST(WeakFlush, AReadSectionSeesAllOrNothingOfWhatAGracePeriodDivides) {
  const FlushShape::Body updater = [](FlushShape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    synchronize_rcu(c, s.all());
    c.write_once(s.y, u64{1});
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    const RcuReadGuard guard(c);
    s.r(0) = c.read_once(s.y);
    s.r(1) = c.read_once(s.x);
  };
  for (const FlushBy by : kBoth) {
    const Outcomes seen = weakly(by, {updater, reader});
    EXPECT_THAT(seen, Not(Contains("10")));
    EXPECT_THAT(seen, Contains("11"));
  }
}

TEST(WeakFlush, AfterAGracePeriodTheStoresOfOlderSectionsAreSeen) {
  const FlushShape::Body updater = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.read_once(s.x);
    synchronize_rcu(c, s.all());
    s.r(1) = c.read_once(s.y);
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    const RcuReadGuard guard(c);
    c.write_once(s.x, u64{1});
    c.write_once(s.y, u64{1});
  };
  for (const FlushBy by : kBoth) {
    const Outcomes seen = weakly(by, {updater, reader});
    EXPECT_THAT(seen, Not(Contains("10")));
    EXPECT_THAT(seen, Contains("00"));
  }
}

TEST(WeakFlush, WhatACpuDidBeforeItWentIdleIsSeenByWhoNeedNotWaitForIt) {
  // The flag is behind the seam: no step, no order. Between it and going idle is no step either.
  const FlushShape::Body updater = [](FlushShape& s, Cpu& c) {
    s.r(0) = ref(s.y).load(std::memory_order::relaxed);
    synchronize_rcu(c, s.all());
    s.r(1) = c.read_once(s.x);
  };
  const FlushShape::Body other = [](FlushShape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    ref(s.y).store(1, std::memory_order::relaxed);
  };
  for (const FlushBy by : kBoth) {
    const Outcomes seen = weakly(by, {updater, other});
    EXPECT_THAT(seen, Not(Contains("10")));
    EXPECT_THAT(seen, Contains("11"));
    EXPECT_THAT(seen, Contains("00"));
  }
}

// ---- loads that are satisfied early
// ------------------------------------------------------------------------------------

constexpr FlushShape::Body kRemap = [](FlushShape& s, Cpu& c) {
  s.remap(c, kNew);
  c.write_once(s.x, u64{1});
};

/// Uses the page, then reads x, then the page again, somehow ordered.
template <class Between>
void read_page(FlushShape& s, Cpu& c, Between between) {
  (void)c.read_once_at<u64>(kPage + 8);
  s.r(0) = between();
  s.r(1) = c.read_once_at<u64>(kPage);
}

TEST(WeakFlush, ALoadMayBeSatisfiedThroughTheTranslationThatABroadcastFlushDropped) {
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) { read_page(s, c, [&] { return c.read_once(s.x); }); };
  EXPECT_THAT(weakly(FlushBy::broadcast, {kRemap, reader}), Contains("11"));
  EXPECT_THAT(weakly(FlushBy::ipi, {kRemap, reader}), Not(Contains("11")));
  EXPECT_THAT(sequential<FlushShape>(3, std::vector<FlushShape::Body>{kRemap, reader}, FlushBy::broadcast),
              Not(Contains("11")));
}

TEST(WeakFlush, AnAcquireOrAFullBarrierKeepsLoadsBehindIt) {
  const FlushShape::Body acquires = [](FlushShape& s, Cpu& c) { read_page(s, c, [&] { return c.load_acquire(s.x); }); };
  const FlushShape::Body updates = [](FlushShape& s, Cpu& c) {
    read_page(s, c, [&] { return c.fetch_add(s.x, u64{0}); });
  };
  EXPECT_EQ(weakly(FlushBy::broadcast, {kRemap, acquires}), (Outcomes{"01", "02", "12"}));
  EXPECT_EQ(weakly(FlushBy::broadcast, {kRemap, updates}), (Outcomes{"01", "02", "12"}));
}

TEST(WeakFlush, AnAcquiringLoadIsNotSatisfiedEarly) {
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    (void)c.read_once_at<u64>(kPage + 8);
    s.r(0) = c.read_once(s.x);
    s.r(1) = c.load_acquire_at<u64>(kPage);
  };
  EXPECT_THAT(weakly(FlushBy::broadcast, {kRemap, reader}), Not(Contains("11")));
}

TEST(WeakFlush, AnAddressThatWasStoredAfterTheFlushIsFollowedThroughTheNewTranslation) {
  const FlushShape::Body remap = [](FlushShape& s, Cpu& c) {
    s.remap(c, kNew);
    c.write_once(s.x, kPage);
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    read_page(s, c, [&] { return c.read_once(s.x) == kPage ? u64{1} : u64{0}; });
  };
  EXPECT_THAT(weakly(FlushBy::broadcast, {remap, reader}), Not(Contains("11")));
}

TEST(WeakFlush, AnEarlyLoadIsAsNewAsTheAddressThatItFollows) {
  const FlushShape::Body publish = [](FlushShape& s, Cpu& c) {
    (void)c.write_once_at<u64>(kPage, 4);
    c.store_release(s.x, kPage);
    s.remap(c, kNew);
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    read_page(s, c, [&] { return c.read_once(s.x) == kPage ? u64{1} : u64{0}; });
  };
  const Outcomes seen = weakly(FlushBy::broadcast, {publish, reader});
  EXPECT_THAT(seen, Not(Contains("11")));
  EXPECT_THAT(seen, Contains("14"));
  EXPECT_THAT(seen, Contains("12"));
}

TEST(WeakFlush, ALoadIsNotSatisfiedBeforeAStoreOfItsCpuToThatAddress) {
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.read_once_at<u64>(kPage);
    (void)c.write_once_at<u64>(kPage, 9);
    s.r(1) = c.read_once_at<u64>(kPage);
  };
  const Outcomes seen = weakly(FlushBy::broadcast, {kRemap, reader});
  EXPECT_THAT(seen, Contains("29"));
  EXPECT_THAT(seen, Not(Contains("21")));
}

TEST(WeakFlush, WhatIsStoredToTheOldFrameAfterTheFlushIsNeverSeen) {
  const FlushShape::Body reuse = [](FlushShape& s, Cpu& c) {
    s.remap(c, kNew);
    std::array<u64, TestMachine::kPage / 8> poison{};
    poison.fill(7);
    c.fill_frame({kOld}, reinterpret_cast<const std::byte*>(poison.data()));
    c.write_once(s.x, u64{1});
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) { read_page(s, c, [&] { return c.read_once(s.x); }); };
  EXPECT_EQ(weakly(FlushBy::broadcast, {reuse, reader}), (Outcomes{"01", "02", "11", "12"}));
}

TEST(WeakFlush, WhatTheOldFrameHeldBeforeTheFlushMayBeSeen) {
  const FlushShape::Body remap = [](FlushShape& s, Cpu& c) {
    (void)c.write_once_at<u64>(kPage, 4);
    s.remap(c, kNew);
    c.write_once(s.x, u64{1});
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) { read_page(s, c, [&] { return c.read_once(s.x); }); };
  EXPECT_EQ(weakly(FlushBy::broadcast, {remap, reader}), (Outcomes{"01", "02", "04", "11", "12", "14"}));
  EXPECT_EQ(weakly(FlushBy::ipi, {remap, reader}), (Outcomes{"01", "02", "04", "12"}));
}

TEST(WeakFlush, AnEarlyLoadMayHaveWalkedBeforeTheFlush) {
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.read_once(s.x);
    s.r(1) = c.read_once_at<u64>(kPage);
  };
  EXPECT_EQ(weakly(FlushBy::broadcast, {kRemap, reader}), (Outcomes{"01", "02", "11", "12"}));
  EXPECT_EQ(weakly(FlushBy::ipi, {kRemap, reader}), (Outcomes{"01", "02", "12"}));
}

TEST(WeakFlush, AnEarlyLoadDoesNotWalkThroughWhatTheCpuKnowsToBeOver) {
  const FlushShape::Body remap = [](FlushShape& s, Cpu& c) {
    c.store_release(s.machine().pte(1), TestMachine::entry(kNew));
    c.store_release(s.y, u64{1});
    s.flush(c);
    c.write_once(s.x, u64{1});
  };
  const FlushShape::Body reader = [](FlushShape& s, Cpu& c) {
    s.r(0) = c.load_acquire(s.y);
    s.r(1) = c.read_once(s.x);
    s.r(2) = c.read_once_at<u64>(kPage);
  };
  const Outcomes seen = weakly(FlushBy::broadcast, {remap, reader});
  EXPECT_THAT(seen, Not(Contains("111")));
  EXPECT_THAT(seen, Contains("011"));
  EXPECT_THAT(seen, Contains("112"));
}

TEST(WeakFlush, AWalkAfterTheFlushDoesNotFindTheOldEntry) {
  const FlushShape::Body remap = [](FlushShape& s, Cpu& c) {
    s.remap(c, kNew);
    s.machine().retire(kOld);
  };
  const FlushShape::Body reader = [](FlushShape&, Cpu& c) {
    (void)c.load_acquire_at<u64>(kPage);
    (void)c.load_acquire_at<u64>(kPage);
  };
  for (const FlushBy by : kBoth) EXPECT_EQ(weakly(by, {remap, reader}), (Outcomes{""}));
}

TEST(WeakFlush, WithoutAReleaseAWalkMayFindTheNewFrameAsItWas) {
  const auto outcomes = []<bool kReleases>() {
    const FlushShape::Body fill = [](FlushShape& s, Cpu& c) {
      c.write_once(*reinterpret_cast<Word<u64>*>(s.at(kNew)), u64{8});
      Word<u64>& pte = s.machine().pte(1);
      if (kReleases) {
        c.store_release(pte, TestMachine::entry(kNew));
      } else {
        c.write_once(pte, TestMachine::entry(kNew));
      }
    };
    const FlushShape::Body reader = [](FlushShape& s, Cpu& c) { s.r(0) = c.read_once_at<u64>(kPage); };
    return weakly(FlushBy::ipi, {fill, reader});
  };
  EXPECT_EQ(outcomes.operator()<true>(), (Outcomes{"1", "8"}));
  EXPECT_EQ(outcomes.operator()<false>(), (Outcomes{"1", "2", "8"}));
}

}  // namespace
}  // namespace hvo::test
