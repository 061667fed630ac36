#include <algorithm>

#include "core/machine/host_mmu.h"
#include "core/vmemmap/lookup_check.h"
#include "stress/scenarios/actors.h"
#include "stress/scenarios/readers.h"
#include "stress/scenarios/slots.h"

namespace hvo::stress {

namespace {

constexpr int kLookupsPerReference = 4;
constexpr int kWalks = 64;
constexpr int kDumps = 32;            ///< about as long as a folio takes to come
constexpr int kLookupsOfTails = 256;  ///< about as long as a folio takes to come or go

Outcomes& outcomes_of(Cpu& cpu, Shared& shared) { return shared.cpus[cpu.id()].outcomes; }

LookupResult look_up_speculatively(Cpu& cpu, Machine& m, Shared& shared, Pfn pfn) {
  cpu.count(Event::lookup_speculative);
  const LookupResult result = look_up(cpu, m, pfn);
  outcomes_of(cpu, shared).add(key_of(result));
  return result;
}

/// True when this CPU's last access to `p` went through a read-only translation: the page is an alias. With the host's
/// MMU: if it was one before too.
bool was_alias(Cpu& cpu, Machine& m, Page p) {
  if (m.host_mmu() != nullptr) return m.host_mmu()->is_read_only(p.va);
  const Tlb& tlb = cpu.wiring().tlb;
  const TlbEntry& e = tlb.page_slot(p.va);
  return e.tag == p.va >> tlb.page_shift && e.writable == 0;
}

/// Any pfn; half of them where folios come and go.
Pfn any_pfn(Machine& m, Shared& shared, Rng& rng) {
  const u64 all = m.vmemmap().nr_pages();
  const SlotWord word{shared.slots[rng.below(shared.slots.size())].word.load(std::memory_order::acquire)};  // (2)
  if (!word.holds_folio() || rng.one_in(2)) return {rng.below(all)};
  const Pfn pfn = word.head() + rng.below(m.config().geometry.huge_order.nr_pages());
  return {std::min(pfn.v, all - 1)};
}

/// Any pfn. Where a page holds many struct pages, half of them at the start of one: only those can be fake heads, and
/// by chance hardly any would be met.
Pfn walked_pfn(Machine& m, Shared& shared, Rng& rng) {
  constexpr u64 kFew = 64;
  const Pfn pfn = any_pfn(m, shared, rng);
  const u64 n = m.config().geometry.structs_per_page();
  return n > kFew && rng.one_in(2) ? Pfn{align_down(pfn.v, n)} : pfn;
}

/// A page at the start of a vmemmap page of the folio that comes and goes: the ones that can be fake heads.
Pfn near_pfn(Machine& m, Shared& shared, Rng& rng) {
  const Geometry& g = m.config().geometry;
  const u64 page = 1 + rng.below(g.vmemmap_pages(g.huge_order) - 1);
  return Pfn{shared.first_folio.load(std::memory_order::relaxed)} + page * g.structs_per_page();
}

}  // namespace

void referenced(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  // A folio that comes and goes in slot 0 is looked at as often as all others together.
  FolioSlot& slot = shared.slots[rng.one_in(2) ? 0 : rng.below(shared.slots.size())];
  const SlotWord word{slot.word.load(std::memory_order::acquire)};  // (2)
  if (!word.holds_folio()) return;
  const Page head = machine.vmemmap().page_of(word.head());
  if (!take_reference_as_walker(cpu, machine, head)) return;
  if (slot.word.load(std::memory_order::acquire) == word.v) {  // (2): still there: the reference pins it
    const u64 n = folio_nr_pages(machine.vmemmap().pages(cpu), {head});
    for (int i = 0; i < kLookupsPerReference; ++i) {
      cpu.count(Event::lookup_referenced);
      const LookupResult r = look_up(cpu, machine, word.head() + rng.below(n));
      // The truth of a pinned folio can't move; but what is smaller than a block of the truth shares it with others.
      const bool may_move = r == LookupResult::truth_moved && n < machine.config().geometry.huge_order.nr_pages();
      const Key wrong = may_move ? Key::truth_moved : Key::referenced_wrong;
      outcomes_of(cpu, shared).add(r == LookupResult::right ? Key::right : wrong);
    }
  }
  (void)machine.hugetlb().folio_put(cpu, word.head());
}

void speculative(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  look_up_speculatively(cpu, machine, shared, any_pfn(machine, shared, rng));
}

void aligned_tail(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const Geometry& g = machine.config().geometry;
  const Pfn head{shared.first_folio.load(std::memory_order::relaxed)};
  for (int i = 0; i < kLookupsOfTails; ++i) {
    const u64 page = 1 + rng.below(g.vmemmap_pages(g.huge_order) - 1);
    const Pfn pfn = head + page * g.structs_per_page();
    const Page tail = machine.vmemmap().page_of(pfn);
    const bool may_be_alias = machine.host_mmu() == nullptr || machine.host_mmu()->is_read_only(tail.va);
    const LookupResult r = look_up_speculatively(cpu, machine, shared, pfn);
    if (!may_be_alias || !was_alias(cpu, machine, tail)) continue;
    cpu.count(Event::window_tail_read_through_alias);
    if (r == LookupResult::right) cpu.count(Event::window_fake_head_seen);
  }
}

void walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  walk_one(cpu, machine, walked_pfn(machine, shared, rng));
}

void filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  filtered_walk_one(cpu, machine, walked_pfn(machine, shared, rng));
}

void near_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  for (int i = 0; i < kWalks; ++i) walk_one(cpu, machine, near_pfn(machine, shared, rng));
}

void near_filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  for (int i = 0; i < kWalks; ++i) filtered_walk_one(cpu, machine, near_pfn(machine, shared, rng));
}

void dump(Cpu& cpu, Machine& machine, Shared& shared, Rng& /*rng*/) {
  PageTable& table = machine.page_table();
  auto& rows = shared.cpus[cpu.id()].rows;
  ptdump(cpu, table, table.vmemmap_base(), table.vmemmap_end(), rows);
}

void dump_often(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  for (int i = 0; i < kDumps; ++i) dump(cpu, machine, shared, rng);
}

}  // namespace hvo::stress
