// Machine::validate: the whole truth, recounted from the page tables up.
#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"

namespace hvo {

namespace {

/// Calls fn(va, pte) for every page of the vmemmap; a leaf counts as PTEs of its frames.
template <class Fn>
void each_page(Cpu& cpu, PageTable& table, Fn fn) {
  const Geometry& g = table.geometry();
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += g.page_size()) {
    const Pmd pmd{cpu.read_once(table.pmd_word(va))};
    if (pmd.is_table()) {
      fn(va, Pte{cpu.read_once(table.pte_word(pmd.frame(), va))});
    } else {
      const u64 nth = (va % g.pmd_size()) / g.page_size();
      fn(va, Pte::make(pmd.frame() + nth, true));
    }
  }
}

}  // namespace

FrameCensus Machine::census() {
  Cpu& cpu = *cpus_[0];
  cpu.run();
  FrameCensus c;
  std::vector<bool> seen(frame_table().nr_frames());
  each_page(cpu, table_, [&](u64, Pte pte) {
    c.read_only_ptes += pte.is_writable() ? 0 : 1;
    if (seen[pte.frame().v]) return;
    seen[pte.frame().v] = true;
    ++c.mapped;
  });
  c.pte_pages = table_.nr_pte_pages(cpu);
  const u64 ptrs = config_.geometry.ptrs_per_table();
  c.pmd_pages = align_up(table_.nr_pmds(), ptrs) / ptrs;
  cpu.idle();
  return c;
}

bool Machine::validate_mappings(Cpu& cpu) {
  const FrameTable& frames = frame_table();
  std::vector<bool> seen(frames.nr_frames());
  u64 nr_mapped = 0;
  bool ok = true;
  each_page(cpu, table_, [&](u64 va, Pte pte) {
    if (!pte.is_present() || frames.state_of(pte.frame()) != FrameState::vmemmap) {
      ok = false;
      cpu.report({.rule = Rule::conservation,
                  .object = va,
                  .expected = static_cast<u64>(FrameState::vmemmap),
                  .seen = pte.is_present() ? static_cast<u64>(frames.state_of(pte.frame())) : ~u64{0},
                  .what = "the vmemmap maps a frame that is not in use for it (frame states)"});
      return;
    }
    if (!pte.is_writable() && !is_tail_page(va)) {
      ok = false;
      cpu.report(
          {.rule = Rule::conservation, .object = va, .seen = pte.v, .what = "mapped read-only, yet no tail page"});
    }
    if (pte.is_writable() && seen[pte.frame().v]) {
      ok = false;
      cpu.report({.rule = Rule::conservation, .object = va, .seen = pte.v, .what = "a frame is mapped writable twice"});
    }
    if (!seen[pte.frame().v]) ++nr_mapped;
    seen[pte.frame().v] = true;
  });
  const u64 ptrs = config_.geometry.ptrs_per_table();
  const u64 wanted = nr_mapped + table_.nr_pte_pages(cpu) + align_up(table_.nr_pmds(), ptrs) / ptrs;
  if (wanted != source_.frames_in_use()) {
    ok = false;
    cpu.report({.rule = Rule::conservation,
                .expected = wanted,
                .seen = source_.frames_in_use(),
                .what = "frames mapped, of PTEs and of PMDs are not the frames in use: frames leaked"});
  }
  return ok;
}

/// A page of vmemmap, not the first, of a folio that can be optimised: the only kind that may be mapped read-only.
bool Machine::is_tail_page(u64 va) {
  const Truth::Answer truth = vmemmap_.truth().about(vmemmap_.pfn_of({va}));
  return config_.geometry.is_optimizable(truth.order) && vmemmap_.page_of(truth.head).va != va;
}

