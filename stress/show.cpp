#include "stress/show.h"

#include <cstdio>

namespace hvo::stress {

namespace {

using ull = unsigned long long;

void show_folio(Machine& m, Cpu& cpu, Pfn head) {
  const Geometry& g = m.config().geometry;
  const CpuPages pages = m.vmemmap().pages(cpu);
  std::puts("page frame map PG_head compound word       struct: Head Tail head-of");
  for (u64 i = 0; i < g.vmemmap_pages(g.huge_order); ++i) {
    const Page p = m.vmemmap().page_of(head + i * g.structs_per_page());
    const Translation t = m.page_table().walk(cpu, p.va);
    const u64 flags = pages.read_once(p, page_field::flags);
    const u64 word = pages.read_once(p, page_field::compound_head);
    const u64 inside = t.is_block ? (p.va % g.pmd_size()) / g.page_size() : 0;
    std::printf("%4llu %5llu %s  %d       0x%016llx\n", ull{i}, ull{t.frame.v} + inside, t.writable ? "RW" : "RO",
                (flags & PG_head) != 0 ? 1 : 0, ull{word});
    with_encoding(m.design().encoding, [&]<class E>(E) {
      for (const u64 n : {u64{0}, u64{1}, g.structs_per_page() - 1}) {
        const bool is_head = PageHead<E>(pages, p + n);
        const bool is_tail = PageTail<E>(pages, p + n);
        const Page found = compound_head<E>(pages, p + n);
        const bool fake = page_is_fake_head<E>(pages, p + n) && (flags & PG_head) != 0 && n == 0;
        std::printf("%43llu: %4d %4d %7llu%s\n", ull{i * g.structs_per_page() + n}, is_head ? 1 : 0, is_tail ? 1 : 0,
                    ull{m.vmemmap().pfn_of(found).v}, fake ? "  fake head" : "");
      }
    });
  }
}

}  // namespace

int show(const Design& design) {
  MachineConfig config;
  config.design = &design;
  auto machine = Machine::create(config);
  if (!machine) {
    std::fprintf(stderr, "hvo-stress: %s\n", machine.error().c_str());
    return 3;
  }
  Machine& m = **machine;
  Cpu& cpu = m.cpu(0);
  cpu.run();
  m.optimizer().set_enabled(cpu, false);
  const Order order = config.geometry.huge_order;
  for (const bool enabled : {false, true}) {
    m.optimizer().set_enabled(cpu, enabled);
    const auto head = m.hugetlb().alloc_migrate_hugetlb_folio(cpu, order);
    if (!head) break;
    std::printf("%s: %s, folio at pfn %llu\n", std::string(design.name).c_str(),
                enabled ? "optimised" : "not optimised", ull{head->v});
    show_folio(m, cpu, *head);
    if (!m.hugetlb().folio_put(cpu, *head)) break;
  }
  cpu.idle();
  return 0;
}

}  // namespace hvo::stress
