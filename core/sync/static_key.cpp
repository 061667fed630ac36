#include "core/sync/static_key.h"

#include "core/cpu/ipi.h"

namespace hvo {

void StaticKey::patch(Cpu& cpu, std::span<Cpu* const> all, u32 enabled) {
  cpu.write_once(enabled_, enabled);
  cpu.count(Event::key_transition);
  broadcast(cpu, all, kRequestSyncCore);
}

void StaticKey::inc(Cpu& cpu, std::span<Cpu* const> all) {
  const OpScope scope(cpu, Op::static_key);
  // Only a count above zero says that the key is on everywhere; from zero the slow way is taken.
  for (u32 n = cpu.read_once(count_); n != 0;) {
    const u32 old = cpu.cmpxchg(count_, n, n + 1);  // (2)
    if (old == n) return;
    n = old;
  }
  const MutexGuard guard(cpu, mutex_);
  const u32 n = cpu.read_once(count_);
  if (n == 0) {
    patch(cpu, all, 1);
    cpu.store_release(count_, u32{1});  // (1): nobody else moves a count of zero without the mutex
    return;
  }
  cpu.fetch_add(count_, u32{1});
}

void StaticKey::dec(Cpu& cpu, std::span<Cpu* const> all) {
  const OpScope scope(cpu, Op::static_key);
  for (u32 n = cpu.read_once(count_); n > 1;) {
    const u32 old = cpu.cmpxchg(count_, n, n - 1);
    if (old == n) return;
    n = old;
  }
  const MutexGuard guard(cpu, mutex_);
  const u32 n = cpu.read_once(count_);
  if (n == 0) {
    cpu.report({.rule = Rule::range, .object = cpu.name_of(&count_), .what = "static key lowered below zero"});
    return;
  }
  // An inc() may still come in from above zero meanwhile; then the key stays on.
  if (cpu.fetch_add(count_, ~u32{0}) == 1) patch(cpu, all, 0);
}

}  // namespace hvo
