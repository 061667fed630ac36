#include "stress/scenarios/actors.h"

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

}  // namespace

void resize(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  const Order order = machine.config().geometry.huge_order;
  machine.hugetlb().set_max_huge_pages(cpu, order, rng.below(booted_with(machine, order) + kRoom));
}

void resize_gigantic(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& rng) {
  const Order order = machine.config().geometry.gigantic_order;
  const u64 most = booted_with(machine, order);
  // Mostly up again: demotion takes them away.
  if (most != 0) machine.hugetlb().set_max_huge_pages(cpu, order, rng.one_in(4) ? rng.below(most + 1) : most);
}

void demote(Cpu& cpu, Machine& machine, Shared& /*shared*/, Rng& /*rng*/) {
  const Order order = machine.config().geometry.gigantic_order;
  if (order.v != 0) (void)machine.hugetlb().demote_pool_huge_pages(cpu, order, 1);
}

}  // namespace hvo::stress
