// The buddy beside a naive model that is one flag per unit: the same events to both, compared after each.
#include "core/frame/buddy.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace hvo {
namespace {

class NaiveBuddy {
 public:
  explicit NaiveBuddy(u64 n) : free_(n, true) {}
  bool has_block(Order order) const {
    for (u64 u = 0; u + order.nr_pages() <= free_.size(); u += order.nr_pages()) {
      if (all(u, u + order.nr_pages(), true)) return true;
    }
    return false;
  }
  bool all(u64 first, u64 end, bool value) const {
    for (u64 u = first; u < end; ++u) {
      if (free_[u] != value) return false;
    }
    return true;
  }
  void set(u64 first, u64 n, bool value) {
    for (u64 u = first; u < first + n; ++u) free_[u] = value;
  }
  u64 nr_free() const { return static_cast<u64>(std::count(free_.begin(), free_.end(), true)); }
  u64 size() const { return free_.size(); }
  bool is_free(u64 u) const { return free_[u]; }

 private:
  std::vector<bool> free_;
};

template <class Unit>
class BuddyPair {
 public:
  BuddyPair(u64 n, u64 first)
      : first_{static_cast<typename Unit::rep>(first)},
        arena_(Arena::create(u64{1} << 20).value()),
        real_(arena_, n, first_),
        naive_(n) {
    RC_ASSERT(real_.validate());
    RC_ASSERT(real_.free_range(unit(0), unit(n)));
    RC_ASSERT(first == 0 || !real_.free(first_ - 1, Order{0}));
  }

  void step() {
    switch (*rc::gen::inRange(0, 6)) {
      case 0: return alloc({*rc::gen::inRange<u8>(0, 12)});
      case 1: return batch(*rc::gen::inRange<u64>(0, 700));
      case 2: return range(true);
      case 3: return range(false);
      case 4: return free_block();
      default: return free_some();
    }
  }
  void compare() const {
    RC_ASSERT(real_.validate());
    RC_ASSERT(real_.nr_free() == naive_.nr_free());
    for (u64 u = 0; u < naive_.size(); ++u) RC_ASSERT(real_.is_free(unit(u)) == naive_.is_free(u));
  }

 private:
  /// The naive model counts from the buddy's first unit.
  Unit unit(u64 v) const { return first_ + v; }

  void alloc(Order order) {
    const bool possible = naive_.has_block(order);
    const auto block = real_.alloc(order);
    RC_ASSERT(block.has_value() == possible);
    if (!block) return;
    const u64 at = *block - first_;
    RC_ASSERT(is_aligned(at, order.nr_pages()));
    RC_ASSERT(naive_.all(at, at + order.nr_pages(), true));
    naive_.set(at, order.nr_pages(), false);
  }
  void batch(u64 n) {
    std::vector<Unit> out(n);
    RC_ASSERT(real_.take_batch(out) == (naive_.nr_free() >= n));
    if (naive_.nr_free() < n) return;
    for (const Unit u : out) {
      RC_ASSERT(naive_.is_free(u - first_));
      naive_.set(u - first_, 1, false);
    }
  }
  void range(bool take) {
    const u64 first = *rc::gen::inRange<u64>(0, naive_.size());
    const u64 end = first + *rc::gen::inRange<u64>(0, naive_.size());
    const bool possible = first < end && end <= naive_.size() && naive_.all(first, end, take);
    const bool done = take ? real_.alloc_range(unit(first), unit(end)) : real_.free_range(unit(first), unit(end));
    RC_ASSERT(done == possible);
    if (done) naive_.set(first, end - first, !take);
  }
  void free_block() {
    const Order order{*rc::gen::inRange<u8>(0, 10)};
    const u64 first = *rc::gen::inRange<u64>(0, naive_.size());
    const u64 end = first + order.nr_pages();
    const bool possible = is_aligned(first, order.nr_pages()) && end <= naive_.size() && naive_.all(first, end, false);
    RC_ASSERT(real_.free(unit(first), order) == possible);
    if (possible) naive_.set(first, order.nr_pages(), true);
  }
  void free_some() {
    const auto picks = *rc::gen::container<std::vector<u64>>(rc::gen::inRange<u64>(0, naive_.size() + 3));
    std::vector<Unit> units;
    u64 possible = 0;
    for (const u64 u : picks) {
      units.push_back(unit(u));
      if (u >= naive_.size() || naive_.is_free(u)) continue;
      ++possible;
      naive_.set(u, 1, true);
    }
    RC_ASSERT(real_.free_batch(units) == possible);
  }

  Unit first_;
  Arena arena_;
  Buddy<Unit> real_;
  NaiveBuddy naive_;
};

template <class Unit>
void agrees() {
  const bool ok = rc::check([] {
    BuddyPair<Unit> pair(*rc::gen::element<u64>(1, 63, 64, 65, 511, 512, 513, 1024, 1500, 2048, 4096 + 7),
                         *rc::gen::element<u64>(0, 4, 2048));
    const int nr_steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < nr_steps; ++i) {
      pair.step();
      pair.compare();
    }
  });
  EXPECT_TRUE(ok);
}

TEST(Buddy, OfFramesAgreesWithTheNaiveModel) { agrees<FrameNo>(); }
TEST(Buddy, OfPfnsAgreesWithTheNaiveModel) { agrees<Pfn>(); }

TEST(Buddy, KeepsBookkeepingBelowAByteForFourUnits) {
  auto arena = Arena::create(u64{1} << 24).value();
  constexpr u64 kUnits = u64{1} << 16;
  const Buddy<Pfn> buddy(arena, kUnits);
  EXPECT_LT(arena.used_bytes(), kUnits / 4);
}

}  // namespace
}  // namespace hvo
