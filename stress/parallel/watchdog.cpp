#include "stress/parallel/watchdog.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/sync/rank.h"
#include "stress/parallel/torn_copy.h"

namespace hvo::stress {

namespace {

constexpr unsigned kMostMarks = 8;
constexpr auto kRelaxed = std::memory_order::relaxed;

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
  const WaitFor wait = d.activity.wait.load(kRelaxed);
  std::string s = fmt::format("  CPU {}: in {}, {} operations finished\n", id, op_name(d.activity.op.load(kRelaxed)),
                              d.activity.nr_ops.load(kRelaxed));
  if (wait != WaitFor::nothing) {
    s += fmt::format("    waits for: {}, object {:#x}\n", wait_name(wait), d.activity.wait_object.load(kRelaxed));
  }
  s += fmt::format("    holds: {}; interrupts {}; RCU depth {}\n", held_locks(state), state.irq_off == 0 ? "on" : "off",
                   state.rcu_depth);
  const ViolationLog log = torn_copy(d.violations);
  for (unsigned i = 0; i < std::min(log.nr_kept, ViolationLog::kKept); ++i) {
    const Violation& v = log.first[i];
    s += fmt::format("    reported: {} in {}: {} (object {:#x}, expected {:#x}, seen {:#x})\n", rule_name(v.rule),
                     op_name(v.op), v.what, v.object, v.expected, v.seen);
  }
  return s + marks(d.recorder, newest_ns);
}

}  // namespace

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
