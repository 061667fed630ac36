#include "stress/scenarios/actors.h"
#include "stress/scenarios/slots.h"

namespace hvo::stress {

namespace {

/// The last slots are for gigantic folios.
constexpr u64 kGiganticSlots = 2;
constexpr int kLookupsOfRecycled = 200;

FolioSlot& default_slot(Shared& shared, Rng& rng) {
  return shared.slots[rng.below(shared.slots.size() - kGiganticSlots)];
}
FolioSlot& gigantic_slot(Shared& shared, Rng& rng) {
  return shared.slots[shared.slots.size() - kGiganticSlots + rng.below(kGiganticSlots)];
}

/// The default one; where there are more than two sizes, now and then any but the gigantic one.
Order size_of_folio(const Machine& m, Rng& rng) {
  const Geometry& g = m.config().geometry;
  const HugeSizes sizes = g.huge_sizes();
  if (sizes.size() <= 2 || !rng.one_in(4)) return g.huge_order;
  const Order order = sizes.begin()[rng.below(sizes.size())];
  return order == g.gigantic_order ? g.huge_order : order;
}

void change_fresh(Cpu& cpu, Machine& m, Shared& shared, FolioSlot& slot, Order order, Context put = Context::task) {
  const auto make = [&](Cpu& c) { return m.hugetlb().alloc_migrate_hugetlb_folio(c, order); };
  const SlotWord now = change_slot(cpu, m, shared, slot, make, put);
  if (&slot == shared.slots.data() && now.holds_folio()) {
    shared.first_folio.store(now.head().v, std::memory_order::relaxed);
  }
}

void change_pooled(Cpu& cpu, Machine& m, Shared& shared, FolioSlot& slot, Order order) {
  change_slot(cpu, m, shared, slot, [&](Cpu& c) { return m.hugetlb().alloc_hugetlb_folio(c, order); });
}

}  // namespace

void folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  change_pooled(cpu, machine, shared, default_slot(shared, rng), size_of_folio(machine, rng));
}

void gigantic_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const Order order = machine.config().geometry.gigantic_order;
  if (order.v != 0) change_pooled(cpu, machine, shared, gigantic_slot(shared, rng), order);
}

void fresh_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  change_fresh(cpu, machine, shared, default_slot(shared, rng), machine.config().geometry.huge_order);
}

void first_folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& /*rng*/) {
  change_fresh(cpu, machine, shared, shared.slots[0], machine.config().geometry.huge_order);
}

void fresh_gigantic(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const Order order = machine.config().geometry.gigantic_order;
  if (order.v != 0) change_fresh(cpu, machine, shared, gigantic_slot(shared, rng), order);
}

void fresh_atomic(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  change_fresh(cpu, machine, shared, default_slot(shared, rng), machine.config().geometry.huge_order, Context::atomic);
}

void recycle(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const Geometry& g = machine.config().geometry;
  std::vector<Pfn>& pages = shared.cpus[cpu.id()].recycled;
  for (u64 i = 0; i < g.huge_order.nr_pages(); ++i) {
    const auto page = machine.pages().alloc_pages(cpu, Order{0});
    if (page) pages.push_back(*page);
  }
  if (!pages.empty()) shared.first_folio.store(align_down(pages.back(), g.huge_order).v, std::memory_order::relaxed);
  // Those that walkers look at go last, and the folio comes right behind them.
  const auto is_watched = [&g](Pfn pfn) { return pfn.v % g.structs_per_page() == 0; };
  for (const bool watched : {false, true}) {
    for (const Pfn page : pages) {
      if (is_watched(page) == watched) (void)machine.hugetlb().folio_put(cpu, page);
    }
  }
  pages.clear();
  first_folio(cpu, machine, shared, rng);
  for (int i = 0; i < kLookupsOfRecycled; ++i) speculative(cpu, machine, shared, rng);  // in use for a while
  first_folio(cpu, machine, shared, rng);
}

}  // namespace hvo::stress
