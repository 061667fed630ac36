#include "core/pages/page_allocator.h"

namespace hvo {

PageAllocator::PageAllocator(Arena& arena, Vmemmap& vmemmap, std::span<const Budget> budgets)
    : vmemmap_(vmemmap), s_(&arena.make<State>()) {
  const NodeRanges<Pfn>& ranges = vmemmap.nodes();
  HVO_CHECK(budgets.size() == ranges.nr_nodes(), "each node has a budget");
  nodes_.reserve(budgets.size());
  for (NodeId n; n.v < budgets.size(); ++n.v) {
    SpinLock& lock = arena.make<SpinLock>(LockRank(LockClass::zone, 1));
    // The last node also has what does not divide, which is nothing where there are several.
    const Pfn first = ranges.first_of(n);
    const Pfn end = n.v + 1 == budgets.size() ? Pfn{vmemmap.nr_pages()} : first + ranges.per_node();
    Buddy<Pfn> buddy(arena, end - first, first);
    HVO_CHECK(buddy.free_range(first, end), "a new buddy takes all its pages");
    nodes_.push_back({lock, budgets[n.v], buddy});
  }
}

Pfn PageAllocator::take(Cpu& cpu, NodePages& node, Order order) {
  if (!node.budget.charge(cpu, order.nr_pages())) return kNoPfn;
  {
    const SpinGuard guard(cpu, node.zone_lock);
    if (const auto first = node.buddy.alloc(order)) return *first;
  }
  node.budget.uncharge(cpu, order.nr_pages());
  return kNoPfn;
}

std::expected<Pfn, Errno> PageAllocator::alloc_frozen_pages(Cpu& cpu, Order order, Placement at) {
  const OpScope scope(cpu, Op::alloc_pages);
  const auto nr_nodes = static_cast<u32>(nodes_.size());
  const u32 first = at.node_for(cpu.id(), nr_nodes).v;
  const u32 nr_asked = at.this_node_only ? 1 : nr_nodes;
  for (u32 i = 0; i < nr_asked; ++i) {
    const Pfn taken = take(cpu, nodes_[first + i < nr_nodes ? first + i : first + i - nr_nodes], order);
    if (taken == kNoPfn) continue;
    cpu.count(Event::page_alloc);
    return taken;
  }
  return std::unexpected(Errno::enomem);
}

bool PageAllocator::take_boot_pages(Cpu& cpu, Pfn first, Order order) {
  NodePages& node = owner(first);
  if (!node.budget.charge(cpu, order.nr_pages())) return false;
  {
    const SpinGuard guard(cpu, node.zone_lock);
    if (node.buddy.alloc_range(first, first + order.nr_pages())) return true;
  }
  node.budget.uncharge(cpu, order.nr_pages());
  return false;
}

std::expected<Pfn, Errno> PageAllocator::alloc_pages(Cpu& cpu, Order order, Placement at) {
  const auto first = alloc_frozen_pages(cpu, order, at);
  if (!first) return first;
  if (order.v > 0) {
    if (auto r = vmemmap_.prep_compound_page(cpu, *first, order); !r) return std::unexpected(r.error());
  }
  if (!page_ref_unfreeze(vmemmap_.pages(cpu), vmemmap_.page_of(*first), 1)) return std::unexpected(Errno::efault);
  return first;
}

void PageAllocator::free_frozen_pages(Cpu& cpu, Pfn head, Order order) {
  const OpScope scope(cpu, Op::free_pages);
  bool bad = vmemmap_.check_at_free(cpu, head, order) != 0;
  if (!bad && order.v > 0) bad = !vmemmap_.destroy_compound_page(cpu, head, order);
  if (bad) {
    cpu.fetch_add(s_->nr_leaked, order.nr_pages());
    return;
  }
  free_frozen_range(cpu, head, order);
}

void PageAllocator::free_frozen_range(Cpu& cpu, Pfn first, Order order) {
  if (cpu.read_once(vmemmap_.nr_poisoned()) != 0) {
    free_healthy_pages(cpu, first, order);
    return;
  }
  free_to_buddy(cpu, first, order);
}

void PageAllocator::free_healthy_pages(Cpu& cpu, Pfn first, Order order) {
  u64 nr_bad = 0;
  for (u64 i = 0; i < order.nr_pages(); ++i) nr_bad += is_poisoned(cpu, first + i) ? 1 : 0;
  if (nr_bad == 0) {
    free_to_buddy(cpu, first, order);
    return;
  }
  cpu.fetch_add(s_->nr_kept_out, nr_bad);
  for (u64 i = 0; i < order.nr_pages(); ++i) {
    if (!is_poisoned(cpu, first + i)) free_to_buddy(cpu, first + i, Order{0});
  }
}

void PageAllocator::free_to_buddy(Cpu& cpu, Pfn first, Order order) {
  NodePages& node = owner(first);
  {
    const SpinGuard guard(cpu, node.zone_lock);
    if (!node.buddy.free(first, order)) {
      cpu.report({.rule = Rule::conservation, .object = first.v, .seen = order.v, .what = "pages freed twice (pfn)"});
      return;
    }
  }
  cpu.count(Event::page_free);
  node.budget.uncharge(cpu, order.nr_pages());
}

void PageAllocator::put_page(Cpu& cpu, Pfn head, Order order) {
  const auto last = put_page_testzero(vmemmap_.pages(cpu), vmemmap_.page_of(head));
  if (last && *last) free_frozen_pages(cpu, head, order);
}

u64 PageAllocator::nr_free(Cpu& cpu, NodeId node) {
  NodePages& n = nodes_[node.v];
  const SpinGuard guard(cpu, n.zone_lock);
  return n.buddy.nr_free();
}

u64 PageAllocator::nr_free(Cpu& cpu) {
  u64 sum = 0;
  for (NodeId n; n.v < nodes_.size(); ++n.v) sum += nr_free(cpu, n);
  return sum;
}

bool PageAllocator::validate_free_page(Cpu& cpu, Pfn pfn) {
  const Order order = vmemmap_.truth().about(pfn).order;
  if (is_poisoned(cpu, pfn)) {
    cpu.report(
        {.rule = Rule::bad_page, .object = pfn.v, .what = "a page with a memory error is free to be used (pfn)"});
    return false;
  }
  if (order.v == 0) return vmemmap_.check_at_free(cpu, pfn, Order{0}) == 0;
  cpu.report(
      {.rule = Rule::conservation, .object = pfn.v, .seen = order.v, .what = "a free page is in a compound (pfn)"});
  return false;
}

bool PageAllocator::validate_node(Cpu& cpu, NodeId id) {
  NodePages& node = nodes_[id.v];
  const SpinGuard guard(cpu, node.zone_lock);
  bool ok = node.buddy.validate();
  if (!ok) {
    cpu.report(
        {.rule = Rule::conservation, .object = id.v, .what = "the page buddy's books don't match its bitmaps (node)"});
  }
  const Pfn first = node.buddy.first_unit();
  for (Pfn pfn = first; pfn < first + node.buddy.nr_units(); ++pfn) {
    if (node.buddy.is_free(pfn)) ok = validate_free_page(cpu, pfn) && ok;
  }
  return ok;
}

bool PageAllocator::validate(Cpu& cpu) {
  bool ok = true;
  for (NodeId n; n.v < nodes_.size(); ++n.v) ok = validate_node(cpu, n) && ok;
  return ok;
}

}  // namespace hvo
