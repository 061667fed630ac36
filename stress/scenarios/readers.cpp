#include "stress/scenarios/readers.h"

namespace hvo::stress {

namespace {

/// Takes a reference as a pfn walker does. A trap ends the walk of this pfn.
bool take_reference(Cpu& cpu, Machine& m, Page page, Event trap_window) {
  const auto taken = get_page_unless_zero(m.design(), m.vmemmap().pages(cpu), page, m.config().safeguards);
  if (!taken) {
    cpu.count(Event::window_read_only_trap);
    cpu.count(trap_window);
    return false;
  }
  cpu.count(*taken ? Event::window_ref_taken : Event::window_ref_refused);
  return *taken;
}

}  // namespace

LookupResult look_up(Cpu& cpu, Machine& machine, Pfn pfn) {
  return with_encoding(machine.design().encoding,
                       [&]<class E>(E) { return checked_compound_head<E>(cpu, machine.vmemmap(), pfn); });
}

Key key_of(LookupResult result) {
  switch (result) {
    case LookupResult::right: return Key::right;
    case LookupResult::truth_moved: return Key::truth_moved;
    case LookupResult::self_head: return Key::self_head;
    case LookupResult::wrong: return Key::wrong;
    case LookupResult::nowhere: return Key::nowhere;
  }
  __builtin_unreachable();
}

bool take_reference_as_walker(Cpu& cpu, Machine& machine, Page page) {
  const OpScope scope(cpu, Op::pfn_walk_unfiltered, false);
  return take_reference(cpu, machine, page, Event::window_unfiltered_trap);
}

void walk_one(Cpu& cpu, Machine& machine, Pfn pfn) {
  if (!take_reference_as_walker(cpu, machine, machine.vmemmap().page_of(pfn))) return;
  const OpScope scope(cpu, Op::pfn_walk_unfiltered, false);
  (void)machine.hugetlb().folio_put(cpu, pfn);
}

void filtered_walk_one(Cpu& cpu, Machine& machine, Pfn pfn) {
  const OpScope scope(cpu, Op::pfn_walk_filtered, false);
  const Page page = machine.vmemmap().page_of(pfn);
  const bool is_tail = with_encoding(machine.design().encoding,
                                     [&]<class E>(E) { return PageTail<E>(machine.vmemmap().pages(cpu), page); });
  if (is_tail || !take_reference(cpu, machine, page, Event::window_filtered_trap)) return;
  (void)machine.hugetlb().folio_put(cpu, pfn);
}

}  // namespace hvo::stress
