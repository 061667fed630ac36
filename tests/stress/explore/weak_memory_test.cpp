#include "stress/explore/memory/weak_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cpu/ipi.h"
#include "core/sync/rcu.h"
#include "core/sync/spin_lock.h"
#include "tests/stress/explore/every_choice.h"

namespace hvo::test {
namespace {

using testing::Contains;
using testing::Not;

/// Words x, y, z; each CPU has a function, and results in r, printed in order.
class Shape : public Litmus {
 public:
  using Body = void (*)(Shape&, Cpu&);
  explicit Shape(std::vector<Body> bodies, TestKnobs knobs = {})
      : Litmus(static_cast<u32>(bodies.size()), knobs), bodies_(std::move(bodies)) {
    for (u32 page = 0; page < 4; ++page) machine_.pte(page).raw = TestMachine::entry(page + 1);
  }
  void program(u32 i, Cpu& cpu) override { bodies_[i](*this, cpu); }
  std::string outcome() override {
    std::string all;
    for (const u64 r : r_) {
      if (r != kUnset) all += std::to_string(r);
    }
    return all + (machine_.violations() != 0 ? " violation" : "");
  }
  /// Any RMW is one.
  void full_barrier(Cpu& cpu) { cpu.fetch_add(scratch_[cpu.id()], u64{0}); }
  /// Asks all CPUs for a flush of page 1 of the vmemmap, and waits.
  void flush(Cpu& cpu) { broadcast(cpu, machine_.all(), kRequestFlush, TestMachine::va(1), TestMachine::va(2) - 1); }
  Word<u64>& x = word();
  Word<u64>& y = word();
  Word<u64>& z = word();
  u64& r(u32 i) { return r_[i]; }

