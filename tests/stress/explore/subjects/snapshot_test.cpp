// What a schedule starts from is put back, whatever became of the schedule before.
#include <gtest/gtest.h>

#include <algorithm>

#include "stress/explore/engine/strategies.h"
#include "tests/stress/explore/all_schedules.h"

namespace hvo::test {
namespace {

using namespace stress;  // all that is tested here

TEST(Snapshot, IsPutBackAfterAnyAbandonedSchedule) {
  const auto subject = make_subject({.ops = "restore+optimise", .design = "fake-head-rcu"});
  subject->restart(0);
  const u64 start = subject->machine().state_hash();
  u32 nr_abandoned = 0;
  for (u32 most_steps = 1; most_steps < 150; most_steps += 7) {
    ExploringEngine engine(subject->machine().cpus(), {.most_steps = most_steps});
    engine.note_frames(subject->snapshot().dirty_frames());
    RandomWalk walk({.seed = most_steps}, 3);
    walk.begin();
    const End end = engine.run(*subject, walk);
    nr_abandoned += end == End::endless ? 1 : 0;
    EXPECT_NE(subject->machine().state_hash(), start);
    subject->restart(0);
    EXPECT_EQ(subject->machine().state_hash(), start) << "after " << most_steps << " steps";
  }
  EXPECT_GE(nr_abandoned, 10U);
}

TEST(Snapshot, LeavesFramesAloneThatWereNotStoredTo) {
  const auto subject = make_subject({.ops = "lookup", .design = "fake-head"});
  const FrameTable& frames = subject->machine().frame_table();
  std::byte* const byte = frames.memory + ((frames.nr_frames() - 1) << frames.page_shift);
  const std::byte was = *byte;
  *byte = ~was;  // behind the engine's back
  ExploringEngine engine(subject->machine().cpus(), {});
  engine.note_frames(subject->snapshot().dirty_frames());
  ReplayStrategy nothing({});
  engine.run(*subject, nothing);
  subject->restart(0);
  EXPECT_EQ(*byte, ~was) << "a lookup stores to nothing";
  subject->snapshot().all_is_dirty();
  subject->restart(0);
  EXPECT_EQ(*byte, was);
}

TEST(Snapshot, TellsStatesApartButNotWhenTheyWereComeTo) {
  const auto subject = make_subject({.ops = "restore+lookup", .design = "fake-head"});
  subject->restart(0);
  const u64 start = subject->snapshot().hash();
  EXPECT_EQ(subject->snapshot().hash(), start);
  const FrameTable& frames = subject->machine().frame_table();
  ref(*frames.clock).store(1000, std::memory_order::relaxed);
  EXPECT_EQ(subject->snapshot().hash(), start) << "only the clock went on";
  ref(frames.notes[0].use).fetch_xor(1, std::memory_order::relaxed);
  EXPECT_NE(subject->snapshot().hash(), start);
}

}  // namespace
}  // namespace hvo::test
