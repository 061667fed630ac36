// The pools' books, recounted from the struct pages up.
#include "core/hugetlb/hugetlb.h"

namespace hvo {

bool Hugetlb::complain(Cpu& cpu, u64 object, u64 expected, u64 seen, std::string_view what) const {
  cpu.report({.rule = Rule::conservation, .object = object, .expected = expected, .seen = seen, .what = what});
  return false;
}

bool Hugetlb::validate_marks(Cpu& cpu) {
  std::array<std::array<u64, kMaxNodes>, kMaxHstates> nr_marked{};
  bool ok = true;
  const Truth& truth = vmemmap_.truth();
  for (Pfn head{0}; head.v < vmemmap_.nr_pages(); head = head + truth.about(head).order.nr_pages()) {
    const Order order = truth.about(head).order;
    if (order.v == 0 || !is_marked(cpu, head)) continue;
    for (u32 i = 0; i < s_->nr_hstates; ++i) {
      nr_marked[i][vmemmap_.node_of(head).v] += s_->hstates[i].order == order ? 1 : 0;
    }
    if (!has_pool(order))
      ok = complain(cpu, head.v, 0, order.v, "a compound of no hugepage size is marked hugetlb (pfn)");
  }
  for (u32 i = 0; i < s_->nr_hstates; ++i) {
    const Hstate& h = s_->hstates[i];
    for (u32 n = 0; n < nr_nodes(); ++n) {
      const u64 nr = h.nodes[n].counters.nr_huge_pages + h.nodes[n].nr_lost;
      if (nr_marked[i][n] == nr) continue;
      ok = complain(cpu, h.order.v, nr, nr_marked[i][n], "folios of a node marked hugetlb are not its nr_huge_pages");
    }
  }
  return ok;
}

bool Hugetlb::validate(Cpu& cpu) {
  bool ok = validate_marks(cpu);
  {
    const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
    ok = validate_errors(cpu) && ok;
  }
  for (u32 i = 0; i < s_->nr_hstates; ++i) ok = validate_pool(cpu, s_->hstates[i]) && ok;
  return ok;
}

bool Hugetlb::validate_node_pool(Cpu& cpu, Hstate& h, NodeId node) {
  NodePool& of = h.nodes[node.v];
  const NodePoolCounters& c = of.counters;
  bool ok = true;
  u64 nr_listed = 0;
  free_list(of).for_each([&](u32 n) {
    const Pfn head = pfn_of(n);
    ++nr_listed;
    const auto pages = vmemmap_.pages(cpu);
    const Page page = vmemmap_.page_of(head);
    const Truth::Answer truth = vmemmap_.truth().about(head);
    if (truth.head != head || truth.order != h.order || !is_marked(cpu, head)) {
      ok =
          complain(cpu, head.v, h.order.v, truth.order.v, "what is on a free list is not a hugepage of its size (pfn)");
    }
    const NodeId lies_on = vmemmap_.node_of(head);
    if (lies_on != node)
      ok = complain(cpu, head.v, node.v, lies_on.v, "a folio on the free list of another node (pfn)");
    const u32 count = pages.refcount(page);
    if (!has_hpg(cpu, head, HPG_freed)) ok = complain(cpu, head.v, 1, 0, "a free folio that is not HPG_freed (pfn)");
    if (count != 0) ok = complain(cpu, head.v, 0, count, "a folio on a free list has references (pfn)");
  });
  if (nr_listed != c.free_huge_pages) {
    ok = complain(cpu, h.order.v, c.free_huge_pages, nr_listed, "folios on the free list are not free_huge_pages");
  }
  if (c.free_huge_pages > c.nr_huge_pages || c.surplus_huge_pages > c.nr_huge_pages) {
    ok = complain(cpu, h.order.v, c.nr_huge_pages, c.surplus_huge_pages, "more free or surplus folios than folios");
  }
  return ok;
}

bool Hugetlb::validate_pool(Cpu& cpu, Hstate& h) {
  const SpinIrqGuard guard(cpu, s_->hugetlb_lock);
  const PoolCounters& c = h.counters;
  bool ok = true;
  NodePoolCounters sum;
  for (NodeId n; n.v < nr_nodes(); ++n.v) {
    ok = validate_node_pool(cpu, h, n) && ok;
    const NodePoolCounters& of = h.nodes[n.v].counters;
    sum.nr_huge_pages += of.nr_huge_pages;
    sum.free_huge_pages += of.free_huge_pages;
    sum.surplus_huge_pages += of.surplus_huge_pages;
  }
  if (sum != NodePoolCounters{c.nr_huge_pages, c.free_huge_pages, c.surplus_huge_pages}) {
    ok =
        complain(cpu, h.order.v, c.nr_huge_pages, sum.nr_huge_pages, "a pool's counters are not the sum of its nodes'");
  }
  if (h.nr_demoting != 0) ok = complain(cpu, h.order.v, 0, h.nr_demoting, "a demotion was left half done");
  return ok;
}

}  // namespace hvo
