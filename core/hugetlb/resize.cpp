// Pools grown and shrunk.
#include <algorithm>

#include "core/hugetlb/hugetlb.h"

namespace hvo {

void Hugetlb::set_nr_overcommit_huge_pages(Cpu& cpu, Order order, u64 count) {
  Hstate& h = hstate(order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  h.counters.nr_overcommit_huge_pages = count;
}

bool Hugetlb::adjust_pool_surplus(Hstate& h, NodeId allowed, bool more) {
  const NodeId found = next_node(more ? h.next_nid_to_free : h.next_nid_to_alloc, allowed, [&](NodeId node) {
    const NodePoolCounters& c = h.nodes[node.v].counters;
    return more ? c.surplus_huge_pages < c.nr_huge_pages : c.surplus_huge_pages != 0;
  });
  if (found == kNoNode) return false;
  account_surplus(h, h.nodes[found.v], more ? 1 : ~u64{0});
  return true;
}

u64 Hugetlb::set_max_huge_pages(Cpu& cpu, Order order, u64 count, NodeId node) {
  const OpScope scope(cpu, Op::set_max_huge_pages);
  Hstate& h = hstate(order);
  const MutexGuard resizing(cpu, h.resize_lock);
  u64 missing = 0;
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    // Surplus that is there already is taken over first.
    while (persistent(h, node) < count && adjust_pool_surplus(h, node, false)) {
    }
    missing = count - std::min(count, persistent(h, node));
  }
  while (missing != 0) {
    const u64 step = std::min(missing, optimizer_.design().batches_flushes ? kBatch : u64{1});
    if (grow(cpu, h, step, node) != step) break;
    missing -= step;
  }
  for (u64 before = ~u64{0}; shrink(cpu, h, count, node) != 0;) {
    if (has(Safeguard::shrink_persistent_only)) continue;
    // The same folios come back for ever where their restore fails.
    const u64 now = counters(cpu, order).nr_huge_pages;
    if (now >= before) break;
    before = now;
  }
  if (has(Safeguard::deferred_work_flushed)) (void)free_hpage_work(cpu);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  // What is in use beyond the new size goes when it is freed.
  while (persistent(h, node) > count && adjust_pool_surplus(h, node, true)) {
  }
  h.counters.max_huge_pages = h.counters.persistent();
  return persistent(h, node);
}

u64 Hugetlb::grow(Cpu& cpu, Hstate& h, u64 nr, NodeId allowed) {
  std::array<Pfn, kBatch> heads{};
  u64 n = 0;
  const auto make_on = [&](NodeId node) {
    const auto head = alloc_fresh_hugetlb_folio(cpu, h, Placement::only(node));
    if (head) heads[n] = *head;
    return head.has_value();
  };
  while (n < nr && next_node(h.next_nid_to_alloc, allowed, make_on) != kNoNode) ++n;
  const std::span<const Pfn> made(heads.data(), n);
  optimize(cpu, made, h.order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  for (const Pfn head : made) {
    account_new(h, head);
    enqueue_hugetlb_folio(cpu, h, head);
  }
  cpu.count(Event::pool_grown, n);
  return n;
}

u64 Hugetlb::shrink(Cpu& cpu, Hstate& h, u64 count, NodeId allowed) {
  std::array<Pfn, kBatch> heads{};
  u64 n = 0;
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    // Persistent folios only: what a failed restore left here as surplus is not taken again and again.
    const auto has_one = [&](NodeId node) {
      const NodePoolCounters& c = h.nodes[node.v].counters;
      return c.free_huge_pages != 0 && (c.persistent() != 0 || !has(Safeguard::shrink_persistent_only));
    };
    // Up to 7.0 as many persistent folios stay as are in use, though some of those in use may be surplus.
    const u64 kept = optimizer_.design().shrinks_by_persistent ? count : std::max(count, in_use(h, allowed));
    while (n < heads.size() && nr_to_keep(h, allowed) > kept) {
      const NodeId node = next_node(h.next_nid_to_free, allowed, has_one);
      if (node == kNoNode) break;
      heads[n] = pfn_of(free_list(h.nodes[node.v]).front());
      (void)take_off_free_list(cpu, h, heads[n]);
      remove_hugetlb_folio(cpu, h, heads[n++], false);
    }
  }
  update_and_free_pages_bulk(cpu, h, {heads.data(), n});
  cpu.count(Event::pool_shrunk, n);
  return n;
}

void Hugetlb::update_and_free_pages_bulk(Cpu& cpu, Hstate& h, std::span<const Pfn> heads) {
  const bool all_reliable =
      std::ranges::none_of(heads, [&](Pfn head) { return has_hpg(cpu, head, HPG_raw_hwp_unreliable); });
  if (all_reliable && optimizer_.design().batches_flushes) {
    const u64 nr_restored = optimizer_.hugetlb_vmemmap_restore_folios(cpu, heads, h.order);
    for (const Pfn head : heads.first(nr_restored)) free_restored(cpu, h, head);
    heads = heads.subspan(nr_restored);
  }
  // One by one: each that fails stays as surplus.
  for (const Pfn head : heads) (void)update_and_free_hugetlb_folio(cpu, h, head);
}

}  // namespace hvo