 private:
  static constexpr u64 kUnset = 99;
  std::vector<Body> bodies_;
  std::span<Word<u64>> scratch_ = machine_.arena().make_span<Word<u64>>(8);
  std::array<u64, 8> r_{kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset};
};

Outcomes weakly(const std::vector<Shape::Body>& bodies, u32 preemptions = 3, TestKnobs knobs = {}) {
  return weak<Shape>(preemptions, bodies, knobs);
}

// ---- messages
// ----------------------------------------------------------------------------------------------------------

constexpr Shape::Body kSendRelaxed = [](Shape& s, Cpu& c) {
  c.write_once(s.x, u64{1});
  c.write_once(s.y, u64{1});
};
constexpr Shape::Body kSendReleased = [](Shape& s, Cpu& c) {
  c.write_once(s.x, u64{1});
  c.store_release(s.y, u64{1});
};
constexpr Shape::Body kReceiveRelaxed = [](Shape& s, Cpu& c) {
  s.r(0) = c.read_once(s.y);
  s.r(1) = c.read_once(s.x);
};
constexpr Shape::Body kReceiveAcquired = [](Shape& s, Cpu& c) {
  s.r(0) = c.load_acquire(s.y);
  s.r(1) = c.read_once(s.x);
};

TEST(WeakMemory, AMessageNeedsBothReleaseAndAcquire) {
  const Outcomes any{"00", "01", "10", "11"};
  EXPECT_EQ(weakly({kSendRelaxed, kReceiveRelaxed}), any);
  EXPECT_EQ(weakly({kSendReleased, kReceiveRelaxed}), any);
  EXPECT_EQ(weakly({kSendRelaxed, kReceiveAcquired}), any);
  EXPECT_EQ(weakly({kSendReleased, kReceiveAcquired}), (Outcomes{"00", "01", "11"}));
}

TEST(WeakMemory, TheFirstChoiceIsSequentialConsistency) {
  EXPECT_EQ(sequential<Shape>(3, std::vector<Shape::Body>{kSendRelaxed, kReceiveRelaxed}),
            (Outcomes{"00", "01", "11"}));
}

TEST(WeakMemory, AFullBarrierOrdersLikeReleaseAndLikeAcquire) {
  const Shape::Body send = [](Shape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    s.full_barrier(c);
    c.write_once(s.y, u64{1});
  };
  const Shape::Body receive = [](Shape& s, Cpu& c) {
    s.r(0) = c.read_once(s.y);
    s.full_barrier(c);
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_THAT(weakly({send, kReceiveAcquired}), Not(Contains("10")));
  EXPECT_THAT(weakly({kSendReleased, receive}), Not(Contains("10")));
  EXPECT_THAT(weakly({send, receive}), Not(Contains("10")));
  EXPECT_THAT(weakly({send, kReceiveRelaxed}), Contains("10"));
}

TEST(WeakMemory, AReleaseOrdersOnlyWhatIsBeforeIt) {
  const Shape::Body send = [](Shape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    c.store_release(s.z, u64{1});
    c.write_once(s.y, u64{1});
  };
  EXPECT_THAT(weakly({send, kReceiveAcquired}), Contains("10"));
}

TEST(WeakMemory, ACompareExchangeThatFailsOrdersNothing) {
  const Shape::Body receive = [](Shape& s, Cpu& c) {
    s.r(0) = c.cmpxchg(s.y, u64{7}, u64{8});
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_THAT(weakly({kSendReleased, receive}), Contains("10"));
  const Shape::Body take = [](Shape& s, Cpu& c) {
    s.r(0) = c.cmpxchg(s.y, u64{1}, u64{2});
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_EQ(weakly({kSendReleased, take}), (Outcomes{"00", "01", "11"}));
}

TEST(WeakMemory, AReleasePassesOnWhatARelaxedLoadHasSeen) {
  const Shape::Body pass_on = [](Shape& s, Cpu& c) {
    s.r(0) = c.read_once(s.y);
    c.store_release(s.z, u64{1});
  };
  const Shape::Body receive = [](Shape& s, Cpu& c) {
    s.r(1) = c.load_acquire(s.z);
    s.r(2) = c.read_once(s.x);
  };
  EXPECT_THAT(weakly({kSendReleased, pass_on, receive}, 2), Not(Contains("110")));
  EXPECT_THAT(weakly({kSendRelaxed, pass_on, receive}, 2), Contains("110"));
}

// ---- dependencies
// ------------------------------------------------------------------------------------------------------

constexpr u64 kNode = TestMachine::va(2) + 128;

template <u64 kValue, bool kDepends>
void follow(Shape& s, Cpu& c) {
  const u64 seen = c.read_once(s.y);
  s.r(0) = seen == kValue ? 1 : 0;
  s.r(1) = c.read_once_at<u64>(kDepends ? kNode + 8 : kNode + 72);
}

template <u64 kValue, bool kReleased>
void publish(Shape& s, Cpu& c) {
  (void)c.write_once_at<u64>(kNode + 8, 1);
  (void)c.write_once_at<u64>(kNode + 72, 1);
  if (kReleased) {
    c.store_release(s.y, kValue);
  } else {
    c.write_once(s.y, kValue);
  }
}

TEST(WeakMemory, WhatAPointerPointsToIsAsNewAsThePointer) {
  EXPECT_EQ(weakly({publish<kNode, true>, follow<kNode, true>}), (Outcomes{"00", "01", "11"}));
  EXPECT_EQ(weakly({publish < kNode | 1, true >, follow < kNode | 1, true > }), (Outcomes{"00", "01", "11"}));
}

TEST(WeakMemory, OtherThingsAreNotAsNewAsThePointer) {
  EXPECT_THAT(weakly({publish<kNode, true>, follow<kNode, false>}), Contains("10"));
  EXPECT_THAT(weakly({publish<kNode, false>, follow<kNode, true>}), Contains("10"));
}

TEST(WeakMemory, AMaskThatLeadsToAnAddressIsADependencyToo) {
  // A tail at kNode + 64 whose mask leads to kNode.
  constexpr u64 kMask = ~u64{127} | 1;
  const Shape::Body send = [](Shape& s, Cpu& c) {
    (void)c.write_once_at<u64>(kNode + 16, 1);
    (void)c.store_release_at<u64>(kNode + 72, kMask);
    (void)s;
  };
  const Shape::Body receive = [](Shape& s, Cpu& c) {
    s.r(0) = c.read_once_at<u64>(kNode + 72) == kMask ? 1 : 0;
    s.r(1) = c.read_once_at<u64>(kNode + 16);
  };
  EXPECT_EQ(weakly({send, receive}), (Outcomes{"00", "01", "11"}));
}

// ---- buffered stores
// ---------------------------------------------------------------------------------------------------

enum class How : u8 { relaxed, acquire_release, full, barrier };

template <How kHow, u32 kCpu>
void store_then_load(Shape& s, Cpu& c) {
  Word<u64>& mine = kCpu == 0 ? s.x : s.y;
  Word<u64>& other = kCpu == 0 ? s.y : s.x;
  if (kHow == How::full) {
    c.xchg(mine, u64{1});
  } else if (kHow == How::acquire_release) {
    c.store_release(mine, u64{1});
  } else {
    c.write_once(mine, u64{1});
  }
  if (kHow == How::barrier) s.full_barrier(c);
  s.r(kCpu) = kHow == How::acquire_release ? c.load_acquire(other) : c.read_once(other);
}

TEST(WeakMemory, StoresAreSeenLateUnlessABarrierIsBetween) {
  const auto outcomes = []<How kHow>() { return weakly({store_then_load<kHow, 0>, store_then_load<kHow, 1>}); };
  EXPECT_EQ(outcomes.operator()<How::relaxed>(), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(outcomes.operator()<How::acquire_release>(), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(outcomes.operator()<How::full>(), (Outcomes{"01", "10", "11"}));
  EXPECT_EQ(outcomes.operator()<How::barrier>(), (Outcomes{"01", "10", "11"}));
}

TEST(WeakMemory, ABarrierOnOneSideDoesNotStopBuffering) {
  EXPECT_THAT(weakly({store_then_load<How::full, 0>, store_then_load<How::relaxed, 1>}), Contains("00"));
}

TEST(WeakMemory, LoadsDoNotReadWhatIsStoredLaterByProgramOrder) {
  const Shape::Body a = [](Shape& s, Cpu& c) {
    s.r(0) = c.read_once(s.x);
    c.write_once(s.y, u64{1});
  };
  const Shape::Body b = [](Shape& s, Cpu& c) {
    s.r(1) = c.read_once(s.y);
    c.write_once(s.x, u64{1});
  };
  EXPECT_THAT(weakly({a, b}), Not(Contains("11")));
}

TEST(WeakMemory, StoresToOneWordAreInTheOrderOfExecution) {
  const Shape::Body a = [](Shape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    c.write_once(s.y, u64{2});
  };
  const Shape::Body b = [](Shape& s, Cpu& c) {
    c.write_once(s.y, u64{1});
    c.write_once(s.x, u64{2});
  };
  class Final : public Shape {
   public:
    using Shape::Shape;
    std::string outcome() override { return std::to_string(x.raw) + std::to_string(y.raw); }
  };
  EXPECT_THAT((weak<Final>(3, std::vector<Shape::Body>{a, b}, TestKnobs{})), Not(Contains("11")));
}

// ---- coherence
// ---------------------------------------------------------------------------------------------------------

TEST(WeakMemory, AWordDoesNotGoBack) {
  const Shape::Body write = [](Shape& s, Cpu& c) {
    c.write_once(s.x, u64{1});
    c.write_once(s.x, u64{2});
  };
  const Shape::Body read = [](Shape& s, Cpu& c) {
    s.r(0) = c.read_once(s.x);
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_EQ(weakly({write, read}), (Outcomes{"00", "01", "02", "11", "12", "22"}));
}

TEST(WeakMemory, ACpuSeesItsOwnStores) {
  const Shape::Body write = [](Shape& s, Cpu& c) { c.write_once(s.x, u64{1}); };
  const Shape::Body both = [](Shape& s, Cpu& c) {
    c.write_once(s.x, u64{2});
    s.r(0) = c.read_once(s.x);
  };
  EXPECT_EQ(weakly({write, both}), (Outcomes{"1", "2"}));
}

TEST(WeakMemory, UpdatesLoseNothing) {
  const Shape::Body add = [](Shape& s, Cpu& c) { s.r(c.id()) = c.fetch_add(s.x, u64{1}); };
  EXPECT_EQ(weakly({add, add}), (Outcomes{"01", "10"}));
}

template <How kHow>
void read_both(Shape& s, Cpu& c, Word<u64>& first, Word<u64>& second, u32 at) {
  s.r(at) = kHow == How::acquire_release ? c.load_acquire(first) : c.read_once(first);
  if (kHow == How::barrier) s.full_barrier(c);
  s.r(at + 1) = kHow == How::acquire_release ? c.load_acquire(second) : c.read_once(second);
}

template <How kHow>
Outcomes independent_reads() {
  return weakly(
      {[](Shape& s, Cpu& c) { c.write_once(s.x, u64{1}); }, [](Shape& s, Cpu& c) { c.write_once(s.y, u64{1}); },
       [](Shape& s, Cpu& c) { read_both<kHow>(s, c, s.x, s.y, 0); },
       [](Shape& s, Cpu& c) { read_both<kHow>(s, c, s.y, s.x, 2); }},
      1);
}

TEST(WeakMemory, ReadersMayDisagreeOnIndependentStoresUnlessBothHaveFullBarriers) {
  EXPECT_THAT(independent_reads<How::relaxed>(), Contains("1010"));
  EXPECT_THAT(independent_reads<How::acquire_release>(), Contains("1010"));
  EXPECT_THAT(independent_reads<How::barrier>(), Not(Contains("1010")));
}

TEST(WeakMemory, ALockOrdersEverythingInside) {
  class Locked : public Litmus {
   public:
    Locked() : Litmus(2) {}
    void program(u32 /*i*/, Cpu& cpu) override {
      const SpinGuard guard(cpu, lock_);
      const u64 seen = cpu.read_once(x_);
      cpu.write_once(x_, seen + 1);
      const u64 other = cpu.read_once(y_);
      cpu.write_once(y_, other + 1);
    }
    std::string outcome() override { return std::to_string(x_.raw) + std::to_string(y_.raw); }

   private:
    SpinLock& lock_ = machine_.arena().make<SpinLock>(LockRank(LockClass::zone));
    Word<u64>& x_ = word();
    Word<u64>& y_ = word();
  };
  EXPECT_EQ(weak<Locked>(2), (Outcomes{"22"}));
}

// ---- what stays with a waiter
// ------------------------------------------------------------------------------------------

TEST(WeakMemory, AWaiterThatReadAnOldValueIsNotLeftWaiting) {
  const Shape::Body wait = [](Shape& s, Cpu& c) {
    s.r(0) = c.wait_until(WaitFor::work, s.y, [](u64 v) { return v == 1; });
    s.r(1) = c.read_once(s.x);
  };
  EXPECT_EQ(weakly({kSendReleased, wait}), (Outcomes{"11"}));
}

}  // namespace
}  // namespace hvo::test
