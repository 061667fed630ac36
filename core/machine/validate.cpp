// Machine::validate: the whole truth, recounted from the page tables up.
#include "core/machine/machine.h"
#include "core/vmemmap/lookup_check.h"

namespace hvo {

namespace {

/// What maps the page at `va`; a leaf counts as PTEs of its frames.
Pte entry_of(Cpu& cpu, PageTable& table, u64 va) {
  const Geometry& g = table.geometry();
  const Pmd pmd{cpu.read_once(table.pmd_word(va))};
  if (pmd.is_table()) return Pte{cpu.read_once(table.pte_word(pmd.frame(), va))};
  return Pte::make(pmd.frame() + (va % g.pmd_size()) / g.page_size(), true);
}

/// Calls fn(va, pte) for every page of the vmemmap.
template <class Fn>
void each_page(Cpu& cpu, PageTable& table, Fn fn) {
  for (u64 va = table.vmemmap_base(); va < table.vmemmap_end(); va += table.geometry().page_size()) {
    fn(va, entry_of(cpu, table, va));
  }
}

}  // namespace

FrameCensus Machine::census() {
  FrameCensus sum;
  for (NodeId n; n.v < nr_nodes(); ++n.v) {
    const FrameCensus c = census(n);
    sum.mapped += c.mapped;
    sum.pte_pages += c.pte_pages;
    sum.pmd_pages += c.pmd_pages;
    sum.read_only_ptes += c.read_only_ptes;
  }
  return sum;
}

FrameCensus Machine::census(NodeId node) {
  Cpu& cpu = *cpus_[0];
  cpu.run();
  FrameCensus c;
  const auto is_here = [&](FrameNo frame) { return source_.next().next().node_of(frame) == node; };
  std::vector<bool> seen(frame_table().nr_frames());
  each_page(cpu, table_, [&](u64 va, Pte pte) {
    if (vmemmap_.node_of(vmemmap_.pfn_of({va})) == node) c.read_only_ptes += pte.is_writable() ? 0 : 1;
    if (seen[pte.frame().v] || !is_here(pte.frame())) return;
    seen[pte.frame().v] = true;
    ++c.mapped;
  });
  for (u64 i = 0; i < table_.nr_pmds(); ++i) {
    const Pmd pmd{cpu.read_once(table_.pmd_word(table_.vmemmap_base() + i * config_.geometry.pmd_size()))};
    if (pmd.is_table() && is_here(pmd.frame())) ++c.pte_pages;
  }
  for (const FrameNo table : table_.pmd_tables()) c.pmd_pages += is_here(table) ? 1 : 0;
  cpu.idle();
  return c;
}

bool Machine::validate_mappings(Cpu& cpu) {
  const FrameTable& frames = frame_table();
  std::vector<bool> seen(frames.nr_frames());
  u64 nr_mapped = 0;
  bool ok = true;
  each_page(cpu, table_, [&](u64 va, Pte pte) {
    const bool is_known = pte.is_present() && (frames.state_of(pte.frame()) == FrameState::vmemmap ||
                                               frames.state_of(pte.frame()) == FrameState::vmemmap_self_hosted);
    if (!is_known) {
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
  const SharedTails& tails = optimizer_.shared_tails();
  for (u64 zone = 0; zone < Vmemmap::kNrZones; ++zone) {
    for (u8 order = 0; order < SharedTails::kNrOrders; ++order) {
      const FrameNo frame = tails.peek(cpu, zone, Order{order});
      if (frame != kNoFrame && seen[frame.v]) --nr_mapped;  // counted apart
    }
  }
  if (nr_mapped != optimizer_.nr_memmap_pages()) {
    ok = false;
    cpu.report({.rule = Rule::conservation,
                .expected = nr_mapped,
                .seen = optimizer_.nr_memmap_pages(),
                .what = "frames that back struct pages are not nr_memmap_pages"});
  }
  const u64 ptrs = config_.geometry.ptrs_per_table();
  const u64 nr_shared = tails.nr_frames(cpu);
  const u64 nr_pte_pages = table_.nr_pte_pages(cpu);
  const u64 wanted = nr_mapped + nr_shared + nr_pte_pages + align_up(table_.nr_pmds(), ptrs) / ptrs;
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
bool Machine::validate_budget(Cpu& cpu, NodeId node) {
  FrameAllocator& frames = source_.next().next().node(node);
  const u64 frames_taken = frames.nr_frames() - frames.nr_free(cpu);
  const u64 pages_taken = vmemmap_.nodes().per_node() - pages_.nr_free(cpu, node);
  const u64 charged = budgets_[node.v].total_pages() - budgets_[node.v].free_pages(cpu);
  if (charged == frames_taken + pages_taken) return true;
  cpu.report({.rule = Rule::conservation,
              .object = node.v,
              .expected = frames_taken + pages_taken,
              .seen = charged,
              .what = "frames and pages taken are not what the budget was charged for (node)"});
  return false;
}

bool Machine::validate_folio(Cpu& cpu, Pfn head) {
  const Geometry& g = config_.geometry;
  const Order order = vmemmap_.truth().about(head).order;
  const bool optimized = order >= g.huge_order && optimizer_.is_optimized(cpu, head);
  const u64 start = vmemmap_.page_of(head).va;
  const u64 nr_own = optimized ? design().nr_kept_pages() : g.vmemmap_pages(order);
  const u64 target_page = start + (design().nr_kept_pages() - 1) * g.page_size();
  const FrameNo target = design().tails == Tails::shared
                             ? optimizer_.shared_tails().peek(cpu, vmemmap_.zone_of(head), order)
                             : entry_of(cpu, table_, target_page).frame();
  const FrameNo first = entry_of(cpu, table_, start).frame();
  bool ok = true;
  for (u64 i = 0; i < g.vmemmap_pages(order); ++i) {
    const u64 va = start + i * g.page_size();
    const Pte pte = entry_of(cpu, table_, va);
    const bool is_alias = pte.frame() == target && !pte.is_writable();
    const bool is_own = (i == 0 || pte.frame() != first) && pte.is_writable();
    if (i < nr_own ? is_own : is_alias) continue;
    ok = false;
    cpu.report({.rule = Rule::conservation,
                .object = va,
                .expected = optimized,
                .seen = pte.v,
                .what = "a folio's vmemmap_optimized flag is not what its PTEs say"});
  }
  return ok;
}

bool Machine::validate_folios(Cpu& cpu) {
  bool ok = true;
  auto counts = [&](u64 expected, u64 seen, std::string_view what) {
    if (expected == seen) return;
    ok = false;
    cpu.report({.rule = Rule::conservation, .expected = expected, .seen = seen, .what = what});
  };
  u64 nr_optimized = 0;
  for (Pfn head{0}; head.v < vmemmap_.nr_pages(); head = head + vmemmap_.truth().about(head).order.nr_pages()) {
    if (!config_.geometry.is_optimizable(vmemmap_.truth().about(head).order)) continue;
    ok = validate_folio(cpu, head) && ok;
    nr_optimized += optimizer_.is_optimized(cpu, head) ? 1 : 0;
  }
  counts(nr_optimized, optimizer_.nr_optimized_folios(), "folios flagged vmemmap_optimized are not those optimised");
  if (design().uses_static_key) {
    counts(nr_optimized, vmemmap_.key().count(cpu), "the static key does not count the optimised folios");
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
    const u64 zone = page_zone_id(pages.read_once(p, page_field::flags));
    if (zone != vmemmap_.zone_of(pfn)) {
      ok = false;
      cpu.report({.rule = Rule::bad_page,
                  .object = p.va,
                  .expected = vmemmap_.zone_of(pfn),
                  .seen = zone,
                  .what = "a struct page names the wrong node or zone (page_to_nid, page_zonenum)"});
    }
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
    for (NodeId n; n.v < nr_nodes(); ++n.v) ok = validate_budget(cpu, n) && ok;
    ok = hugetlb_.validate(cpu) && ok;
    ok = validate_folios(cpu) && ok;
    ok = with_encoding(design().encoding, [&]<class E>(E) { return validate_lookups<E>(cpu); }) && ok;
  }
  cpu.idle();
  return ok;
}

}  // namespace hvo
