#include "stress/scenarios/actors.h"
#include "stress/scenarios/slots.h"

namespace hvo::stress {

namespace {

/// Folios by which a pool may grow beyond what it was booted with.
constexpr u64 kRoom = 8;

u64 booted_with(const Machine& m, Order order) {
  for (const PoolConfig& pool : m.config().pools) {
    if (pool.order == order) return pool.nr_huge_pages;
  }
  return 0;
}

/// Mostly the default one; where there are further sizes, now and then one of those, or demotion would fill them up.
Order pool_to_resize(Machine& m, Rng& rng) {
  const Geometry& g = m.config().geometry;
  const std::span<const Hstate> pools = m.hugetlb().hstates();
  if (pools.size() <= 2 || rng.one_in(2)) return g.huge_order;
  const Order order = pools[rng.below(pools.size())].order;
  return order == g.gigantic_order ? g.huge_order : order;
}

/// The folio in some slot, or none.
SlotWord any_slot(Shared& shared, Rng& rng) {
  return {shared.slots[rng.below(shared.slots.size())].word.load(std::memory_order::acquire)};  // (2)
}

/// Errors cost pages for good, and a machine keeps a limited list.
constexpr u32 kMostPoisoned = 8;

}  // namespace

void resize(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  const Order order = pool_to_resize(machine, rng);
  machine.hugetlb().set_max_huge_pages(cpu, order, rng.below(booted_with(machine, order) + kRoom));
}

void resize_gigantic(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  const Order order = machine.config().geometry.gigantic_order;
  const u64 most = booted_with(machine, order);
  // Mostly up again: demotion takes them away.
  if (most != 0) machine.hugetlb().set_max_huge_pages(cpu, order, rng.one_in(4) ? rng.below(most + 1) : most);
}

void demote(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  const std::span<const Hstate> pools = machine.hugetlb().hstates();
  if (pools.size() < 2) return;
  // Of two sizes only one can be demoted, and only to the other.
  if (pools.size() == 2) {
    (void)machine.hugetlb().demote_pool_huge_pages(cpu, pools[0].order, 1);
    return;
  }
  const u64 from = rng.one_in(2) ? 0 : rng.below(pools.size() - 1);
  const u64 to = from + 1 + rng.below(pools.size() - 1 - from);
  (void)machine.hugetlb().set_demote_size(cpu, pools[from].order, pools[to].order);
  (void)machine.hugetlb().demote_pool_huge_pages(cpu, pools[from].order, 1);
}

void dissolve(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  // Without a reference: it may be free by now, in use again, or no hugepage at all.
  const SlotWord word = any_slot(shared, rng);
  if (word.holds_folio()) shared.cpus[cpu.id()].remembered = word.head();
  const Pfn head = shared.cpus[cpu.id()].remembered;
  if (head != kNoPfn) (void)machine.hugetlb().dissolve_free_hugetlb_folio(cpu, head);
}

void poison(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  const SlotWord word = any_slot(shared, rng);
  if (!word.holds_folio() || shared.nr_poisoned.load(std::memory_order::relaxed) >= kMostPoisoned) return;
  if (shared.nr_poisoned.fetch_add(1, std::memory_order::relaxed) >= kMostPoisoned) return;
  const u64 n = machine.config().geometry.huge_order.nr_pages();
  const Pfn pfn = word.head() + rng.below(n);
  if (pfn.v < machine.vmemmap().nr_pages()) (void)machine.hugetlb().memory_failure(cpu, pfn);
}

void sysctl(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  machine.optimizer().set_enabled(cpu, !rng.one_in(3));
}

void work(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& /*rng*/) { machine.hugetlb().free_hpage_work(cpu); }

}  // namespace hvo::stress
