// Demotion: a free hugepage becomes hugepages of a smaller size.
//
// One folio, step by step: out of its pool, under hugetlb_lock → restored (a 1 GiB folio needs 4095 frames) →
// resize_lock of the smaller size, inside that of the larger → its compound split into smaller ones, frozen all along →
// each marked, optimised, and put into its pool. In frames of vmemmap: 1 → 4096 → 512.
#include <algorithm>
#include <optional>

#include "core/hugetlb/hugetlb.h"

namespace hvo {

Order Hugetlb::demote_size(Cpu& cpu, Order order) {
  Hstate& h = hstate(order);
  const MutexGuard resizing(cpu, h.resize_lock);
  return h.demote_order;
}

std::expected<void, Errno> Hugetlb::set_demote_size(Cpu& cpu, Order order, Order to) {
  Hstate& h = hstate(order);
  if (!has_pool(to) || to >= order || to < vmemmap_.geometry().huge_order) return std::unexpected(Errno::einval);
  const MutexGuard resizing(cpu, h.resize_lock);
  h.demote_order = to;
  return {};
}

std::expected<u64, Errno> Hugetlb::demote_pool_huge_pages(Cpu& cpu, Order order, u64 nr, NodeId node) {
  const OpScope scope(cpu, Op::demote_pool_huge_page);
  Hstate& src = hstate(order);
  if (nr == 0) return std::unexpected(Errno::einval);
  const MutexGuard resizing(cpu, src.resize_lock);
  if (src.demote_order.v == 0) return std::unexpected(Errno::einval);
  Hstate& dst = hstate(src.demote_order);
  u64 nr_done = 0;
  std::optional<Errno> failed;
  while (nr_done < nr && !failed) {
    // Where flushes are batched all are taken out first, and demoted from the last one on: the pieces of the first are
    // in front then. Else one by one.
    std::array<TakenToDemote, kDemotedAtOnce> taken;
    u64 n = 0;
    {
      const u64 wanted = optimizer_.design().batches_flushes ? std::min<u64>(nr - nr_done, taken.size()) : 1;
      const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
      while (n < wanted && take_to_demote(cpu, src, node, taken[n])) ++n;
    }
    if (n == 0) failed = Errno::ebusy;
    while (n != 0) {
      const auto done = demote_taken(cpu, src, dst, taken[--n]);
      if (done) ++nr_done;
      if (!done) failed = done.error();
    }
  }
  if (nr_done == 0 && failed) return std::unexpected(*failed);
  return nr_done;
}

bool Hugetlb::take_to_demote(Cpu& cpu, Hstate& src, NodeId allowed, TakenToDemote& taken) {
  const NodeId node = next_node(src.next_nid_to_free, allowed, [&](NodeId n) {
    return free_list(src.nodes[n.v]).find_if([&](u32 i) { return may_demote(cpu, pfn_of(i)); }) != ListHead::kEnd;
  });
  if (node == kNoNode) return false;
  const IndexList free = free_list(src.nodes[node.v]);
  taken.head = pfn_of(free.find_if([&](u32 i) { return may_demote(cpu, pfn_of(i)); }));
  (void)take_off_free_list(cpu, src, taken.head);
  taken.was_surplus = pool_of(src, taken.head).counters.surplus_huge_pages != 0;
  remove_hugetlb_folio(cpu, src, taken.head, taken.was_surplus);
  ++src.nr_demoting;
  return true;
}

std::expected<void, Errno> Hugetlb::demote_taken(Cpu& cpu, Hstate& src, Hstate& dst, TakenToDemote taken) {
  const auto [head, was_surplus] = taken;
  if (const auto restored = restore(cpu, head, src.order); !restored) {
    cpu.count(Event::window_demote_enomem);
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    add_hugetlb_folio(cpu, src, head, was_surplus);
    --src.nr_demoting;
    return restored;
  }
  if (!unmark_healthy(cpu, src, head, was_surplus)) return std::unexpected(Errno::ebusy);
  const MutexGuard resizing(cpu, dst.resize_lock);
  const auto split = split_into_pool(cpu, src, dst, head);
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  --src.nr_demoting;
  if (!was_surplus) --src.counters.max_huge_pages;
  if (split) {
    dst.counters.max_huge_pages += src.order.nr_pages() / dst.order.nr_pages();
    cpu.count(Event::folio_demoted);
  }
  return split;
}

bool Hugetlb::may_demote(Cpu& cpu, Pfn head) { return !has(Safeguard::demote_healthy_only) || !is_poisoned(cpu, head); }

bool Hugetlb::unmark_healthy(Cpu& cpu, Hstate& src, Pfn head, bool was_surplus) {
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  if (may_demote(cpu, head)) {
    mark(cpu, head, src.order, false);
    return true;
  }
  // A memory error came in while it was restored: a list of errors can't be split.
  add_hugetlb_folio(cpu, src, head, was_surplus);
  --src.nr_demoting;
  return false;
}

void Hugetlb::add_demoted(Cpu& cpu, Hstate& dst, Pfn piece) {
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    account_new(dst, piece);
  }
  (void)free_huge_folio(cpu, piece);
}

std::expected<void, Errno> Hugetlb::split_into_pool(Cpu& cpu, const Hstate& src, Hstate& dst, Pfn head) {
  const u64 each = dst.order.nr_pages();
  const u64 nr = src.order.nr_pages() / each;
  // Restored, so every tail is writable; a trap was reported by the CPU, and the pages are lost, as after an oops.
  if (auto r = vmemmap_.split_compound_page(cpu, head, src.order, dst.order); !r) return r;
  std::array<Pfn, kBatch> heads{};
  for (u64 first = 0; first < nr; first += kBatch) {
    const std::span<Pfn> batch(heads.data(), std::min(kBatch, nr - first));
    for (u64 i = 0; i < batch.size(); ++i) {
      batch[i] = head + (first + i) * each;
      mark(cpu, batch[i], dst.order, true);
    }
    optimize(cpu, batch, dst.order);
    if (!optimizer_.design().batches_flushes) {
      for (const Pfn piece : batch) add_demoted(cpu, dst, piece);
      continue;
    }
    // A kernel that batches gathers the pieces last in front, and queues them from there: the lowest is in front.
    std::ranges::reverse(batch);
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    for (const Pfn piece : batch) {
      account_new(dst, piece);
      enqueue_hugetlb_folio(cpu, dst, piece);
    }
  }
  return {};
}

}  // namespace hvo
