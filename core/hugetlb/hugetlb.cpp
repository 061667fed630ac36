// The life of one hugepage: made, handed out, taken back.
#include "core/hugetlb/hugetlb.h"

#include <new>

namespace hvo {

Hugetlb::Hugetlb(Arena& arena, Vmemmap& vmemmap, PageAllocator& pages, VmemmapOptimizer& optimizer)
    : vmemmap_(vmemmap),
      pages_(pages),
      optimizer_(optimizer),
      s_(&arena.make<State>()),
      smallest_(vmemmap.geometry().smallest_order()),
      links_(arena.make_span<u32>((vmemmap.nr_pages() >> smallest_.v) + 1)),
      raw_errors_(arena, links_.size()) {
  for (const Order order : vmemmap.geometry().huge_sizes()) {
    new (&s_->hstates[s_->nr_hstates]) Hstate(order, s_->nr_hstates);
    if (s_->nr_hstates != 0) s_->hstates[s_->nr_hstates - 1].demote_order = order;
    ++s_->nr_hstates;
  }
}

bool Hugetlb::has_pool(Order order) const {
  for (const Hstate& h : hstates()) {
    if (h.order == order) return true;
  }
  return false;
}

Hstate& Hugetlb::hstate(Order order) {
  for (u32 i = 0; i < s_->nr_hstates; ++i) {
    if (s_->hstates[i].order == order) return s_->hstates[i];
  }
  check_failed("order", "there is no pool of this size: ask has_pool first");
}

Hstate* Hugetlb::hstate_of(Cpu& cpu, Pfn head) {
  const Order order = folio_order(vmemmap_.pages(cpu), {vmemmap_.page_of(head)});
  if (has_pool(order)) return &hstate(order);
  cpu.report({.rule = Rule::bad_page,
              .object = vmemmap_.page_of(head).va,
              .seen = order.v,
              .what = "what is freed as a hugepage has no hugepage's order"});
  return nullptr;
}

PoolCounters Hugetlb::counters(Cpu& cpu, Order order) {
  Hstate& h = hstate(order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  return h.counters;
}

NodePoolCounters Hugetlb::counters(Cpu& cpu, Order order, NodeId node) {
  Hstate& h = hstate(order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  return h.nodes[node.v].counters;
}

// ---- marks of a folio
// ------------------------------------------------------------------------------------------------------

void Hugetlb::mark(Cpu& cpu, Pfn head, Order order, bool hugetlb) {
  // The first tail lies in the head's page of the vmemmap, which is never read-only: a trap here was reported by the
  // CPU.
  const u64 va = (vmemmap_.page_of(head) + 1).va + page_field::compound_meta;
  (void)cpu.write_once_at<u64>(va, CompoundMeta::make(order, hugetlb).v);
}

bool Hugetlb::has_hpg(Cpu& cpu, Pfn head, u64 flag) {
  return (cpu.read_once_at<u64>(vmemmap_.page_of(head).va + page_field::priv) & flag) != 0;
}

void Hugetlb::set_hpg(Cpu& cpu, Pfn head, u64 flag, bool on) {
  const u64 va = vmemmap_.page_of(head).va + page_field::priv;
  if (on) {
    (void)cpu.fetch_or_at<u64>(va, flag);
  } else {
    (void)cpu.fetch_and_at<u64>(va, ~flag);
  }
}

void Hugetlb::hand_out(Cpu& cpu, Pfn head) {
  (void)page_ref_unfreeze(vmemmap_.pages(cpu), vmemmap_.page_of(head), 1);
  cpu.count(Event::huge_alloc);
}

// ---- pool lists and counters, under hugetlb_lock
// ---------------------------------------------------------------------------

void Hugetlb::enqueue_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head) {
  NodePool& of = pool_of(h, head);
  free_list(of).push_front(index_of(head));
  ++h.counters.free_huge_pages;
  ++of.counters.free_huge_pages;
  set_hpg(cpu, head, HPG_freed, true);
}

bool Hugetlb::take_off_free_list(Cpu& cpu, Hstate& h, Pfn head) {
  NodePool& of = pool_of(h, head);
  if (!free_list(of).remove(index_of(head))) return false;
  --h.counters.free_huge_pages;
  --of.counters.free_huge_pages;
  set_hpg(cpu, head, HPG_freed, false);
  return true;
}

Pfn Hugetlb::dequeue_hugetlb_folio(Cpu& cpu, Hstate& h) {
  const u32 first = node_of_cpu(cpu.id(), nr_nodes()).v;
  for (u32 i = 0; i < nr_nodes(); ++i) {
    const Pfn head = dequeue_hugetlb_folio(cpu, h, {(first + i) % nr_nodes()});
    if (head != kNoPfn) return head;
  }
  return kNoPfn;
}

Pfn Hugetlb::dequeue_hugetlb_folio(Cpu& cpu, Hstate& h, NodeId node) {
  NodePool& of = h.nodes[node.v];
  IndexList list = free_list(of);
  // A folio with a memory error stays where it is.
  const u32 n = list.find_if([&](u32 i) { return !is_poisoned(cpu, pfn_of(i)); });
  if (n == ListHead::kEnd) return kNoPfn;
  (void)take_off_free_list(cpu, h, pfn_of(n));
  return pfn_of(n);
}

void Hugetlb::remove_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head, bool adjust_surplus) {
  NodePool& of = pool_of(h, head);
  --h.counters.nr_huge_pages;
  --of.counters.nr_huge_pages;
  if (adjust_surplus) account_surplus(h, of, ~u64{0});
  if (of.counters.surplus_huge_pages > of.counters.nr_huge_pages) {
    (void)complain(cpu, h.order.v, of.counters.nr_huge_pages, of.counters.surplus_huge_pages,
                   "a node has more surplus folios than folios (order)");
  }
  // While its tails are read-only it must be recognised as a hugepage (Z7).
  if (!has(Safeguard::mark_until_restored) || !optimizer_.is_optimized(cpu, head)) mark(cpu, head, h.order, false);
}

void Hugetlb::add_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head, bool adjust_surplus) {
  account_new(h, head);
  if (adjust_surplus) account_surplus(h, pool_of(h, head), 1);
  mark(cpu, head, h.order, true);
  enqueue_hugetlb_folio(cpu, h, head);
}

