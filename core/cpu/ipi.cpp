#include "core/cpu/ipi.h"

namespace hvo {

namespace {

WaitFor reason(u32 what) {
  if ((what & kRequestQuiesce) != 0) return WaitFor::grace_period;
  if ((what & kRequestSyncCore) != 0) return WaitFor::sync_core;
  return WaitFor::flush_served;
}

bool may_wait(Cpu& self, u32 what) {
  const CpuState& s = self.state();
  if (self.is_tlbi(what)) return true;
  const bool sleeps = (what & kRequestQuiesce) != 0;
  if (!self.irqs_disabled() && !(sleeps && (s.nr_spinning != 0 || s.rcu_depth != 0))) return true;
  self.report({.rule = Rule::lock_order,
               .object = what,
               .expected = 0,
               .seen = s.irq_off,
               .what = "flush with interrupts off, or grace period with a spinlock held or inside an RCU section"});
  return false;
}

}  // namespace

void broadcast(Cpu& self, std::span<Cpu* const> all, u32 what, u64 first, u64 last) {
  const bool waits = may_wait(self, what);
  std::array<u64, kMaxCpus> ticket{};
  for (Cpu* cpu : all) {
    if (cpu == &self) continue;
    ticket[cpu->id()] = cpu->post(self, what, first, last);
    if (!self.is_tlbi(what)) self.count(Event::ipi_sent);
  }
  if ((what & kRequestFlush) != 0) self.wiring().tlb.flush(first, last);
  if (!waits) return;
  for (Cpu* cpu : all) {
    const u64 wanted = ticket[cpu->id()];
    if (wanted == 0) continue;
    self.wait_until(reason(what), cpu->slot_of(self, what).served, [wanted](u64 served) { return served >= wanted; });
  }
}

}  // namespace hvo
