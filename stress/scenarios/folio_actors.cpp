#include "stress/scenarios/actors.h"
#include "stress/scenarios/slots.h"

namespace hvo::stress {

namespace {

/// The last slots are for gigantic folios.
constexpr u64 kGiganticSlots = 2;

FolioSlot& default_slot(Shared& shared, Rng& rng) {
  return shared.slots[rng.below(shared.slots.size() - kGiganticSlots)];
}
FolioSlot& gigantic_slot(Shared& shared, Rng& rng) {
  return shared.slots[shared.slots.size() - kGiganticSlots + rng.below(kGiganticSlots)];
}

void change_fresh(Cpu& cpu, Machine& m, Shared& shared, FolioSlot& slot, Order order) {
  const SlotWord now =
      change_slot(cpu, m, shared, slot, [&](Cpu& c) { return m.hugetlb().alloc_migrate_hugetlb_folio(c, order); });
  if (&slot == shared.slots.data() && now.holds_folio()) {
    shared.first_folio.store(now.head().v, std::memory_order::relaxed);
  }
}

void change_pooled(Cpu& cpu, Machine& m, Shared& shared, FolioSlot& slot, Order order) {
  change_slot(cpu, m, shared, slot, [&](Cpu& c) { return m.hugetlb().alloc_hugetlb_folio(c, order); });
}

}  // namespace

void folio(Cpu& cpu, Machine& machine, Shared& shared, Rng& rng) {
  change_pooled(cpu, machine, shared, default_slot(shared, rng), machine.config().geometry.huge_order);
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

}  // namespace hvo::stress