// ---- made
// ------------------------------------------------------------------------------------------------------------------

std::expected<Pfn, Errno> Hugetlb::alloc_fresh_hugetlb_folio(Cpu& cpu, const Hstate& h, Placement at) {
  const auto head = pages_.alloc_frozen_pages(cpu, h.order, at);
  if (!head) return head;
  if (auto r = vmemmap_.prep_compound_page(cpu, *head, h.order); !r) return std::unexpected(r.error());
  // Before it is optimised: whoever meets read-only tails must know them for a hugepage's (Z8).
  if (has(Safeguard::mark_before_optimise)) mark(cpu, *head, h.order, true);
  return head;
}

void Hugetlb::adopt_boot_folio(Cpu& cpu, Pfn head, Order order) {
  Hstate& h = hstate(order);
  mark(cpu, head, order, true);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  account_new(h, head);
  enqueue_hugetlb_folio(cpu, h, head);
  ++h.counters.max_huge_pages;
}

void Hugetlb::optimize(Cpu& cpu, std::span<const Pfn> heads, Order order) {
  // A folio that can't be optimised stays full: silent, as in the kernel.
  if (optimizer_.design().batches_flushes) {
    optimizer_.hugetlb_vmemmap_optimize_folios(cpu, heads, order);
  } else {
    for (const Pfn head : heads) (void)optimizer_.hugetlb_vmemmap_optimize_folio(cpu, head, order);
  }
  if (has(Safeguard::mark_before_optimise)) return;
  for (const Pfn head : heads) mark(cpu, head, order, true);
}

std::expected<void, Errno> Hugetlb::restore(Cpu& cpu, Pfn head, Order order) {
  // One that was never optimised has lost its mark when it was taken out (Z10).
  const bool asks = has(Safeguard::restore_of_hugetlb_only) && has(Safeguard::mark_until_restored);
  if (asks && !is_marked(cpu, head)) return {};
  return optimizer_.hugetlb_vmemmap_restore_folio(cpu, head, order);
}

std::expected<Pfn, Errno> Hugetlb::alloc_migrate_hugetlb_folio(Cpu& cpu, Order order) {
  const OpScope scope(cpu, Op::alloc_hugetlb_folio);
  Hstate& h = hstate(order);
  const auto head = alloc_fresh_hugetlb_folio(cpu, h);
  if (!head) return head;
  optimize(cpu, {&*head, 1}, order);
  set_hpg(cpu, *head, HPG_temporary, true);
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    account_new(h, *head);
  }
  hand_out(cpu, *head);
  return head;
}

std::expected<Pfn, Errno> Hugetlb::alloc_surplus_hugetlb_folio(Cpu& cpu, Hstate& h) {
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    if (h.counters.surplus_huge_pages >= h.counters.nr_overcommit_huge_pages) return std::unexpected(Errno::enomem);
  }
  const auto head = alloc_fresh_hugetlb_folio(cpu, h);
  if (!head) return head;
  optimize(cpu, {&*head, 1}, h.order);
  bool allowed = false;
  {
    // Others may have used the overcommit up meanwhile.
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    account_new(h, *head);
    allowed = h.counters.surplus_huge_pages < h.counters.nr_overcommit_huge_pages;
    if (allowed) account_surplus(h, pool_of(h, *head), 1);
  }
  if (allowed) {
    cpu.count(Event::surplus_alloc);
    hand_out(cpu, *head);
    return head;
  }
  cpu.count(Event::window_overcommit_race_lost);
  set_hpg(cpu, *head, HPG_temporary, true);
  (void)free_huge_folio(cpu, *head);
  return std::unexpected(Errno::enomem);
}

