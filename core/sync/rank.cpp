#include "core/sync/rank.h"

#include <algorithm>

#include "core/base/check.h"

namespace hvo {

HVO_OFF_THE_FAST_PATH void check_acquire_in_full(Cpu& cpu, LockRank rank, LockKind kind) noexcept {
  const CpuState& s = cpu.state();
  HVO_CHECK(rank.v != 0, "a lock was used without a rank: give it one where it is made");
  HVO_CHECK(s.nr_held < kMaxHeld, "an operation holds more locks than CpuState has room for");
  const auto held_end = s.held_rank.begin() + s.nr_held;
  const auto highest = std::max_element(s.held_rank.begin(), held_end);
  if (highest != held_end && *highest >= rank.v) {
    cpu.report({.rule = Rule::lock_order,
                .object = rank.v,
                .expected = *highest,
                .seen = rank.v,
                .what = "lock taken while one of the same or a higher rank is held (ranks)"});
  }
  if (kind == LockKind::sleeping && (s.nr_spinning != 0 || s.irq_off != 0 || s.rcu_depth != 0)) {
    cpu.report({.rule = Rule::lock_order,
                .object = rank.v,
                .seen = s.irq_off,
                .what = "sleeping lock taken with a spinlock held, interrupts off or inside an RCU section"});
  }
}

void check_and_note_release(Cpu& cpu, LockRank rank, LockKind kind) {
  CpuState& s = cpu.state();
  const auto held_end = s.held_rank.begin() + s.nr_held;
  const auto it = std::find(s.held_rank.begin(), held_end, rank.v);
  if (it == held_end) {
    cpu.report({.rule = Rule::lock_order, .object = rank.v, .what = "lock released by a CPU that does not hold it"});
    return;
  }
  std::copy(it + 1, held_end, it);
  --s.nr_held;
  s.held_rank[s.nr_held] = 0;
  if (kind == LockKind::spinning) --s.nr_spinning;
}

}  // namespace hvo
