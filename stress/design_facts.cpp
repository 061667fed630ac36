#include "stress/design_facts.h"

#include <algorithm>

#include "core/machine/machine.h"

namespace hvo::stress {

namespace {

using MadeMachine = std::expected<std::unique_ptr<Machine>, std::string>;

/// One struct page of each kind, on a machine with one optimised hugepage.
std::expected<std::array<Page, kLookedUp.size()>, std::string> find_pages(Machine& m, Cpu& cpu) {
  constexpr std::string_view kNoMemory = "a small machine had no memory for one hugepage";
  const Geometry& g = m.config().geometry;
  const auto hugepage = m.hugetlb().alloc_migrate_hugetlb_folio(cpu, g.huge_order);
  if (!hugepage) return std::unexpected(std::string(kNoMemory));
  Pfn small;
  do {
    const auto compound = m.pages().alloc_pages(cpu, Order{1});
    if (!compound) return std::unexpected(std::string(kNoMemory));
    small = *compound;
  } while (small.v % g.structs_per_page() == 0);
  Pfn free = Pfn{m.vmemmap().nr_pages()} - g.structs_per_page();
  while (m.vmemmap().truth().about(free).order.v != 0) free = free - g.structs_per_page();
  const auto page = [&](Pfn pfn) { return m.vmemmap().page_of(pfn); };
  std::array<Page, kLookedUp.size()> pages{};
  const auto set = [&pages](LookedUp kind, Page p) { pages[static_cast<std::size_t>(kind)] = p; };
  set(LookedUp::head, page(small));
  set(LookedUp::hugepage_head, page(*hugepage));
  set(LookedUp::tail, page(*hugepage + 1));
  set(LookedUp::aliased_tail, page(*hugepage + (g.huge_order.nr_pages() - g.structs_per_page())));
  set(LookedUp::page, page(free + 1));
  set(LookedUp::aligned_page, page(free));
  return pages;
}

std::expected<void, std::string> count_lookups(DesignFacts& facts) {
  MachineConfig config;
  config.design = facts.design;
  config.nr_cpus = 1;
  const MadeMachine machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  Cpu& cpu = (*machine)->cpu(0);
  cpu.run();
  const auto pages = find_pages(**machine, cpu);
  if (pages) {
    with_encoding(facts.design->encoding, [&]<class E>(E) {
      const CpuPages accessor = (*machine)->vmemmap().pages(cpu);
      std::ranges::transform(*pages, facts.lookups.begin(), [&](Page p) { return lookup_cost<E>(accessor, p); });
    });
  }
  cpu.idle();
  if (!pages) return std::unexpected(pages.error());
  return {};
}

/// A pool comes, a folio is demoted, all goes again.
std::expected<void, std::string> try_break_before_make(DesignFacts& facts) {
  MachineConfig config;
  config.geometry = *find_geometry("tiny");
  config.design = facts.design;
  config.memory_pages = u64{1} << 10;
  config.nr_cpus = 1;
  config.break_before_make = true;
  const MadeMachine machine = Machine::create(config);
  if (!machine) return std::unexpected(machine.error());
  Machine& m = **machine;
  Cpu& cpu = m.cpu(0);
  cpu.run();
  m.hugetlb().set_max_huge_pages(cpu, config.geometry.gigantic_order, 2);
  m.hugetlb().set_max_huge_pages(cpu, config.geometry.huge_order, 4);
  (void)m.hugetlb().demote_pool_huge_pages(cpu, config.geometry.gigantic_order, 1);
  m.hugetlb().set_max_huge_pages(cpu, config.geometry.gigantic_order, 0);
  m.hugetlb().set_max_huge_pages(cpu, config.geometry.huge_order, 0);
  cpu.idle();
  const ViolationLog& log = m.diagnostics(0).violations;
  for (unsigned i = 0; i < log.nr_kept; ++i) {
    if (log.first[i].rule != Rule::break_before_make) continue;
    const auto known = std::ranges::find(facts.unbroken_makes, log.first[i].op, &UnbrokenMake::op);
    if (known == facts.unbroken_makes.end()) {
      facts.unbroken_makes.push_back({log.first[i].op, log.times[i]});
    } else {
      known->times += log.times[i];
    }
  }
  return {};
}

}  // namespace

std::expected<std::vector<DesignFacts>, std::string> design_facts() {
  std::vector<DesignFacts> all;
  for (const Design& design : kDesigns) {
    DesignFacts& facts = all.emplace_back();
    facts.design = &design;
    if (auto r = count_lookups(facts); !r) return std::unexpected(r.error());
    if (auto r = try_break_before_make(facts); !r) return std::unexpected(r.error());
  }
  return all;
}

}  // namespace hvo::stress
