// RCU: read sections that cost nothing, and a grace period answered by each CPU at a step of its own.
//
// A read section is a local count. synchronize_rcu posts a request for a quiescent state to every CPU; a CPU inside a
// section defers its answer to the outermost rcu_read_unlock. The answer is a release store, the wait an acquire (pairs
// (6) and (7) of cpu/cpu.h): all that a section did before is visible after the grace period; and the request, taken
// with an RMW (5), makes visible to later sections what the updater did before it.
#pragma once

#include <span>

#include "core/cpu/ipi.h"

namespace hvo {

/// Enters a read section. Whoever asked for a quiescent state before is answered first.
inline void rcu_read_lock(Cpu& cpu) {
  cpu.step_without_access();
  ++cpu.state().rcu_depth;
}

inline void rcu_read_unlock(Cpu& cpu) {
  CpuState& s = cpu.state();
  if (--s.rcu_depth != 0 || s.deferred == 0) return;
  s.deferred = 0;
  // Raised again, so that it is not lost where interrupts are off: then it is served once they are on.
  ref(s.attention).fetch_or(kAttentionInterrupt, std::memory_order::relaxed);
  if (s.irq_off == 0) cpu.serve();
}

/// Waits until every read section that had begun before the call has ended. May not be called with a spinlock held,
/// interrupts off or inside a section: reported as lock_order. Source: synchronize_rcu().
inline void synchronize_rcu(Cpu& cpu, std::span<Cpu* const> all) {
  const OpScope scope(cpu, Op::synchronize_rcu);
  cpu.count(Event::grace_period);
  broadcast(cpu, all, kRequestQuiesce);
}

/// An RCU read section for a scope.
class RcuReadGuard {
 public:
  explicit RcuReadGuard(Cpu& cpu) : cpu_(cpu) { rcu_read_lock(cpu_); }
  ~RcuReadGuard() { rcu_read_unlock(cpu_); }
  RcuReadGuard(const RcuReadGuard&) = delete;
  RcuReadGuard& operator=(const RcuReadGuard&) = delete;

 private:
  Cpu& cpu_;
};

}  // namespace hvo
