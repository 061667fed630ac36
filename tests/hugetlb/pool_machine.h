// PoolMachine: a machine whose CPU 0 runs, and what tests of pools ask of it.
#pragma once

#include <gtest/gtest.h>

#include "core/machine/machine.h"

namespace hvo::test {

struct PoolSetup {
  std::string_view geometry = "tiny";
  std::string_view design = "fake-head";
  u64 memory_pages = u64{1} << 10;
  FailurePlan failures{};
  u32 nr_cpus = 2;
  u32 nr_nodes = 1;
};

class PoolMachine {
 public:
  explicit PoolMachine(const PoolSetup& setup = {}) {
    MachineConfig config;
    config.geometry = *find_geometry(setup.geometry);
    config.design = find_design(setup.design);
    config.memory_pages = setup.memory_pages;
    config.failures = setup.failures;
    config.nr_cpus = setup.nr_cpus;
    config.nr_nodes = setup.nr_nodes;
    machine_ = std::move(*Machine::create(config));
    cpu().run();
  }
  ~PoolMachine() { cpu().idle(); }
  PoolMachine(const PoolMachine&) = delete;
  PoolMachine& operator=(const PoolMachine&) = delete;

  Machine& operator*() { return *machine_; }
  Machine* operator->() { return machine_.get(); }
  Cpu& cpu() { return machine_->cpu(0); }
  Hugetlb& hugetlb() { return machine_->hugetlb(); }
  Order huge() const { return machine_->config().geometry.huge_order; }
  Order gigantic() const { return machine_->config().geometry.gigantic_order; }
  PoolCounters counters(Order order) { return hugetlb().counters(cpu(), order); }
  NodePoolCounters counters(Order order, u32 node) { return hugetlb().counters(cpu(), order, {node}); }
  NodeId node_of(Pfn pfn) { return machine_->vmemmap().node_of(pfn); }
  u64 count(Event e) const { return machine_->diagnostics(0).counts[e]; }
  /// Frames that back struct pages, counted from the page tables.
  u64 mapped() {
    cpu().idle();
    const u64 n = machine_->census().mapped;
    cpu().run();
    return n;
  }
  bool is_valid() {
    cpu().idle();
    const bool ok = machine_->validate() && machine_->nr_violations() == 0;
    cpu().run();
    return ok;
  }
  /// Takes every free page away, so that nothing can be restored; give_memory_back undoes it.
  void take_memory() {
    while (const auto page = machine_->pages().alloc_pages(cpu(), Order{0})) taken_.push_back(*page);
  }
  /// The same on one node.
  void take_memory(NodeId node) {
    while (const auto page = machine_->pages().alloc_pages(cpu(), Order{0}, Placement::only(node))) {
      taken_.push_back(*page);
    }
  }
  void give_memory_back() {
    for (const Pfn page : taken_) EXPECT_TRUE(hugetlb().folio_put(cpu(), page));
    taken_.clear();
  }

 private:
  std::unique_ptr<Machine> machine_;
  std::vector<Pfn> taken_;
};

inline PoolCounters pool(u64 nr, u64 free, u64 surplus, u64 overcommit, u64 max) {
  return {nr, free, surplus, overcommit, max};
}

inline NodePoolCounters node_pool(u64 nr, u64 free, u64 surplus) { return {nr, free, surplus}; }

}  // namespace hvo::test

namespace hvo {
/// For GoogleTest.
inline void PrintTo(const NodePoolCounters& c, std::ostream* os) {
  *os << "nr " << c.nr_huge_pages << " free " << c.free_huge_pages << " surplus " << c.surplus_huge_pages;
}
inline void PrintTo(const PoolCounters& c, std::ostream* os) {
  *os << "nr " << c.nr_huge_pages << " free " << c.free_huge_pages << " surplus " << c.surplus_huge_pages
      << " overcommit " << c.nr_overcommit_huge_pages << " max " << c.max_huge_pages;
}
}  // namespace hvo
