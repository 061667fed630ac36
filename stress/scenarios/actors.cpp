#include "stress/scenarios/actors.h"

#include <cstring>

#include "core/vmemmap/lookup_check.h"

namespace hvo::stress {

namespace {

constexpr unsigned kMostPages = 32;
constexpr unsigned kMostFrames = 16;

CpuShare& own(Cpu& cpu, Shared& shared) { return shared.cpus[cpu.id()]; }
Pfn pfn_in(u64 word) { return {word >> 32}; }
bool holds_folio(u64 word) { return (word & 2) != 0; }

void change_slot(Cpu& cpu, Machine& m, Shared& shared, FolioSlot& slot) {
  const u64 word = slot.word.exchange(FolioSlot::kTaken, std::memory_order::acq_rel);  // (2)
  if (word == FolioSlot::kTaken) return;
  const Order order = m.config().geometry.huge_order;
  u64 now = 0;
  if (word == 0) {
    if (const auto head = m.hugetlb().alloc_migrate_hugetlb_folio(cpu, order)) {
      const u64 generation = (own(cpu, shared).generation++ * kMaxCpus + cpu.id()) & 0x3fffffff;
      now = head->v << 32 | generation << 2 | 2;
      if (&slot == shared.slots.data()) shared.first_folio.store(head->v, std::memory_order::relaxed);
    }
  } else {
    (void)m.hugetlb().folio_put(cpu, pfn_in(word));
  }
  slot.word.store(now, std::memory_order::release);  // (1)
}

LookupResult look_up(Cpu& cpu, Machine& m, Pfn pfn) {
  return with_encoding(m.design().encoding,
                       [&]<class E>(E) { return checked_compound_head<E>(cpu, m.vmemmap(), pfn); });
}

void look_up_speculatively(Cpu& cpu, Machine& m, Shared& shared, Pfn pfn) {
  cpu.count(Event::lookup_speculative);
  Key key{};
  switch (look_up(cpu, m, pfn)) {
    case LookupResult::right: key = Key::right; break;
    case LookupResult::truth_moved: key = Key::truth_moved; break;
    case LookupResult::self_head: key = Key::self_head; break;
    case LookupResult::wrong: key = Key::wrong; break;
  }
  own(cpu, shared).outcomes.add(key);
}

/// Takes a reference as a pfn walker does. A trap ends the walk of this pfn.
bool take_reference(Cpu& cpu, Machine& m, Page page) {
  const OpScope scope(cpu, Op::page_ref_add_unless, false);
  const auto taken = get_page_unless_zero(m.vmemmap().pages(cpu), page);
  if (!taken) {
    cpu.count(Event::window_read_only_trap);
    return false;
  }
  cpu.count(*taken ? Event::window_ref_taken : Event::window_ref_refused);
  return *taken;
}

/// Owners free by freezing 1 → 0 only, so this is never the last.
void drop_reference(Cpu& cpu, Machine& m, Shared& shared, Page page) {
  const OpScope scope(cpu, Op::folio_put, false);
  const auto last = put_page_testzero(m.vmemmap().pages(cpu), page);
  if (last && *last) own(cpu, shared).outcomes.add(Key::last_reference);
}

/// Frees by freezing; false while a walker holds a reference.
bool free_pages(Cpu& cpu, Machine& m, const HeldPages& held) {
  const auto frozen = page_ref_freeze(m.vmemmap().pages(cpu), m.vmemmap().page_of(held.head), 1);
  if (!frozen) return true;
  if (!*frozen) return false;
  m.pages().free_frozen_pages(cpu, held.head, held.order);
  return true;
}

void check_and_free(Cpu& cpu, Machine& m, CpuShare& share, HeldFrame held) {
  const std::byte* bytes = m.frame_table().address(held.frame);
  bool intact = true;
  for (u64 i = 0; i < m.config().geometry.page_size(); i += sizeof(u64)) {
    u64 word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    intact = intact && word == held.pattern + i;
  }
  if (!intact) share.outcomes.add(Key::frame_damaged);
  m.frames().free(cpu, held.frame, Order{0});
}

}  // namespace

void folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  change_slot(cpu, machine, shared, shared.slots[rng.below(shared.slots.size())]);
}

void first_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& /*rng*/) {
  change_slot(cpu, machine, shared, shared.slots[0]);
}

void pages(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  auto& held = own(cpu, shared).pages;
  if (held.size() < kMostPages && rng.one_in(2)) {
    const u64 most = machine.config().geometry.huge_order.v;
    const Order order{static_cast<u8>(rng.one_in(2) ? 0 : rng.below(most))};
    if (const auto head = machine.pages().alloc_pages(cpu, order)) held.push_back({*head, order});
  } else if (!held.empty()) {
    std::swap(held[rng.below(held.size())], held.back());
    if (free_pages(cpu, machine, held.back())) held.pop_back();
  }
}

