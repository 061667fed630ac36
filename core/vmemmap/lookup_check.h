// lookup_check: one lookup held against the truth.
#pragma once

#include "core/vmemmap/vmemmap.h"

namespace hvo {

/// How a lookup's answer compares with the truth.
enum class LookupResult : u8 {
  right,
  truth_moved,  ///< a compound was formed or destroyed meanwhile: nothing can be said
  self_head,    ///< the tail itself was returned, though the truth stood still: it raced with a restore
  wrong,        ///< any other answer
};

/// compound_head(pfn) through `cpu`, compared. Counts lookups and windows; reports nothing: the caller knows whether it
/// held a reference, and so what a wrong answer means.
template <class Encoding>
LookupResult checked_compound_head(Cpu& cpu, Vmemmap& vmemmap, Pfn pfn) {
  const OpScope scope(cpu, Op::compound_head, false);
  const Truth::Answer before = vmemmap.truth().about(pfn);
  const u64 served = cpu.state().nr_served;
  Truth::barrier();
  const Page p = vmemmap.page_of(pfn);
  const Page head = compound_head<Encoding>(vmemmap.pages(cpu), p);
  Truth::barrier();
  cpu.count(Event::lookup);
  if (cpu.state().nr_served != served) cpu.count(Event::window_flush_served_mid_lookup);
  const Truth::Answer after = vmemmap.truth().about(pfn);
  if (!before.is_stable() || before.word != after.word || before.order != after.order) {
    cpu.count(Event::window_truth_moved);
    return LookupResult::truth_moved;
  }
  if (head == vmemmap.page_of(before.head)) return LookupResult::right;
  if (head == p) {
    cpu.count(Event::window_self_head);
    return LookupResult::self_head;
  }
  return LookupResult::wrong;
}

}  // namespace hvo
