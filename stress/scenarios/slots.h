// Slots: the folios that the CPUs of a round share, and how one is taken out and put in.
#pragma once

#include <expected>

#include "stress/shared.h"

namespace hvo::stress {

/// What a slot's word says.
struct SlotWord {
  static constexpr u64 kEmpty = 0;
  static constexpr u64 kTaken = 1;  ///< one CPU works on the slot
  static constexpr u64 kFolio = 2;
  u64 v = kEmpty;

  /// The generation makes a word that comes back another one.
  static constexpr SlotWord make(Pfn head, u64 generation) {
    return {head.v << 32 | (generation & 0x3fffffff) << 2 | kFolio};
  }
  constexpr bool is_taken() const { return v == kTaken; }
  constexpr bool holds_folio() const { return (v & kFolio) != 0; }
  constexpr Pfn head() const { return {v >> 32}; }
};

/// Makes an empty slot's folio by `make(cpu)`, or gives up the reference of a full one. Nothing, while another CPU
/// works on it. `put`: how the reference is dropped. Returns the word left behind.
template <class Make>
SlotWord change_slot(Cpu& cpu, Machine& machine, Shared& shared, FolioSlot& slot, Make make,
                     Context put = Context::task) {
  const SlotWord was{slot.word.exchange(SlotWord::kTaken, std::memory_order::acq_rel)};  // (2)
  if (was.is_taken()) return was;
  SlotWord now;
  if (was.holds_folio()) {
    if (put == Context::atomic) cpu.local_irq_disable();
    (void)machine.hugetlb().folio_put(cpu, was.head(), put);
    if (put == Context::atomic) cpu.local_irq_enable();
  } else if (const auto head = make(cpu)) {
    now = SlotWord::make(*head, shared.cpus[cpu.id()].generation++ * kMaxCpus + cpu.id());
  }
  slot.word.store(now.v, std::memory_order::release);  // (1)
  return now;
}

}  // namespace hvo::stress
