#include "tests/stress/explore/explain/replayed.h"

#include <algorithm>

namespace hvo::test {

namespace {

MachineConfig machine_config(std::string_view design, u32 nr_cpus) {
  MachineConfig c;
  c.geometry = *find_geometry("tiny");
  c.design = find_design(design);
  c.memory_pages = 128;
  c.nr_cpus = nr_cpus;
  c.recording = false;
  return c;
}

Order order_of(const Machine& machine) {
  const Geometry& g = machine.config().geometry;
  return g.vmemmap_pages(g.huge_order) > machine.design().nr_kept_pages() ? g.huge_order : g.gigantic_order;
}

}  // namespace

Replayed::Replayed(std::string_view design, u32 nr_cpus)
    : machine_(Machine::create(machine_config(design, nr_cpus)).value()) {
  begin_here();
}

bool Replayed::find(const std::vector<Body>& bodies, u32 preemptions, const Fits& fits) {
  const auto found = explorer_->find(bodies, preemptions, fits);
  if (found) moments_ = explorer_->replay(bodies, found->decisions);
  explorer_->restore();
  return found.has_value();
}

ReplayedWalk::ReplayedWalk(std::string_view design, Op walker, u32 nr_cpus)
    : Replayed(design, nr_cpus),
      walker_(walker),
      page_{machine().design().nr_kept_pages() * machine().config().geometry.structs_per_page()} {
  use_page();
  begin_here();
}

void ReplayedWalk::use_page() {
  Cpu& cpu = machine().cpu(0);
  cpu.run();
  std::vector<Pfn> others;
  for (Pfn got{}; got != page_;) {
    got = machine().pages().alloc_pages(cpu, Order{0}).value();
    if (got != page_) others.push_back(got);
  }
  for (const Pfn other : others) machine().pages().put_page(cpu, other, Order{0});
  cpu.idle();
}

void ReplayedWalk::recycle(Cpu& cpu) {
  machine().pages().put_page(cpu, page_, Order{0});
  (void)machine().hugetlb().alloc_migrate_hugetlb_folio(cpu, order_of(machine()));
}

void ReplayedWalk::walk(Cpu& cpu) {
  const OpScope scope(cpu, walker_);
  const CpuPages pages = machine().vmemmap().pages(cpu);
  const Page page = machine().vmemmap().page_of(page_);
  if (walker_ == Op::pfn_walk_filtered) {
    const bool is_tail =
        with_encoding(machine().design().encoding, [&]<class E>(E) { return PageTail<E>(pages, page); });
    if (is_tail || pages.refcount(page) == 0) return;
  }
  const auto taken = get_page_unless_zero(machine().design(), pages, page);
  if (taken && *taken) (void)machine().hugetlb().folio_put(cpu, page_);
}

bool ReplayedWalk::find(u32 preemptions) {
  std::vector<Body> bodies{[this](Cpu& cpu) { recycle(cpu); }, [this](Cpu& cpu) { walk(cpu); }};
  if (machine().nr_cpus() > 2) {
    bodies.emplace_back([this](Cpu& cpu) {
      const auto page = machine().pages().alloc_pages(cpu, Order{0});
      if (page) machine().pages().put_page(cpu, *page, Order{0});
    });
  }
  return Replayed::find(bodies, preemptions, [this](const Ended& result) {
    const auto is_trap = [](const Violation& v) { return v.rule == Rule::read_only_store && v.cpu == 1; };
    const auto found = std::ranges::find_if(result.violations, is_trap);
    if (found == result.violations.end()) return false;
    violation_ = *found;
    return true;
  });
}

}  // namespace hvo::test
