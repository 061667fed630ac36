// Small operations keep nothing on the heap between their steps, but for those that say so: a checkpoint puts a stack
// back, and what it points to on the heap would be gone.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "stress/explore/engine/strategies.h"
#include "tests/stress/explore/all_schedules.h"

namespace {

constinit std::atomic<unsigned long> nr_allocations{0};  // operator new has no other place to count

}  // namespace

// For all of this program.
void* operator new(std::size_t bytes) {
  nr_allocations.fetch_add(1, std::memory_order::relaxed);
  if (void* const p = std::malloc(bytes != 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t /*bytes*/) noexcept { std::free(p); }

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here

/// In some schedules of the operation beside another one, with preemptions and failing allocations.
unsigned long allocations_of(const SmallOp& op, std::string_view other, std::string_view design) {
  const std::string ops = std::string(op.name) + "+" + std::string(other);
  const auto subject = make_subject({.ops = ops, .design = design});
  unsigned long n = 0;
  for (u64 seed = 0; seed < 8; ++seed) {
    ExploringEngine engine(subject->machine().cpus(), {.most_failures = 1});
    engine.note_frames(subject->snapshot().dirty_frames());
    RandomWalk walk({.seed = seed}, 4);
    walk.begin();
    subject->restart(0);
    const unsigned long before = nr_allocations.load(std::memory_order::relaxed);
    engine.run(*subject, walk);
    if (seed != 0) n += nr_allocations.load(std::memory_order::relaxed) - before;  // the first may set something up
  }
  return n;
}

TEST(SmallOps, HoldHeapOnlyWhereTheySaySo) {
  u32 nr_holders = 0;
  for (const SmallOp& op : small_ops()) {
    unsigned long n = 0;
    for (const Design& design : kDesigns) {
      for (const std::string_view other : {"lookup", "optimise"}) n += allocations_of(op, other, design.name);
    }
    EXPECT_EQ(n != 0, op.holds_heap) << op.name;
    nr_holders += op.holds_heap ? 1 : 0;
  }
  EXPECT_EQ(nr_holders, 1U) << "the count is shown to see something";
}

}  // namespace
}  // namespace hvo::test