// ---- handed out, taken back
// -----------------------------------------------------------------------------------------------

std::expected<Pfn, Errno> Hugetlb::alloc_hugetlb_folio(Cpu& cpu, Order order) {
  const OpScope scope(cpu, Op::alloc_hugetlb_folio);
  Hstate& h = hstate(order);
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    const Pfn head = dequeue_hugetlb_folio(cpu, h);
    if (head != kNoPfn) {
      hand_out(cpu, head);
      return head;
    }
    if (h.nr_demoting != 0) cpu.count(Event::window_demote_met_alloc);
  }
  return alloc_surplus_hugetlb_folio(cpu, h);
}

std::expected<void, Errno> Hugetlb::folio_put(Cpu& cpu, Pfn head, Context context) {
  const OpScope scope(cpu, Op::folio_put, false);
  const auto pages = vmemmap_.pages(cpu);
  const Page page = vmemmap_.page_of(head);
  const auto last = put_page_testzero(pages, page);
  if (!last) return std::unexpected(Errno::efault);
  if (!*last) return {};
  const CompoundMeta meta = folio_meta(pages, {page});
  if (meta.is_hugetlb() && context == Context::task) return free_huge_folio(cpu, head);
  if (meta.is_hugetlb()) {
    free_huge_folio_atomic(cpu, head);
    return {};
  }
  pages_.free_frozen_pages(cpu, head, meta.order());
  return {};
}

std::expected<void, Errno> Hugetlb::free_huge_folio(Cpu& cpu, Pfn head) {
  const OpScope scope(cpu, Op::free_huge_folio);
  Hstate* const h = hstate_of(cpu, head);
  if (h == nullptr) return std::unexpected(Errno::efault);
  cpu.count(Event::huge_free);
  if (!take_out(cpu, *h, head)) return {};
  return update_and_free_hugetlb_folio(cpu, *h, head);
}

bool Hugetlb::take_out(Cpu& cpu, Hstate& h, Pfn head) {
  const bool temporary = has_hpg(cpu, head, HPG_temporary);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  const NodePoolCounters& of = pool_of(h, head).counters;
  if (!temporary && of.surplus_huge_pages == 0) {
    enqueue_hugetlb_folio(cpu, h, head);
    return false;
  }
  // A pool that shrank counts what is in use as surplus, temporary folios with the rest. When nothing but surplus is
  // left on the node, this folio is among it: kept, the surplus would outlive its last folio and make persistent()
  // negative.
  const bool all_surplus = of.surplus_huge_pages == of.nr_huge_pages;
  remove_hugetlb_folio(cpu, h, head, !temporary || all_surplus);
  return true;
}

std::expected<void, Errno> Hugetlb::update_and_free_hugetlb_folio(Cpu& cpu, Hstate& h, Pfn head) {
  if (has_hpg(cpu, head, HPG_raw_hwp_unreliable)) {
    // Nobody knows which of its pages is bad: lost for good, and better so.
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    mark(cpu, head, h.order, true);
    ++pool_of(h, head).nr_lost;
    return {};
  }
  if (auto r = restore(cpu, head, h.order); !r) {
    // It stays whole, and free, beyond what was asked for.
    cpu.count(Event::window_surplus_by_failure);
    if (has_hpg(cpu, head, HPG_temporary)) set_hpg(cpu, head, HPG_temporary, false);
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    add_hugetlb_folio(cpu, h, head, true);
    return r;
  }
  free_restored(cpu, h, head);
  return {};
}

void Hugetlb::free_restored(Cpu& cpu, Hstate& h, Pfn head) {
  if (has_hpg(cpu, head, HPG_temporary)) set_hpg(cpu, head, HPG_temporary, false);
  if (!has(Safeguard::errors_moved_last)) {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    move_raw_errors(cpu, head);
  }
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    if (has_hpg(cpu, head, HPG_raw_hwp_unreliable)) {  // since it was looked at before the restore
      mark(cpu, head, h.order, true);
      ++pool_of(h, head).nr_lost;
      return;
    }
    mark(cpu, head, h.order, false);
    // Only now: an error noted on a folio that still was a hugepage would be lost with its list (Z9).
    if (has(Safeguard::errors_moved_last)) move_raw_errors(cpu, head);
  }
  pages_.free_frozen_pages(cpu, head, h.order);
}

}  // namespace hvo
