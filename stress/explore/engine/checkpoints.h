// Checkpoints: states in the middle of a schedule, so that those which begin alike need not be run from the beginning.
//
// A depth-first search changes the last decision that has another alternative; all before it comes out as it did. Here
// the whole state before some of the decisions is kept: of the machine and the program (Program::keep), of the fibers,
// whose stacks are copied, of the engine and of the trace. The next schedule goes on from the last checkpoint before
// the decision that changes. What a CPU does in between steps must keep nothing on the heap: its stack is put back, the
// heap is not. Not under sanitizers, which follow each fiber's stack, not with weak memory, and not while moments are
// recorded.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "stress/explore/engine/fibers.h"
#include "stress/explore/engine/schedule_state.h"
#include "stress/explore/engine/trace_hash.h"

namespace hvo::stress {

struct Checkpoint {
  ScheduleState state{};
  std::vector<u8> decisions{};
  Fibers::Kept fibers{};
  TraceHash::Kept trace{};
  u32 cpu = 0;      ///< on whose stack the next one was about to be picked
  u32 nr_uses = 0;  ///< schedules that went on from here
};

/// A stack of them, each of a longer beginning of the same schedule than the one below. Each lies in a slot of its own
/// as long as it is kept. Not thread-safe.
class Checkpoints {
 public:
  static constexpr u32 kMost = 16;

  Checkpoints() {
    for (u32 i = 0; i < kMost; ++i) slots_[i] = i;
  }
  bool empty() const { return nr_ == 0; }
  u32 top_slot() const { return slots_[nr_ - 1]; }
  Checkpoint& top() { return all_[top_slot()]; }
  /// A new one on top; its buffers are those of one that was dropped. Where there is no room, every other one is.
  Checkpoint& push() {
    if (nr_ == kMost) thin();
    ++nr_;
    top().nr_uses = 0;
    return top();
  }
  /// Drops those behind so many decisions.
  void drop_behind(u32 nr_decisions) {
    while (nr_ != 0 && top().state.nr_decisions > nr_decisions) {
      adapt(top().nr_uses);
      --nr_;
    }
  }
  /// The number of decisions at which the next one is due.
  u32 next_at() const { return spacing_ + (nr_ != 0 ? all_[top_slot()].state.nr_decisions : 0); }
  /// A schedule of so many decisions has ended.
  void note_length(u32 nr_decisions) { length_ = nr_decisions; }

 private:
  /// One that nobody went on from has cost as much as some steps, and saved none.
  void adapt(u32 nr_uses) {
    if (nr_uses == 0) spacing_ = std::min(spacing_ * 2, std::max(kStart, length_ / 4));
    if (nr_uses > kEnoughUses) spacing_ = std::max(kNarrowest, spacing_ / 2);
  }
  void thin() {
    for (u32 i = 0; i < kMost / 2; ++i) std::swap(slots_[i], slots_[2 * i + 1]);
    nr_ = kMost / 2;
    spacing_ *= 2;
  }
  static constexpr u32 kNarrowest = 4;  ///< decisions between two
  static constexpr u32 kStart = 8;
  static constexpr u32 kEnoughUses = 4;

  std::array<Checkpoint, kMost> all_{};
  std::array<u32, kMost> slots_{};  ///< of those that are kept, from the shortest on; behind them the free ones
  u32 nr_ = 0;
  u32 spacing_ = kStart;
  u32 length_ = 0;
};

}  // namespace hvo::stress
