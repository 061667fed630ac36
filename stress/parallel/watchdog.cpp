#include "stress/parallel/watchdog.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/sync/rank.h"
#include "stress/parallel/live.h"
#include "stress/parallel/torn_copy.h"

namespace hvo::stress {

namespace {

constexpr unsigned kMostMarks = 8;

std::string held_locks(const CpuState& state) {
  std::string s;
  for (u32 i = 0; i < std::min(state.nr_held, kMaxHeld); ++i) {
    LockRank rank;
    rank.v = state.held_rank[i];
    const std::string_view name = rank.v < 16 ? "?" : lock_class_name(rank.lock_class());
    s += fmt::format("{}{} (rank {})", s.empty() ? "" : ", ", name, rank.v);
  }
  return s.empty() ? "nothing" : s;
}

/// Oldest first; times are before the newest mark of all CPUs.
std::string marks(const FlightRecorder& recorder, u64 newest_ns) {
  std::string s;
  for (unsigned k = std::min(kMostMarks, recorder.size()); k-- > 0;) {
    const Recorded r = recorder.newest(k);
    const double ms = static_cast<double>(newest_ns - std::min(newest_ns, r.ns)) / 1e6;
    s += fmt::format("    {:>10.3f} ms ago  {:<9} {:<30} {:#x} {:#x}\n", ms, mark_name(r.mark), op_name(r.op), r.object,
                     r.value);
  }
  return s;
}

std::string describe(Machine& m, u32 id, u64 newest_ns) {
  const Diagnostics& d = m.diagnostics(id);
  const CpuState state = torn_copy(m.cpu(id).state());
  const WaitFor wait = d.activity.wait.load(kUnordered);
  std::string s = fmt::format("  CPU {}: in {}, {} operations finished\n", id, op_name(d.activity.op.load(kUnordered)),
                              d.activity.nr_ops.load(kUnordered));
  if (wait != WaitFor::nothing) {
    s += fmt::format("    waits for: {}, object {:#x}\n", wait_name(wait), d.activity.wait_object.load(kUnordered));
  }
  s += fmt::format("    holds: {}; interrupts {}; RCU depth {}\n", held_locks(state), state.irq_off == 0 ? "on" : "off",
                   state.rcu_depth);
  const ViolationLog log = torn_copy(d.violations);
  for (unsigned i = 0; i < std::min(log.nr_kept, ViolationLog::kKept); ++i) {
    const Violation& v = log.first[i];
    if (v.what.data() == nullptr) continue;  // torn
    s += fmt::format("    reported: {} in {}: {} (object {:#x}, expected {:#x}, seen {:#x})\n", rule_name(v.rule),
                     op_name(v.op), v.what, v.object, v.expected, v.seen);
  }
  return s + marks(d.recorder, newest_ns);
}

bool holds(const CpuState& state, LockClass wanted) {
  for (u32 i = 0; i < std::min(state.nr_held, kMaxHeld); ++i) {
    LockRank rank;
    rank.v = state.held_rank[i];
    if (rank.v >= 16 && rank.lock_class() == wanted) return true;
  }
  return false;
}

/// The word of a lock, by its place in the arena.
u32 word_at(const Machine& m, u64 object) {
  if (object + sizeof(u32) > m.arena().bytes().size()) return ~u32{0};
  return __atomic_load_n(reinterpret_cast<const u32*>(m.arena().bytes().data() + object), __ATOMIC_RELAXED);
}

/// All that hold the mmap lock but for the one that asks, whose own rank is noted already; all CPUs when it is free.
u64 holders_of_mmap_lock(Machine& m, u32 asker, u64 object) {
  if (word_at(m, object) == 0) return ~u64{0};
  u64 cpus = 0;
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    const WaitFor wait = m.diagnostics(i).activity.wait.load(kUnordered);
    const bool waits = wait == WaitFor::read_lock || wait == WaitFor::write_lock;
    if (i != asker && !waits && holds(torn_copy(m.cpu(i).state()), LockClass::mmap)) cpus |= u64{1} << i;
  }
  return cpus;
}

/// The CPU whose number, plus one, stands in the word of a spinlock or mutex; all when the lock is free.
u64 holder_in_word(Machine& m, u32 asker, u64 object) {
  const u32 holder = word_at(m, object);
  // A lock that is free is between two holders: whoever waits for it has just not seen it yet.
  // One that the asker holds it has just been given.
  if (holder == 0 || holder == asker + 1) return ~u64{0};
  return holder > m.nr_cpus() ? 0 : u64{1} << (holder - 1);
}

}  // namespace

CpuProgress progress_of(Machine& machine, u32 cpu, bool is_done) {
  const Activity& activity = machine.diagnostics(cpu).activity;
  CpuProgress p{
      .nr_ops = activity.nr_ops.load(kUnordered), .nr_marks = activity.nr_marks.load(kUnordered), .is_done = is_done};
  // Between two tasks: it waits for a host thread.
  const u32 attention = ref(machine.cpu(cpu).state().attention).load(kUnordered);
  if ((attention & kAttentionIdle) != 0) p.waits_for = ~u64{0};
  const u64 object = activity.wait_object.load(kUnordered);
  switch (activity.wait.load(kUnordered)) {
    case WaitFor::spin_lock:
    case WaitFor::mutex: p.waits_for = holder_in_word(machine, cpu, object); break;
    case WaitFor::read_lock:
    case WaitFor::write_lock: p.waits_for = holders_of_mmap_lock(machine, cpu, object); break;
    default: break;
  }
  return p;
}

std::optional<u32> Watchdog::find_hung(std::span<const CpuProgress> cpus, double now) {
  u64 moving = 0;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    Seen& seen = cpus_[i];
    const bool finished = cpus[i].is_done || cpus[i].nr_ops != seen.progress.nr_ops;
    if (finished) seen.op_since = now;
    if (finished || cpus[i].nr_marks != seen.progress.nr_marks) seen.since = now;
    seen.progress = cpus[i];
    // Who is done helps nobody on.
    if (!cpus[i].is_done && now - seen.since <= timeout_) moving |= u64{1} << i;
  }
  // Whoever waits for one that moves will move; so many times as the longest queue has members.
  for (std::size_t n = 0; n < cpus.size(); ++n) {
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      if ((cpus[i].waits_for & moving) != 0) moving |= u64{1} << i;
    }
  }
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    if (cpus[i].is_done) continue;
    const bool moves = (moving >> i & 1) != 0;
    if (!moves || now - cpus_[i].op_since > timeout_ * kMostTimeouts) return static_cast<u32>(i);
  }
  return {};
}

std::string describe_hang(Machine& machine) {
  u64 newest_ns = 0;
  for (u32 i = 0; i < machine.nr_cpus(); ++i) {
    const FlightRecorder& recorder = machine.diagnostics(i).recorder;
    if (recorder.size() != 0) newest_ns = std::max(newest_ns, recorder.newest(0).ns);
  }
  std::string s;
  for (u32 i = 0; i < machine.nr_cpus(); ++i) s += describe(machine, i, newest_ns);
  return s;
}

}  // namespace hvo::stress
