#include "core/pages/page_allocator.h"

namespace hvo {

PageAllocator::PageAllocator(Arena& arena, Vmemmap& vmemmap, Budget budget)
    : vmemmap_(vmemmap), budget_(budget), s_(&arena.make<State>()), buddy_(arena, vmemmap.nr_pages()) {
  HVO_CHECK(buddy_.free_range({0}, {vmemmap.nr_pages()}), "a new buddy takes all its pages");
}

std::expected<Pfn, Errno> PageAllocator::alloc_frozen_pages(Cpu& cpu, Order order) {
  const OpScope scope(cpu, Op::alloc_pages);
  if (!budget_.charge(cpu, order.nr_pages())) return std::unexpected(Errno::enomem);
  {
    const SpinGuard guard(cpu, s_->zone_lock);
    if (const auto first = buddy_.alloc(order)) {
      cpu.count(Event::page_alloc);
      return *first;
    }
  }
  budget_.uncharge(cpu, order.nr_pages());
  return std::unexpected(Errno::enomem);
}

std::expected<Pfn, Errno> PageAllocator::alloc_pages(Cpu& cpu, Order order) {
  const auto first = alloc_frozen_pages(cpu, order);
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
  {
    const SpinGuard guard(cpu, s_->zone_lock);
    if (!buddy_.free(first, order)) {
      cpu.report({.rule = Rule::conservation, .object = first.v, .seen = order.v, .what = "pages freed twice (pfn)"});
      return;
    }
  }
  cpu.count(Event::page_free);
  budget_.uncharge(cpu, order.nr_pages());
}

void PageAllocator::put_page(Cpu& cpu, Pfn head, Order order) {
  const auto last = put_page_testzero(vmemmap_.pages(cpu), vmemmap_.page_of(head));
  if (last && *last) free_frozen_pages(cpu, head, order);
}

u64 PageAllocator::nr_free(Cpu& cpu) {
  const SpinGuard guard(cpu, s_->zone_lock);
  return buddy_.nr_free();
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

bool PageAllocator::validate(Cpu& cpu) {
  const SpinGuard guard(cpu, s_->zone_lock);
  bool ok = buddy_.validate();
  if (!ok) cpu.report({.rule = Rule::conservation, .what = "the page buddy's books don't match its bitmaps"});
  for (Pfn pfn{0}; pfn.v < vmemmap_.nr_pages(); ++pfn) {
    if (buddy_.is_free(pfn)) ok = validate_free_page(cpu, pfn) && ok;
  }
  return ok;
}

}  // namespace hvo
