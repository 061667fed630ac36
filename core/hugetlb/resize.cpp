// Pools grown and shrunk.
#include <algorithm>

#include "core/hugetlb/hugetlb.h"

namespace hvo {

void Hugetlb::set_nr_overcommit_huge_pages(Cpu& cpu, Order order, u64 count) {
  Hstate& h = hstate(order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  h.counters.nr_overcommit_huge_pages = count;
}

u64 Hugetlb::set_max_huge_pages(Cpu& cpu, Order order, u64 count) {
  const OpScope scope(cpu, Op::set_max_huge_pages);
  Hstate& h = hstate(order);
  const MutexGuard resizing(cpu, h.resize_lock);
  u64 missing = 0;
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    PoolCounters& c = h.counters;
    // Surplus that is there already is taken over first.
    const u64 wanted = count - std::min(count, c.persistent());
    c.surplus_huge_pages -= std::min(wanted, c.surplus_huge_pages);
    missing = count - std::min(count, c.persistent());
  }
  while (missing != 0) {
    const u64 step = std::min(missing, optimizer_.design().batches_flushes ? kBatch : u64{1});
    if (grow(cpu, h, step) != step) break;
    missing -= step;
  }
  while (shrink(cpu, h, count) != 0) {
  }
  (void)free_hpage_work(cpu);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  PoolCounters& c = h.counters;
  // What is in use beyond the new size goes when it is freed.
  if (c.persistent() > count) c.surplus_huge_pages += std::min(c.persistent() - count, c.persistent());
  c.max_huge_pages = c.persistent();
  return c.max_huge_pages;
}

u64 Hugetlb::grow(Cpu& cpu, Hstate& h, u64 nr) {
  std::array<Pfn, kBatch> heads{};
  u64 n = 0;
  for (; n < nr; ++n) {
    const auto head = alloc_fresh_hugetlb_folio(cpu, h);
    if (!head) break;
    heads[n] = *head;
  }
  const std::span<const Pfn> made(heads.data(), n);
  optimize(cpu, made, h.order);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  for (const Pfn head : made) {
    account_new(h);
    enqueue_hugetlb_folio(h, head);
  }
  cpu.count(Event::pool_grown, n);
  return n;
}

u64 Hugetlb::shrink(Cpu& cpu, Hstate& h, u64 count) {
  std::array<Pfn, kBatch> heads{};
  u64 n = 0;
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    const PoolCounters& c = h.counters;
    // Persistent folios only: what a failed restore left here as surplus is not taken again and again.
    IndexList list = free_list(h);
    while (n < heads.size() && c.persistent() > count && !list.is_empty()) {
      heads[n] = pfn_of(list.pop_front());
      --h.counters.free_huge_pages;
      remove_hugetlb_folio(cpu, h, heads[n++], false);
    }
  }
  update_and_free_pages_bulk(cpu, h, {heads.data(), n});
  cpu.count(Event::pool_shrunk, n);
  return n;
}

void Hugetlb::update_and_free_pages_bulk(Cpu& cpu, Hstate& h, std::span<const Pfn> heads) {
  if (optimizer_.design().batches_flushes) {
    const u64 nr_restored = optimizer_.hugetlb_vmemmap_restore_folios(cpu, heads, h.order);
    for (const Pfn head : heads.first(nr_restored)) free_restored(cpu, h, head);
    heads = heads.subspan(nr_restored);
  }
  // One by one: each that fails stays as surplus.
  for (const Pfn head : heads) (void)update_and_free_hugetlb_folio(cpu, h, head);
}

}  // namespace hvo