/// Whoever takes a page or a frame pays first and is paid back last: at rest the budget is what is free.
bool Machine::validate_budget(Cpu& cpu) {
  FrameAllocator& frames = source_.next().next();
  const u64 frames_taken = frames.nr_frames() - frames.nr_free(cpu);
  const u64 pages_taken = vmemmap_.nr_pages() - pages_.nr_free(cpu);
  const u64 charged = budget_.total_pages() - budget_.free_pages(cpu);
  if (charged == frames_taken + pages_taken) return true;
  cpu.report({.rule = Rule::conservation,
              .expected = frames_taken + pages_taken,
              .seen = charged,
              .what = "frames and pages taken are not what the budget was charged for"});
  return false;
}

bool Machine::validate_folio(Cpu& cpu, Pfn head) {
  const Geometry& g = config_.geometry;
  const Order order = vmemmap_.truth().about(head).order;
  const bool optimized = order >= g.huge_order && optimizer_.is_optimized(cpu, head);
  const u64 start = vmemmap_.page_of(head).va;
  const Pmd pmd{cpu.read_once(table_.pmd_word(start))};
  const u64 end = start + g.vmemmap_size(order);
  if (pmd.is_leaf()) {
    if (!optimized) return true;
    cpu.report({.rule = Rule::conservation, .object = start, .what = "an optimised folio's PMD was never split"});
    return false;
  }
  const FrameNo reuse = table_.pte_at(cpu, start).frame();
  bool ok = true;
  for (u64 va = start + g.page_size(); va < end; va += g.page_size()) {
    const Pte pte = table_.pte_at(cpu, va);
    const bool is_alias = pte.frame() == reuse && !pte.is_writable();
    const bool is_own = pte.frame() != reuse && pte.is_writable();
    if (optimized ? is_alias : is_own) continue;
    ok = false;
    cpu.report({.rule = Rule::conservation,
                .object = va,
                .expected = optimized,
                .seen = pte.v,
                .what = "a folio's vmemmap_optimized flag is not what its PTEs say"});
  }
  return ok;
}

template <class Encoding>
bool Machine::validate_lookups(Cpu& cpu) {
  const CpuPages pages = vmemmap_.pages(cpu);
  bool ok = true;
  for (Pfn pfn{0}; pfn.v < vmemmap_.nr_pages(); ++pfn) {
    const Truth::Answer truth = vmemmap_.truth().about(pfn);
    const Page p = vmemmap_.page_of(pfn);
    const Page head = vmemmap_.page_of(truth.head);
    const bool is_compound = truth.order.v > 0;
    const Page seen = compound_head<Encoding>(pages, p);
    const bool is_tail = PageTail<Encoding>(pages, p);
    const bool is_head = PageHead<Encoding>(pages, p);
    const bool in_compound = PageCompound<Encoding>(pages, p);
    const bool right =
        seen == head && is_tail == (head != p) && is_head == (is_compound && head == p) && in_compound == is_compound;
    if (right) continue;
    ok = false;
    cpu.report({.rule = Rule::wrong_head,
                .object = p.va,
                .expected = head.va,
                .seen = seen.va,
                .what = "compound_head, PageHead, PageTail or PageCompound is wrong on a quiescent machine"});
  }
  return ok;
}

bool Machine::validate() {
  Cpu& cpu = *cpus_[0];
  cpu.run();
  bool ok = true;
  {
    const OpScope scope(cpu, Op::validate);
    ok = source_.next().next().validate(cpu) && ok;
    ok = pages_.validate(cpu) && ok;
    ok = validate_mappings(cpu) && ok;
    ok = validate_budget(cpu) && ok;
    for (Pfn head{0}; head.v < vmemmap_.nr_pages(); head = head + vmemmap_.truth().about(head).order.nr_pages()) {
      const Order order = vmemmap_.truth().about(head).order;
      if (config_.geometry.is_optimizable(order)) ok = validate_folio(cpu, head) && ok;
    }
    ok = with_encoding(design().encoding, [&]<class E>(E) { return validate_lookups<E>(cpu); }) && ok;
  }
  cpu.idle();
  return ok;
}

}  // namespace hvo