void referenced(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  // A folio that comes and goes in slot 0 is looked at as often as all others together.
  FolioSlot& slot = shared.slots[rng.one_in(2) ? 0 : rng.below(shared.slots.size())];
  const u64 word = slot.word.load(std::memory_order::acquire);  // (2)
  if (!holds_folio(word)) return;
  const Page head = machine.vmemmap().page_of(pfn_in(word));
  if (!take_reference(cpu, machine, head)) return;
  if (slot.word.load(std::memory_order::acquire) == word) {  // still there: the reference pins it
    for (int i = 0; i < 4; ++i) {
      cpu.count(Event::lookup_referenced);
      const u64 n = machine.config().geometry.huge_order.nr_pages();
      const LookupResult r = look_up(cpu, machine, pfn_in(word) + rng.below(n));
      const bool fine = r == LookupResult::right || r == LookupResult::truth_moved;
      const Key fine_key = r == LookupResult::right ? Key::right : Key::truth_moved;
      own(cpu, shared).outcomes.add(fine ? fine_key : Key::referenced_wrong);
    }
  }
  drop_reference(cpu, machine, shared, head);
}

void speculative(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  // Half of them near the bottom, where the buddy's pages come from.
  const u64 all = machine.vmemmap().nr_pages();
  const u64 near = machine.config().geometry.huge_order.nr_pages() * 12;
  look_up_speculatively(cpu, machine, shared, {rng.below(rng.one_in(2) && near < all ? near : all)});
}

void aligned_tail(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const Geometry& g = machine.config().geometry;
  const Pfn head{shared.first_folio.load(std::memory_order::relaxed)};
  for (int i = 0; i < 256; ++i) {  // about as long as a folio takes to come or go
    const u64 page = 1 + rng.below(g.vmemmap_pages(g.huge_order) - 1);
    look_up_speculatively(cpu, machine, shared, head + page * g.structs_per_page());
  }
}

void walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const OpScope scope(cpu, Op::pfn_walk, false);
  const Page page = machine.vmemmap().page_of({rng.below(machine.vmemmap().nr_pages())});
  if (take_reference(cpu, machine, page)) drop_reference(cpu, machine, shared, page);
}

void filtered_walk(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const OpScope scope(cpu, Op::pfn_walk, false);
  const Page page = machine.vmemmap().page_of({rng.below(machine.vmemmap().nr_pages())});
  const bool is_tail = with_encoding(machine.design().encoding,
                                     [&]<class E>(E) { return PageTail<E>(machine.vmemmap().pages(cpu), page); });
  if (!is_tail && take_reference(cpu, machine, page)) drop_reference(cpu, machine, shared, page);
}

void dump(Cpu& cpu, Machine& machine, Shared& shared, Rng& /*rng*/) {
  PageTable& table = machine.page_table();
  auto& rows = own(cpu, shared).rows;
  ptdump(cpu, table, table.vmemmap_base(), table.vmemmap_end(), rows);
  u64 at = table.vmemmap_base();
  for (const DumpRow& row : rows) {
    if (row.start != at) cpu.report({.rule = Rule::range, .object = row.start, .expected = at, .what = "dump row"});
    at = row.end;
  }
}

void scribble(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const OpScope scope(cpu, Op::scribble, false);
  CpuShare& share = own(cpu, shared);
  if (share.frames.size() >= kMostFrames || (!share.frames.empty() && rng.one_in(2))) {
    std::swap(share.frames[rng.below(share.frames.size())], share.frames.back());
    check_and_free(cpu, machine, share, share.frames.back());
    share.frames.pop_back();
    return;
  }
  const auto frame = machine.frames().alloc(cpu, Order{0});
  if (!frame) return;
  Word<u32>& epoch = machine.frame_table().epoch[frame->v];
  if (ref(epoch).load(std::memory_order::relaxed) != 0) cpu.count(Event::window_frame_reused);
  const HeldFrame held{*frame, rng.next()};
  share.scratch.resize(machine.config().geometry.page_size());
  for (u64 i = 0; i < share.scratch.size(); i += sizeof(u64)) {
    const u64 word = held.pattern + i;
    std::memcpy(share.scratch.data() + i, &word, sizeof word);
  }
  cpu.fill_frame(*frame, share.scratch.data());
  share.frames.push_back(held);
}

void give_all_back(Cpu& cpu, Machine& machine, Shared& shared) {
  for (FolioSlot& slot : shared.slots) {
    if (slot.word.load(std::memory_order::acquire) != 0) change_slot(cpu, machine, shared, slot);
  }
  for (CpuShare& share : shared.cpus) {
    for (const HeldPages& held : share.pages) (void)free_pages(cpu, machine, held);
    for (const HeldFrame& held : share.frames) check_and_free(cpu, machine, share, held);
    share.pages.clear();
    share.frames.clear();
  }
}

}  // namespace hvo::stress
